"""Hand-written ASGI handlers for the posts-and-users queries: what an expert would write for just these.

`KIND` in the environment chooses: `bare` (bare client, orjson, comprehensions), `typed` (bare client,
msgspec structs), `aiohttp` (aiohttp client, orjson), `shared` (typed, identical requests in flight
shared), `constant` (no upstream: the server's own floor).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import orjson

from benchmarks.load import data
from benchmarks.peers.bare_client import Client

KIND = os.environ.get("KIND", "bare")
UPSTREAM = os.environ.get("UPSTREAM", "http://127.0.0.1:1")
USERS = data.USERS_PATH.partition("?")[0] + "?"

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class Post(msgspec.Struct):
    id: int
    userId: int  # noqa: N815 - the upstream's name
    title: str


class User(msgspec.Struct):
    id: int
    name: str
    email: str


class PostWithUser(msgspec.Struct):
    id: int
    userId: int  # noqa: N815 - the upstream's name
    title: str
    user: User | None


class Posts(msgspec.Struct):
    posts: list[PostWithUser]


class Answer(msgspec.Struct):
    data: Posts


decode_posts = msgspec.json.Decoder(list[Post]).decode
decode_users = msgspec.json.Decoder(list[User]).decode
encode = msgspec.json.Encoder().encode


def users_path(ids: list[int]) -> bytes:
    return (USERS + "&".join([f"id={number}" for number in ids])).encode()


class ByHand:
    """The handlers, each from the request's document to the bytes of the answer."""

    def __init__(self) -> None:
        self.client = Client(UPSTREAM)
        self.session: Any = None
        self.flights: dict[bytes, asyncio.Future[bytes]] = {}

    async def get(self, path: bytes) -> bytes:
        if KIND != "aiohttp":
            return await self.client.get(path)
        import aiohttp
        import yarl

        if self.session is None:
            self.session = aiohttp.ClientSession(
                cookie_jar=aiohttp.DummyCookieJar(), connector=aiohttp.TCPConnector(limit=0)
            )
        url = yarl.URL(UPSTREAM + path.decode(), encoded=True)
        async with self.session.get(url, allow_redirects=False) as response:
            body: bytes = await response.read()
            return body

    async def posts_and_users(self) -> bytes:
        posts = orjson.loads(await self.get(b"/posts"))
        ids = list(dict.fromkeys([post["userId"] for post in posts]))
        rows = orjson.loads(await self.get(users_path(ids)))
        users = {
            row["id"]: {"id": row["id"], "name": row["name"], "email": row["email"]} for row in rows
        }
        return orjson.dumps(
            {
                "data": {
                    "posts": [
                        {
                            "id": post["id"],
                            "userId": post["userId"],
                            "title": post["title"],
                            "user": users.get(post["userId"]),
                        }
                        for post in posts
                    ]
                }
            }
        )

    async def posts_and_users_typed(self) -> bytes:
        posts = decode_posts(await self.get(b"/posts"))
        ids = list(dict.fromkeys([post.userId for post in posts]))
        users = {user.id: user for user in decode_users(await self.get(users_path(ids)))}
        find = users.get
        rows = [PostWithUser(p.id, p.userId, p.title, find(p.userId)) for p in posts]
        return encode(Answer(Posts(rows)))

    async def titles(self) -> bytes:
        posts = orjson.loads(await self.get(b"/posts"))
        return orjson.dumps({"data": {"posts": [{"title": post["title"]} for post in posts]}})

    async def shared(self, body: bytes, answer: Callable[[], Awaitable[bytes]]) -> bytes:
        flight = self.flights.get(body)
        if flight is not None:
            return await flight
        flight = self.flights[body] = asyncio.get_running_loop().create_future()
        try:
            result = await answer()
            flight.set_result(result)
            return result
        finally:
            del self.flights[body]


HEADERS = [(b"content-type", b"application/json")]
by_hand = ByHand()
joined_bytes = orjson.dumps(data.joined())


async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Parse the JSON body, choose by the document, answer."""
    if scope["type"] != "http":
        return
    message = await receive()
    body = message["body"]
    while message["more_body"]:
        message = await receive()
        body += message["body"]
    if KIND == "constant":
        answer = joined_bytes
    else:
        query = orjson.loads(body)["query"]
        if query == data.TITLES:
            handler = by_hand.titles
        elif KIND in ("typed", "shared"):
            handler = by_hand.posts_and_users_typed
        else:
            handler = by_hand.posts_and_users
        answer = await (by_hand.shared(body, handler) if KIND == "shared" else handler())
    length = (b"content-length", str(len(answer)).encode())
    await send({"type": "http.response.start", "status": 200, "headers": [*HEADERS, length]})
    await send({"type": "http.response.body", "body": answer})

"""Hand-written ASGI handlers: what an expert would write for just one query.

`SCENARIO` in the environment says which. `KIND` chooses how: `bare` (bare client, orjson, comprehensions),
`typed` (bare client, msgspec structs), `aiohttp` (aiohttp client, orjson), `shared` (typed, identical
requests in flight shared), `constant` (no upstream: the server's own floor).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from benchmarks.peers.bare_client import Client
from benchmarks.peers.by_hand_plain import PLAIN, query_of
from benchmarks.peers.by_hand_typed import TYPED

KIND = os.environ.get("KIND", "bare")
UPSTREAM = os.environ.get("UPSTREAM", "http://127.0.0.1:1")
SCENARIO = os.environ.get("SCENARIO", "posts-and-users")

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class Aiohttp:
    """The same two calls as the bare client's, on aiohttp."""

    def __init__(self, base_url: str) -> None:
        import aiohttp

        self.base_url = base_url
        self.session = aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(), connector=aiohttp.TCPConnector(limit=0)
        )

    async def request(self, method: str, path: bytes, body: bytes | None = None) -> bytes:
        import yarl

        url = yarl.URL(self.base_url + path.decode(), encoded=True)
        headers = {"content-type": "application/json"} if body else None
        sending = self.session.request(
            method, url, data=body, headers=headers, allow_redirects=False
        )
        async with sending as response:
            answer: bytes = await response.read()
            return answer

    async def get(self, path: bytes) -> bytes:
        return await self.request("GET", path)

    async def post(self, path: bytes, body: bytes) -> bytes:
        return await self.request("POST", path, body)


class State:
    """What lives as long as the process."""

    client: Any = None
    constant: bytes | None = None
    flights: dict[str, asyncio.Future[bytes]] = {}  # noqa: RUF012 - one instance


state = State()


async def shared(body: bytes) -> bytes:
    """The answer of an equal request in flight, if there is one."""
    query = query_of(body)
    flight = state.flights.get(query)
    if flight is not None:
        return await flight
    flight = state.flights[query] = asyncio.get_running_loop().create_future()
    try:
        answer = await TYPED[SCENARIO](state.client, body)
        flight.set_result(answer)
        return answer
    finally:
        del state.flights[query]


HEADERS = [(b"content-type", b"application/json")]


def constant() -> bytes:
    """The scenario's answer, made once; imported here since the others' memory is measured too."""
    if state.constant is None:
        from benchmarks.load.scenarios import SCENARIOS

        state.constant = orjson.dumps(SCENARIOS[SCENARIO].answer(1))
    return state.constant


async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Read the body, answer."""
    if scope["type"] != "http":
        return
    message = await receive()
    body = message["body"]
    while message["more_body"]:
        message = await receive()
        body += message["body"]
    if state.client is None:
        state.client = Aiohttp(UPSTREAM) if KIND == "aiohttp" else Client(UPSTREAM)
    if KIND == "constant":
        answer = constant()
    elif KIND == "shared":
        answer = await shared(body)
    else:
        answer = await (TYPED if KIND == "typed" else PLAIN)[SCENARIO](state.client, body)
    length = (b"content-length", str(len(answer)).encode())
    await send({"type": "http.response.start", "status": 200, "headers": [*HEADERS, length]})
    await send({"type": "http.response.body", "body": answer})

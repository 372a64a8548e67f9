"""The hand-written handlers over dicts: decode with orjson, comprehend, encode with orjson."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any

import orjson

Handler = Callable[[Any, bytes], Awaitable[bytes]]


def ids_query(ids: list[int]) -> bytes:
    return "&".join([f"id={number}" for number in ids]).encode()


def query_of(body: bytes) -> str:
    """A handler that serves one query still decodes its request."""
    query: str = orjson.loads(body)["query"]
    return query


async def posts_and_users(client: Any, body: bytes) -> bytes:
    query_of(body)
    posts = orjson.loads(await client.get(b"/posts"))
    ids = list(dict.fromkeys([post["userId"] for post in posts]))
    rows = orjson.loads(await client.get(b"/users?" + ids_query(ids)))
    users = {r["id"]: {"id": r["id"], "name": r["name"], "email": r["email"]} for r in rows}
    return orjson.dumps(
        {"data": {"posts": [
            {
                "id": post["id"], "userId": post["userId"], "title": post["title"],
                "user": users.get(post["userId"]),
            }
            for post in posts
        ]}}
    )  # fmt: skip


async def three_sources(client: Any, body: bytes) -> bytes:
    query_of(body)
    posts = orjson.loads(await client.get(b"/posts"))
    user_ids = list(dict.fromkeys([post["userId"] for post in posts]))
    users_body, stats_body = await asyncio.gather(
        client.get(b"/users?" + ids_query(user_ids)),
        client.get(b"/stats?" + ids_query([post["id"] for post in posts])),
    )
    users = {
        r["id"]: {"id": r["id"], "name": r["name"], "email": r["email"]}
        for r in orjson.loads(users_body)
    }
    stats = {r["id"]: {"views": r["views"], "likes": r["likes"]} for r in orjson.loads(stats_body)}
    return orjson.dumps(
        {"data": {"posts": [
            {
                "id": post["id"], "title": post["title"], "user": users.get(post["userId"]),
                "stats": stats.get(post["id"]),
            }
            for post in posts
        ]}}
    )  # fmt: skip


async def titles(client: Any, body: bytes) -> bytes:
    query_of(body)
    posts = orjson.loads(await client.get(b"/posts"))
    return orjson.dumps({"data": {"posts": [{"title": post["title"]} for post in posts]}})


async def wide_list(client: Any, body: bytes) -> bytes:
    query_of(body)
    return orjson.dumps(
        {"data": {"items": [
            {
                "i0": x["i0"], "i1": x["i1"], "i2": x["i2"], "i3": x["i3"], "i4": x["i4"],
                "s0": x["s0"], "s1": x["s1"], "s2": x["s2"], "s3": x["s3"], "s4": x["s4"],
            }
            for x in orjson.loads(await client.get(b"/items"))
        ]}}
    )  # fmt: skip


def _node(row: dict[str, Any], depth: int) -> dict[str, Any]:
    made = {"id": row["id"], "name": row["name"]}
    if depth > 1:
        made["children"] = [_node(child, depth - 1) for child in row["children"]]
    return made


async def deep(client: Any, body: bytes) -> bytes:
    query_of(body)
    return orjson.dumps({"data": {"tree": _node(orjson.loads(await client.get(b"/tree")), 8)}})


COLD = re.compile(r"id: (\d+)\) \{ id (\w+): title")
LITERAL = re.compile(r"id: (\d+)")


async def cold_plans(client: Any, body: bytes) -> bytes:
    found = COLD.search(query_of(body))
    assert found is not None
    number, alias = found.groups()
    post = orjson.loads(await client.get(b"/posts/" + number.encode()))
    return orjson.dumps({"data": {"post": {"id": post["id"], alias: post["title"]}}})


async def literals(client: Any, body: bytes) -> bytes:
    return await _post(client, body, "id", "title")


async def popular_pages(client: Any, body: bytes) -> bytes:
    return await _post(client, body, "id", "title", "body")


async def _post(client: Any, body: bytes, *names: str) -> bytes:
    found = LITERAL.search(query_of(body))
    assert found is not None
    post = orjson.loads(await client.get(b"/posts/" + found.group(1).encode()))
    return orjson.dumps({"data": {"post": {name: post[name] for name in names}}})


async def mutation(client: Any, body: bytes) -> bytes:
    query_of(body)
    sent = orjson.dumps({"postId": 1, "text": "Nice."})
    made = orjson.loads(await client.post(b"/comments", sent))
    answer = {"id": made["id"], "postId": made["postId"], "text": made["text"]}
    return orjson.dumps({"data": {"addComment": answer}})


async def large_body(client: Any, body: bytes) -> bytes:
    query_of(body)
    rows = orjson.loads(await client.get(b"/records"))
    made = [{"field0": r["field0"], "field1": r["field1"], "field2": r["field2"]} for r in rows]
    return orjson.dumps({"data": {"records": made}})


async def constant(_client: Any, body: bytes) -> bytes:
    query_of(body)
    return orjson.dumps({"data": {"greeting": "hello"}})


PLAIN: dict[str, Handler] = {
    "posts-and-users": posts_and_users,
    "titles": titles,
    "constant": constant,
    "wide-list": wide_list,
    "deep": deep,
    "three-sources": three_sources,
    "cold-plans": cold_plans,
    "literals": literals,
    "popular-pages": popular_pages,
    "mutation": mutation,
    "large-body": large_body,
    "slow-backends": three_sources,
}

"""The hand-written handlers over msgspec structs: what is not asked for is never decoded into an object."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from benchmarks.load import data
from benchmarks.peers.by_hand_plain import Handler, ids_query


class Request(msgspec.Struct):
    query: str


class Post(msgspec.Struct):
    id: int
    userId: int  # noqa: N815 - the upstream's name
    title: str


class User(msgspec.Struct):
    id: int
    name: str
    email: str


class Numbers(msgspec.Struct):
    views: int
    likes: int


class NumbersRow(msgspec.Struct):
    id: int
    views: int
    likes: int


class PostWithUser(msgspec.Struct):
    id: int
    userId: int  # noqa: N815 - the upstream's name
    title: str
    user: User | None


class PostWithBoth(msgspec.Struct):
    id: int
    title: str
    user: User | None
    stats: Numbers | None


class Title(msgspec.Struct):
    title: str


Item = msgspec.defstruct(
    "Item", [(name, int if name[0] == "i" else str) for name in data.ITEM_FIELDS]
)
Record = msgspec.defstruct("Record", [(f"field{n}", str) for n in range(3)])

request = msgspec.json.Decoder(Request).decode
posts = msgspec.json.Decoder(list[Post]).decode
users = msgspec.json.Decoder(list[User]).decode
numbers = msgspec.json.Decoder(list[NumbersRow]).decode
title_rows = msgspec.json.Decoder(list[Title]).decode
items = msgspec.json.Decoder(list[Item]).decode  # type: ignore[valid-type]
record_rows = msgspec.json.Decoder(list[Record]).decode  # type: ignore[valid-type]
encode = msgspec.json.Encoder().encode


async def posts_and_users(client: Any, body: bytes) -> bytes:
    request(body)
    found = posts(await client.get(b"/posts"))
    ids = list(dict.fromkeys([post.userId for post in found]))
    by_id = {user.id: user for user in users(await client.get(b"/users?" + ids_query(ids)))}
    find = by_id.get
    rows = [PostWithUser(p.id, p.userId, p.title, find(p.userId)) for p in found]
    return encode({"data": {"posts": rows}})


async def three_sources(client: Any, body: bytes) -> bytes:
    request(body)
    found = posts(await client.get(b"/posts"))
    user_ids = list(dict.fromkeys([post.userId for post in found]))
    users_body, stats_body = await asyncio.gather(
        client.get(b"/users?" + ids_query(user_ids)),
        client.get(b"/stats?" + ids_query([post.id for post in found])),
    )
    find = {user.id: user for user in users(users_body)}.get
    count = {row.id: Numbers(row.views, row.likes) for row in numbers(stats_body)}.get
    rows = [PostWithBoth(p.id, p.title, find(p.userId), count(p.id)) for p in found]
    return encode({"data": {"posts": rows}})


async def titles(client: Any, body: bytes) -> bytes:
    request(body)
    return encode({"data": {"posts": title_rows(await client.get(b"/posts"))}})


async def wide_list(client: Any, body: bytes) -> bytes:
    request(body)
    return encode({"data": {"items": items(await client.get(b"/items"))}})


async def large_body(client: Any, body: bytes) -> bytes:
    request(body)
    return encode({"data": {"records": record_rows(await client.get(b"/records"))}})


TYPED: dict[str, Handler] = {
    "posts-and-users": posts_and_users,
    "titles": titles,
    "three-sources": three_sources,
    "wide-list": wide_list,
    "large-body": large_body,
}

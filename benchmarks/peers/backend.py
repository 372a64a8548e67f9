"""What the Python peers share: an HTTP client, and the functions that their resolvers and loaders call.

`CLIENT` in the environment is `aiohttp` or `httpx`.
"""

from __future__ import annotations

import os
from typing import Any

import aiohttp
import httpx
import orjson
from aiodataloader import DataLoader

UPSTREAM = os.environ.get("UPSTREAM", "http://127.0.0.1:1")
CLIENT = os.environ.get("CLIENT", "aiohttp")
clients: dict[str, Any] = {}


async def request(method: str, path: str, sent: object = None) -> Any:
    """A decoded answer of the upstream."""
    body = None if sent is None else orjson.dumps(sent)
    headers = None if sent is None else {"content-type": "application/json"}
    if CLIENT == "httpx":
        if "httpx" not in clients:
            clients["httpx"] = httpx.AsyncClient(base_url=UPSTREAM)
        found = await clients["httpx"].request(method, path, content=body, headers=headers)
        return orjson.loads(found.content)
    if "aiohttp" not in clients:
        clients["aiohttp"] = aiohttp.ClientSession(
            UPSTREAM, connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar()
        )
    async with clients["aiohttp"].request(method, path, data=body, headers=headers) as response:
        return orjson.loads(await response.read())


async def get(path: str) -> Any:
    return await request("GET", path)


async def add_comment(post_id: int, text: str) -> Any:
    return await request("POST", "/comments", {"postId": post_id, "text": text})


async def _by_ids(path: str, ids: list[int]) -> list[Any]:
    rows = await get(path + "?" + "&".join(f"id={number}" for number in ids))
    by_id = {row["id"]: row for row in rows}
    return [by_id.get(number) for number in ids]


async def load_users(ids: list[int]) -> list[Any]:
    return await _by_ids("/users", ids)


async def load_stats(ids: list[int]) -> list[Any]:
    return await _by_ids("/stats", ids)


def make_loaders() -> dict[str, DataLoader[int, Any]]:
    """The loaders of one request."""
    return {"users": DataLoader(load_users), "stats": DataLoader(load_stats)}

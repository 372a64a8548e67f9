"""The obvious Python stack: graphql-core on Starlette with a dataloader; `CLIENT=httpx` or `aiohttp`.

The document is parsed and validated once and cached, as a competent user would.
"""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Any

import aiohttp
import httpx
import orjson
from aiodataloader import DataLoader
from graphql import DocumentNode, build_schema, execute, parse, validate
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

UPSTREAM = os.environ.get("UPSTREAM", "http://127.0.0.1:1")
CLIENT = os.environ.get("CLIENT", "httpx")

SDL = """
type Query { posts: [Post] }
type Post { id: Int! userId: Int! title: String user: User }
type User { id: Int! name: String email: String }
"""
schema = build_schema(SDL)
clients: dict[str, Any] = {}


async def get(path: str) -> Any:
    """A decoded answer of the upstream."""
    if CLIENT == "httpx":
        client = clients.setdefault("httpx", None) or httpx.AsyncClient()
        clients["httpx"] = client
        return orjson.loads((await client.get(UPSTREAM + path)).content)
    if "aiohttp" not in clients:
        clients["aiohttp"] = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
    async with clients["aiohttp"].get(UPSTREAM + path) as response:
        return orjson.loads(await response.read())


async def resolve_posts(_root: Any, _info: Any) -> Any:
    return await get("/posts")


def resolve_user(post: dict[str, Any], info: Any) -> Any:
    return info.context["users"].load(post["userId"])


async def load_users(ids: list[int]) -> list[Any]:
    rows = await get("/users?" + "&".join(f"id={number}" for number in ids))
    by_id = {row["id"]: row for row in rows}
    return [by_id.get(number) for number in ids]


schema.type_map["Query"].fields["posts"].resolve = resolve_posts  # type: ignore[attr-defined]
schema.type_map["Post"].fields["user"].resolve = resolve_user  # type: ignore[attr-defined]


@lru_cache(1000)
def prepared(query: str) -> DocumentNode:
    """Parsed and validated. Errors: GraphQLError."""
    document = parse(query)
    errors = validate(schema, document)
    if errors:
        raise errors[0]
    return document


async def graphql_endpoint(request: Request) -> Response:
    body = orjson.loads(await request.body())
    context = {"users": DataLoader(load_users)}
    result: Any = execute(schema, prepared(body["query"]), context_value=context)
    if hasattr(result, "__await__"):
        result = await result
    return Response(orjson.dumps(result.formatted), media_type="application/json")


app = Starlette(routes=[Route("/graphql", graphql_endpoint, methods=["POST"])])

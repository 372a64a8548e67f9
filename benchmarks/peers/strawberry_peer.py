"""Strawberry: code first, its own ASGI application, with parsed and validated documents cached."""

from __future__ import annotations

from typing import Any

import orjson
import strawberry
from strawberry.asgi import GraphQL
from strawberry.extensions import ParserCache, ValidationCache
from strawberry.schema.config import StrawberryConfig
from strawberry.types import Info

from benchmarks.peers import backend


@strawberry.type
class User:
    id: int
    name: str | None
    email: str | None


@strawberry.type
class Stats:
    id: int
    views: int | None
    likes: int | None


@strawberry.type
class Post:
    id: int
    userId: int  # noqa: N815 - as the upstream names it
    title: str | None
    body: str | None

    @strawberry.field
    @staticmethod
    async def user(info: Info, root: strawberry.Parent[Any]) -> User | None:
        found: User | None = await info.context["users"].load(root["userId"])
        return found

    @strawberry.field
    @staticmethod
    async def stats(info: Info, root: strawberry.Parent[Any]) -> Stats | None:
        found: Stats | None = await info.context["stats"].load(root["id"])
        return found


@strawberry.type
class Comment:
    id: int
    postId: int | None  # noqa: N815 - as the upstream names it
    text: str | None


@strawberry.type
class Item:
    i0: int | None
    i1: int | None
    i2: int | None
    i3: int | None
    i4: int | None
    s0: str | None
    s1: str | None
    s2: str | None
    s3: str | None
    s4: str | None


@strawberry.type
class Record:
    field0: str | None
    field1: str | None
    field2: str | None
    field3: str | None


def level(number: int) -> Any:
    """The type of one level of the tree, and of those below it."""
    annotations: dict[str, Any] = {"id": int, "name": str | None}
    if number < 12:
        annotations["children"] = list[level(number + 1) | None] | None  # type: ignore[misc]
    return strawberry.type(type(f"Level{number}", (), {"__annotations__": annotations}))


Level1: Any = level(1)


@strawberry.type
class Query:
    @strawberry.field
    def greeting(self) -> str | None:
        return "hello"

    @strawberry.field
    async def posts(self) -> list[Post | None] | None:
        found: list[Post | None] = await backend.get("/posts")
        return found

    @strawberry.field
    async def post(self, id: int) -> Post | None:  # noqa: A002
        found: Post = await backend.get(f"/posts/{id}")
        return found

    @strawberry.field
    async def items(self) -> list[Item | None] | None:
        found: list[Item | None] = await backend.get("/items")
        return found

    @strawberry.field
    async def tree(self) -> Level1 | None:
        return await backend.get("/tree")

    @strawberry.field
    async def records(self) -> list[Record | None] | None:
        found: list[Record | None] = await backend.get("/records")
        return found


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def addComment(self, postId: int, text: str) -> Comment | None:  # noqa: N802, N803
        found: Comment = await backend.add_comment(postId, text)
        return found


class App(GraphQL[Any, None]):
    """With a fast encoder and the loaders of each request."""

    async def get_context(self, request: Any, response: Any) -> Any:
        return {"request": request, "response": response, **backend.make_loaders()}

    def encode_json(self, data: object) -> bytes:
        return orjson.dumps(data)


schema = strawberry.Schema(
    Query,
    Mutation,
    config=StrawberryConfig(default_resolver=lambda row, name: row[name]),
    extensions=[lambda: ParserCache(1000), lambda: ValidationCache(1000)],
)
app = App(schema, graphql_ide=None)

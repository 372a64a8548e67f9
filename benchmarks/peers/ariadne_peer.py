"""Ariadne: schema first, its own ASGI application, with parsed and validated documents cached."""

from __future__ import annotations

from collections import OrderedDict
from functools import lru_cache
from pathlib import Path
from typing import Any

from ariadne import MutationType, ObjectType, QueryType, make_executable_schema
from ariadne.asgi import GraphQL
from graphql import DocumentNode, GraphQLError, GraphQLSchema, parse, validate

from benchmarks.peers import backend

query, mutation, post_type = QueryType(), MutationType(), ObjectType("Post")


@query.field("greeting")
def greeting(_root: Any, _info: Any) -> str:
    return "hello"


@query.field("posts")
async def posts(_root: Any, _info: Any) -> Any:
    return await backend.get("/posts")


@query.field("post")
async def post(_root: Any, _info: Any, id: int) -> Any:  # noqa: A002
    return await backend.get(f"/posts/{id}")


@query.field("items")
async def items(_root: Any, _info: Any) -> Any:
    return await backend.get("/items")


@query.field("tree")
async def tree(_root: Any, _info: Any) -> Any:
    return await backend.get("/tree")


@query.field("records")
async def records(_root: Any, _info: Any) -> Any:
    return await backend.get("/records")


@mutation.field("addComment")
async def add_comment(_root: Any, _info: Any, postId: int, text: str) -> Any:  # noqa: N803
    return await backend.add_comment(postId, text)


@post_type.field("user")
def user(parent: Any, info: Any) -> Any:
    return info.context["users"].load(parent["userId"])


@post_type.field("stats")
def stats(parent: Any, info: Any) -> Any:
    return info.context["stats"].load(parent["id"])


@lru_cache(1000)
def parsed(text: str) -> DocumentNode:
    return parse(text, no_location=True)


def parse_cached(_context: Any, data: dict[str, Any]) -> DocumentNode:
    return parsed(data["query"])


VALIDATED: OrderedDict[int, tuple[DocumentNode, list[GraphQLError]]] = OrderedDict()


def validate_cached(
    schema: GraphQLSchema, document_ast: DocumentNode, *rest: Any, **more: Any
) -> list[GraphQLError]:
    """By the parsed document, which `parsed` keeps; it is held here too, so that its id stays its own."""
    found = VALIDATED.get(id(document_ast))
    if found is None:
        found = VALIDATED[id(document_ast)] = (
            document_ast,
            validate(schema, document_ast, *rest, **more),
        )
        if len(VALIDATED) > 1000:
            VALIDATED.popitem(last=False)
    return found[1]


def make_context(request: Any, _data: Any = None) -> dict[str, Any]:
    return {"request": request, **backend.make_loaders()}


schema = make_executable_schema(
    (Path(__file__).parent / "schema.graphql").read_text(), query, mutation, post_type
)
app = GraphQL(
    schema, context_value=make_context, query_parser=parse_cached, query_validator=validate_cached
)

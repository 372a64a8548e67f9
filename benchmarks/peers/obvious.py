"""The obvious Python stack: graphql-core on Starlette with dataloaders.

The document is parsed and validated once and cached, as a competent user would.
"""

from __future__ import annotations

from functools import lru_cache
from inspect import isawaitable
from pathlib import Path
from typing import Any

import orjson
from graphql import DocumentNode, build_schema, execute, parse, validate
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.peers import backend

schema = build_schema((Path(__file__).parent / "schema.graphql").read_text())
SIMPLE = {"posts": "/posts", "items": "/items", "tree": "/tree", "records": "/records"}


def _field(type_name: str, name: str) -> Any:
    return schema.type_map[type_name].fields[name]  # type: ignore[attr-defined]


def _getter(path: str) -> Any:
    return lambda _root, _info: backend.get(path)


for name, path in SIMPLE.items():
    _field("Query", name).resolve = _getter(path)
_field("Query", "greeting").resolve = lambda _root, _info: "hello"
_field("Query", "post").resolve = lambda _root, _info, id: backend.get(f"/posts/{id}")  # noqa: A006
_field("Mutation", "addComment").resolve = lambda _root, _info, postId, text: (  # noqa: N803
    backend.add_comment(postId, text)
)
_field("Post", "user").resolve = lambda post, info: info.context["users"].load(post["userId"])
_field("Post", "stats").resolve = lambda post, info: info.context["stats"].load(post["id"])


@lru_cache(1000)
def prepared(query: str) -> DocumentNode:
    """Parsed and validated. Errors: GraphQLError."""
    document = parse(query, no_location=True)
    errors = validate(schema, document)
    if errors:
        raise errors[0]
    return document


async def graphql_endpoint(request: Request) -> Response:
    body = orjson.loads(await request.body())
    result: Any = execute(schema, prepared(body["query"]), context_value=backend.make_loaders())
    if isawaitable(result):
        result = await result
    return Response(orjson.dumps(result.formatted), media_type="application/json")


app = Starlette(routes=[Route("/graphql", graphql_endpoint, methods=["POST"])])

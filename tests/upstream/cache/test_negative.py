"""What is not there is kept by the tags that its key tells: a purge by them finds what was created meanwhile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.app.config import build_config
from gateway.testing import FakeAnswer, FakeCall, FakeSource, GatewayClient
from tests.connectors.scenario import LINK

SDL = (
    LINK
    + """
  @source(name: "s", http: { baseURL: "http://s" })
  @source(name: "w", http: { baseURL: "http://w" })
type Query {
  posts: [Post] @connect(source: "w", http: { GET: "/posts" }, selection: "author: { id: $ } editor: { id: $ }")
}
type Mutation {
  create(id: ID!): Boolean @cacheTag(format: "u-{$args.id}")
    @connect(source: "w", http: { POST: "/create" }, selection: "$.done")
}
type Post { author: User editor: Editor }
type User @cacheTag(format: "u-{$key.id}") @connect(
  source: "s", http: { GET: "/users" queryParams: "id: $batch.id" }, selection: "id name"
) { id: ID! name: String }
type Editor @cacheTag(format: "u-{$key.id}") @connect(
  source: "s", http: { GET: "/editors/{$this.id}" }, selection: "id name"
) { id: ID! name: String }
"""
)
BY_ROWS, WHOLE = "{ posts { author { name } } }", "{ posts { editor { name } } }"


@pytest.mark.parametrize("query", [BY_ROWS, WHOLE])
async def test_what_was_created_is_found_after_its_purge(tmp_path: Path, query: str) -> None:
    there: set[str] = set()

    def answer(call: FakeCall) -> FakeAnswer:
        body: Any = ["1"]
        if call.path == "/create":
            there.add("1")
            body = {"done": True}
        elif call.path.startswith("/users"):
            body = [{"id": one, "name": "n"} for one in there]
        elif call.path.startswith("/editors"):
            body = {"id": "1", "name": "n"} if there else {"problem": 1}
            return FakeAnswer(body, status=200 if there else 404)
        return FakeAnswer(body, headers={"cache-control": "max-age=600"})

    (tmp_path / "s.graphql").write_text(SDL)
    config = build_config({
        "graph": {"schema": ["s.graphql"]},
        "sources": {"s": {"cache": {"enabled": True, "negative_ttl_s": 300}}},
    })  # fmt: skip
    paths = ("GET /posts", "POST /create", "GET /users", "GET /editors/{id}")
    source = FakeSource(dict.fromkeys(paths, answer))
    async with GatewayClient(config, base=tmp_path, sources={"s": source, "w": source}) as client:

        async def name() -> Any:
            (post,) = (await client.execute(query)).data["posts"]
            (found,) = post.values()
            return found and found["name"]

        assert await name() is None
        there.add("1")
        assert await name() is None, "it is kept"
        assert not (await client.execute('mutation { create(id: "1") }')).errors
        assert await name() == "n"

"""What has become of look-ups, as spans and `Cache-Status` tell it. No answer says that it is fresher than it is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.app.config import build_config
from gateway.testing import GatewayClient
from tests.connectors.scenario import LINK
from tests.support.backend import Answer, Asked, backend

SDL = (
    LINK
    + """
  @source(name: "s", http: { baseURL: "BASE" })
type Query {
  posts: [Post] @connect(source: "s", http: { GET: "/posts" }, selection: "id author: { id: $.by }")
  found: [Post] @connect(source: "s", http: { POST: "/found", body: "all: $(true)" }, selection: "id")
}
type Mutation { post: Post @connect(source: "s", http: { POST: "/posts" }, selection: "id") }
type Post { id: ID author: User }
type User @connect(source: "s", http: { GET: "/users" queryParams: "id: $batch.id" } selection: "id name") {
  id: ID! name: String
}
"""
)
POSTS, FOUND = "{ posts { id author { name } } }", "{ posts { id } found { id } }"


@asynccontextmanager
async def served(
    folder: Path, controls: dict[str, str], **settings: Any
) -> AsyncIterator[httpx.AsyncClient]:
    """A gateway that says what has become of look-ups, over a backend with a `Cache-Control` for each path."""

    def answer(asked: Asked) -> Answer:
        path = asked.target.partition("?")[0]
        rows: Any = [{"id": "1", "by": "1", "name": "n"}, {"id": "2", "by": "2", "name": "m"}]
        body = rows[0] if asked.method == "POST" and path == "/posts" else rows
        control = controls.get(path, "max-age=600")
        status = 500 if control == "500" else 200
        headers = (("content-type", "application/json"), ("cache-control", control))
        return Answer(body, headers=headers, status=status)

    async with backend(answer) as origin:
        (folder / "s.graphql").write_text(SDL.replace("BASE", origin.url))
        config = build_config({
            "graph": {"schema": [str(folder / "s.graphql")]},
            "sources": {"s": {"cache": {"enabled": True}, **settings}},
            "response_cache": {"client_headers": True},
            "explain": {"trace_header": "always"},
        })  # fmt: skip
        async with GatewayClient(config) as client:
            transport = httpx.ASGITransport(client.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://g") as http:
                yield http


async def get(http: httpx.AsyncClient, query: str, **headers: str) -> httpx.Response:
    given = {"apollo-require-preflight": "1", **headers}
    return await http.get("/graphql", params={"query": query}, headers=given)


async def statuses(http: httpx.AsyncClient, query: str) -> dict[str, str]:
    """What the spans of the steps say."""
    answer = await get(http, query, **{"x-gateway-trace": "true"})
    spans = answer.json()["extensions"]["trace"]["spans"]
    found = {span["name"]: span["attributes"].get("gateway.cache.status") for span in spans}
    return {name: status for name, status in found.items() if status is not None}


async def test_each_step_says_what_its_look_ups_found(tmp_path: Path) -> None:
    async with served(tmp_path, {"/posts": "no-store"}) as http:
        assert await statuses(http, POSTS) == {"Query.posts": "miss", "User.name": "miss"}
        assert await statuses(http, POSTS) == {"Query.posts": "miss", "User.name": "hit"}
        assert await statuses(http, FOUND) == {"Query.posts": "miss"}


@pytest.mark.parametrize(
    ("control", "settings"),
    [
        ({"/users": "no-store"}, {}),  # after the first batch rows are not looked up for a while
        ({}, {"batch_across_requests": True}),
        ({}, {}),
    ],
)
async def test_what_is_not_looked_up_is_known_to_be_asked(
    tmp_path: Path, control: dict[str, str], settings: dict[str, Any]
) -> None:
    async with served(tmp_path, control, **settings) as http:
        answers = [await get(http, POSTS if control or settings else FOUND) for _ in range(3)]
        for answer in answers:
            assert answer.json()["data"]["posts"]
            assert answer.headers["cache-control"] == "private, no-cache"
            assert "fwd=" in answer.headers["cache-status"]


async def test_an_answer_with_errors_says_what_has_become_of_it(tmp_path: Path) -> None:
    async with served(tmp_path, {"/posts": "500"}) as http:
        answer = await get(http, POSTS)
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["cache-status"].startswith("gateway; fwd=miss")
        assert "etag" not in answer.headers


async def test_a_mutation_is_forwarded_for_its_method(tmp_path: Path) -> None:
    async with served(tmp_path, {}) as http:
        answer = await http.post("/graphql", json={"query": "mutation { post { id } }"})
        assert answer.json() == {"data": {"post": {"id": "1"}}}
        assert answer.headers["cache-status"] == "gateway; fwd=method"
        assert "cache-control" not in answer.headers

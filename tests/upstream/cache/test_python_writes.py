"""A write by a resolver's own call is a write: what is kept of its URL is not given any more."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.app.config import build_config
from gateway.testing import GatewayClient
from tests.connectors.scenario import LINK
from tests.support.backend import Answer, Asked, backend

SDL = (
    LINK
    + """
  @source(name: "s", http: { baseURL: "BASE" })
type Query { page: Page @connect(source: "s", http: { GET: "/page" }, selection: "number") }
type Mutation { write(method: String!): Int }
type Page { number: Int }
"""
)
RESOLVERS = """
from gateway import resolver

@resolver("Mutation.write")
async def write(parent, context, method):
    url = context.source_urls["s"] + "/page"
    return (await context.http.request(method, url, content=b"x")).status_code
"""


@pytest.mark.parametrize(
    ("method", "status", "is_purged"),
    [("POST", 200, True), ("PUT", 201, True), ("DELETE", 204, True), ("POST", 500, False)],
)
async def test_a_write_by_python_purges_its_url(
    tmp_path: Path, method: str, status: int, is_purged: bool
) -> None:
    calls: list[str] = []

    def answer(asked: Asked) -> Answer:
        calls.append(asked.method)
        if asked.method != "GET":
            return Answer(b"", status=status)
        headers = (("content-type", "application/json"), ("cache-control", "max-age=600"))
        return Answer({"number": len(calls)}, headers=headers)

    async with backend(answer) as served:
        (tmp_path / "s.graphql").write_text(SDL.replace("BASE", served.url))
        (tmp_path / "python_writes_resolvers.py").write_text(RESOLVERS)
        config = build_config({
            "graph": {"schema": ["s.graphql"], "resolvers": "python_writes_resolvers"},
            "sources": {"s": {"cache": {"enabled": True}}},
        })  # fmt: skip
        async with GatewayClient(config, base=tmp_path) as client:
            for _ in range(2):
                assert (await client.execute("{ page { number } }")).data == {"page": {"number": 1}}
            await client.execute(f'mutation {{ write(method: "{method}") }}')
            assert calls == ["GET", method]
            await client.execute("{ page { number } }")
            assert calls == ["GET", method, *(["GET"] if is_purged else [])]

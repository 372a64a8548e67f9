"""Keys of stored answers: others for other requests and clients, whatever a claim, a flag or an ID is."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import OctKey

from gateway.app.config import build_config
from gateway.auth.principal import frozen
from gateway.testing import FakeAnswer, FakeCall, FakeSource, GatewayClient
from gateway.upstream.cache.keys import base_key, row_key
from tests.auth.issuing import token_of
from tests.connectors.scenario import LINK

VALUES = [
    1, True, "1", 1.0, None, 2**63, 2**64, 2**64 + 1, 2**70, -(2**63) - 1, -(2**70), str(2**70), b"\x01",
    [2**70], [[2**70]], [2**70, 1], (str(2**70),), "\ud800", "\udc00", "é", ["é", 2**70], ["e", 2**70], 0.0, -0.0,
]  # fmt: skip


def test_keys_of_different_values_differ_and_those_of_equal_ones_do_not() -> None:
    for one, other in combinations(VALUES, 2):
        assert base_key(frozen(one)) != base_key(frozen(other)), (one, other)
    for value in VALUES:
        assert base_key(frozen(value)) == base_key(frozen(value))
    numbers = [2**64 - 1, 2**64, 2**70, 2**70 + 1, -(2**63), -(2**63) - 1, str(2**64)]
    assert len({row_key(b"b", number) for number in numbers}) == len(numbers)


SDL = (
    LINK
    + """
  @source(name: "s", http: { baseURL: "http://s", headers: [{ name: "x-big", value: "{$request.claims.big}" }] })
type Query {
  page: Page @connect(source: "s", http: { GET: "/page" }, selection: "big")
  posts: [Post] @connect(source: "s", http: { GET: "/posts" }, selection: "author: { id: $ }")
}
type Page { big: String }
type Post { author: User }
type User @connect(source: "s", http: { GET: "/users" queryParams: "id: $batch.id" } selection: "id big") {
  id: ID! big: String
}
"""
)
SECRET = "a secret of the issuer that nobody knows"


@pytest.mark.parametrize(
    "query", ["{ page { big } }", "{ posts { author { big } } }"], ids=["whole", "rows"]
)
async def test_claims_beyond_64_bits_tell_clients_apart(tmp_path: Path, query: str) -> None:
    def answer(call: FakeCall) -> FakeAnswer:
        big = call.headers["x-big"]
        value: Any = {"big": big}
        if call.path == "/posts":
            value = [7]
        elif call.path.startswith("/users"):
            value = [{"id": 7, "big": big}]
        return FakeAnswer(value, headers={"cache-control": "max-age=600"})

    (tmp_path / "s.graphql").write_text(SDL)
    config = build_config({
        "graph": {"schema": ["s.graphql"]},
        "sources": {"s": {"cache": {"enabled": True}}},
        "authentication": {"jwt": {"jwks": [{"secret": SECRET}]}},
        "logs": {"access": "off"},
    })  # fmt: skip
    source = FakeSource(dict.fromkeys(("GET /page", "GET /posts", "GET /users"), answer))
    key = OctKey.import_key(SECRET)
    async with GatewayClient(config, base=tmp_path, sources={"s": source}) as client:
        for _ in range(5):
            for big in (2**70, 2**70 + 1, -(2**64), 7):
                bearer = {"authorization": f"Bearer {token_of(key, 'HS256', big=big)}"}
                result = await client.execute(query, headers=bearer)
                data = result.data["page"] if "page" in query else result.data["posts"][0]["author"]
                assert data == {"big": str(big)}

"""Bounds of a result as clients meet them: one error that says what to do, in answers, events and payloads."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.telemetry.records import line_of
from gateway.testing import GatewayClient
from tests.response.test_error_bounds import payloads

SDL = """
type Query { rows(n: Int = 10): [Row!] row: Row }
type Mutation { write: [Row] }
type Subscription { events: Row }
type Row { id: ID text: String rows(n: Int = 10): [Row!] held: [Row] numbers: [Int!] }
"""
RESOLVERS = """
from gateway import resolver, subscription

ROW = {"id": "1", "text": "x" * 1000, "held": [{"id": "2", "text": "x" * 1000}] * 10}


@resolver("Query.rows")
@resolver("Row.rows")
def rows(parent, context, n):
    return [ROW] * n


@resolver("Query.row")
async def row(parent, context):
    return ROW


@resolver("Row.numbers")
async def numbers(parent, context):
    return [1, 2]


@resolver("Mutation.write")
def write(parent, context):
    return [ROW] * 10


@subscription("Subscription.events")
async def events(root, context):
    yield ROW
    yield {"held": []}
"""
LIMITS = "[limits]\nmax_response_nodes = 200\nmax_response_bytes = 20000\n[incremental]\nenabled = true\n"
NODES = {
    "message": "The result has more than 200 objects and list items, limits.max_response_nodes: ask for fewer.",
    "extensions": {"code": "MAX_RESPONSE_NODES_LIMIT"},
}
BYTES = {
    "message": "The response is larger than 20000 bytes, limits.max_response_bytes: ask for fewer objects or fields.",
    "extensions": {"code": "MAX_RESPONSE_BYTES_LIMIT"},
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "s.graphql").write_text(SDL)
    (tmp_path / "result_resolvers.py").write_text(RESOLVERS)
    text = (
        '[graph]\nschema = ["s.graphql"]\nresolvers = "result_resolvers"\n[logs]\naccess = "off"\n'
    )
    (tmp_path / "gateway.toml").write_text(text + LIMITS)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield tmp_path
    sys.modules.pop("result_resolvers", None)


@pytest.mark.parametrize(
    "text",
    [
        "{ rows { rows { rows { id } } } }",
        "{ rows(n: 100) { held { id } } }",
        "mutation { write { rows { held { id } } } }",
        "query ("
        + ", ".join(f"$v{i}: Boolean = true" for i in range(9))
        + ") { rows { "
        + " ".join(f"id @include(if: $v{i})" for i in range(9))
        + " rows { rows { id } } } }",
    ],
)
async def test_too_many_nodes(project: Path, text: str, caplog: pytest.LogCaptureFixture) -> None:
    async with GatewayClient(project / "gateway.toml") as client:
        response = await client.http.post("/graphql", json={"query": text})
    assert response.status_code == 200
    assert response.json() == {"errors": [NODES], "data": None}
    (entry,) = [record for record in caplog.records if record.name == "gateway.errors"]
    assert line_of(entry)["code"] == "MAX_RESPONSE_NODES_LIMIT"


async def test_too_many_bytes(project: Path) -> None:
    async with GatewayClient(project / "gateway.toml") as client:
        few = await client.execute("{ rows { text } }")
        many = await client.execute("{ rows(n: 30) { text } }")
        held = await client.execute("{ row { held { text } numbers a: held { text } } }")
    assert len(few.data["rows"]) == 10
    for result in (many, held):
        assert (result.data, result.errors) == (None, [BYTES])


async def test_each_event_has_the_bounds(project: Path) -> None:
    fields = " ".join(f"a{i}: held {{ text }}" for i in range(3))
    async with GatewayClient(project / "gateway.toml") as client:
        large, small = await payloads(client, f"subscription {{ events {{ {fields} }} }}")
        many, _ = await payloads(
            client, "subscription { events { held { id } rows { rows { rows { id } } } } }"
        )
    assert large == {"errors": [BYTES], "data": None}
    assert small == {"data": {"events": {"a0": [], "a1": [], "a2": []}}}
    assert many == {"errors": [NODES], "data": None}


async def test_each_payload_has_the_bounds(project: Path) -> None:
    async with GatewayClient(project / "gateway.toml") as client:
        first, second = await payloads(
            client, "{ row { id ... @defer { rows { rows { rows { id } } } } } }"
        )
        whole = await payloads(client, "{ rows(n: 30) { text ... @defer { numbers } } }")
        part = await payloads(client, "{ rows(n: 30) { id ... @defer { text numbers } } }")
        streamed = await payloads(client, "{ rows(n: 300) @stream(initialCount: 1) { id } }")
    assert first["data"] == {"row": {"id": "1"}}
    assert second["completed"][0]["errors"] == [NODES]
    assert whole == [{"errors": [BYTES]}]
    assert part[-1] == {"errors": [BYTES]}
    assert streamed[-1] == {"errors": [NODES]}

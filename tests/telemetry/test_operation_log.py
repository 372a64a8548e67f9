"""The slow and the audit stream: each line fits its schema, and holds nothing that it must not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema

from gateway.testing import GatewayClient
from tests.support.backend import Answer, backend

SCHEMA = json.loads(
    (Path(__file__).parent.parent.parent / "docs" / "log-line.schema.json").read_text()
)
SDL = """
extend schema @link(url: "https://specs.apollo.dev/connect/v0.3", import: ["@connect", "@source"])
  @source(name: "b", http: { baseURL: "http://b.test" })
type Query {
  thing(id: ID): Thing @connect(source: "b", http: { GET: "/thing?id={$args.id}" }, selection: "id")
}
type Mutation {
  save(text: String): Thing @connect(source: "b", http: { POST: "/save", body: "text: $args.text" }, selection: "id")
  drop: Thing! @connect(source: "b", http: { POST: "/drop" }, selection: "id")
}
type Thing { id: ID note: String }
"""
RESOLVERS = """
from gateway import resolver

@resolver("Thing.note")
def note(parent, context):
    return "noted"
"""


def project(folder: Path, **logs: str) -> Path:
    (folder / "schema").mkdir()
    (folder / "schema" / "s.graphql").write_text(SDL)
    (folder / "logged_resolvers.py").write_text(RESOLVERS)
    lines = [f'{name} = "{folder / value}"' for name, value in logs.items()]
    text = '[graph]\nschema = ["schema"]\nresolvers = "logged_resolvers"\n[logs]\n'
    more = 'slow_threshold_ms = 0.0\naudit_identity = ["X-User-Id"]\naccess = "off"\n'
    (folder / "gateway.toml").write_text(text + more + "\n".join(lines) + "\n")
    return folder / "gateway.toml"


def lines(path: Path) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in path.read_text().splitlines()]
    for line in found:
        jsonschema.validate(line, SCHEMA)
    return found


async def test_a_slow_operation_says_where_its_time_went(tmp_path: Path) -> None:
    async with backend({"/thing?id=secret-id": Answer({"id": 1})}) as served:
        path = project(tmp_path, slow="slow.log", audit="audit.log")
        async with GatewayClient(path, sources={"b": served.url}) as client:
            query = 'query Slow { thing(id: "secret-id") { id note } }'
            assert (await client.execute(query)).errors == []
    (line,) = lines(tmp_path / "slow.log")
    assert (line["operation_name"], line["operation_type"]) == ("Slow", "query")
    assert "Query.thing" in line["plan"]
    timings = {timing["name"]: timing for timing in line["timings"]}
    assert {"parse", "validate", "plan", "shape", "encode", "Query.thing", "Thing.note"} <= set(
        timings
    )
    (call,) = [timing for timing in line["timings"] if timing["kind"] == "call"]
    step = timings["Query.thing"]
    assert step["begin_ms"] <= call["begin_ms"]
    assert call["ms"] <= step["ms"] <= line["duration_ms"]
    assert timings["Thing.note"]["path"] == "thing.note"
    assert "secret-id" not in (tmp_path / "slow.log").read_text()
    assert [line["event"] for line in lines(tmp_path / "audit.log")] == ["configuration"]


async def test_each_mutation_is_audited_with_its_outcome(tmp_path: Path) -> None:
    answers = {"POST /save": Answer({"id": 1}), "POST /drop": Answer({"no": 1}, 500)}
    async with backend(answers) as served:
        path = project(tmp_path, audit="audit.log")
        async with GatewayClient(path, sources={"b": served.url}) as client:
            headers = {
                "x-user-id": "u-7",
                "authorization": "Bearer secret-token",
                "graphql-client-name": "ios",
            }
            save = "mutation Save($t: String) { ...F save(text: $t) { id } } fragment F on Mutation { other: save { id } }"
            await client.execute(save, {"t": "secret-text"}, headers=headers)
            await client.execute("mutation { save { id } drop { id } }")
            await client.execute("mutation { drop { id } }")
            await client.execute("{ thing { id } }")
    _, saved, partial, failed = lines(tmp_path / "audit.log")
    assert saved["actor"] == {"client_name": "ios", "client_version": None, "x-user-id": "u-7"}
    assert (saved["operation_name"], saved["fields"]) == ("Save", ["save"])
    assert saved["outcome"] == "ok"
    assert partial["fields"] == ["save", "drop"]
    assert partial["outcome"] == failed["outcome"] == "failed"
    assert failed["error_codes"] == ["CONNECTOR_FETCH"]
    text = (tmp_path / "audit.log").read_text()
    assert "secret" not in text

"""Batches and entities of a source that speaks PHP: rows are matched by key, and what is no row is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.connectors.scenario import SOURCE, Scenario, execute, located, use_path
from tests.support.backend import Answer, Asked

BATCH = (
    SOURCE
    + """type Query { ps: [P] @connect(source: "b", http: { GET: "/ps" }, selection: "id") }
  type P @connect(source: "b", http: { GET: "/rows", queryParams: "id: $batch.id" }, selection: "id n tags") {
    id: ID n: Int tags: [String] }"""
)
ENTITY = (
    SOURCE
    + """type Query { ps: [P] @connect(source: "b", http: { GET: "/ps" }, selection: "id") }
  type P @connect(source: "b", http: { GET: "/row", queryParams: "id: $this.id" }, selection: "id n tags") {
    id: ID n: Int tags: [String] }"""
)
PS = [{"id": "1"}, {"id": "2"}]
TOLD = "CONNECTOR_RESPONSE_INVALID"
ONE, TWO = {"n": 5, "tags": ["a"]}, {"n": 6, "tags": []}
NONE = {"n": None, "tags": None}
EACH = [(TOLD, f"ps.{at}.{name}") for at in (0, 1) for name in ("n", "tags")]


@pytest.mark.parametrize("path", ["compiled", "graphql-core"])
@pytest.mark.parametrize(
    ("sdl", "answer", "rows", "errors"),
    [
        (BATCH, {"7": {"id": 2, "n": "6", "tags": {}}, "9": {"id": "1", "n": "5", "tags": {"3": "a"}}}, [ONE, TWO], []),
        (BATCH, [{"id": 1, "n": "5", "tags": ["a"]}, False], [ONE, NONE], []),
        (BATCH, [{"id": 1, "n": "5", "tags": {"x": "a"}}], [{"n": 5, "tags": None}, NONE], [(TOLD, "ps.0.tags")]),
        (BATCH, {"id": 1, "n": "5"}, [NONE, NONE], EACH),
        (BATCH, [{"id": 1, "n": 5}, "2"], [NONE, NONE], EACH),
        (BATCH, False, [NONE, NONE], EACH),
        (BATCH, None, [NONE, NONE], EACH),
        (ENTITY, {"id": 1, "n": "5", "tags": {"3": "a"}}, [ONE, ONE], []),
        (ENTITY, False, [NONE, NONE], []),
        (ENTITY, [{"id": 1, "n": "5"}], [NONE, NONE], EACH),
    ],
)  # fmt: skip
async def test_rows(
    sdl: str,
    answer: Any,
    rows: Any,
    errors: list[tuple[str, str]],
    path: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    use_path(path, monkeypatch)

    def answers(asked: Asked) -> Answer:
        return Answer(PS if asked.target == "/ps" else answer)

    tables = {"sources": {"b": {"dialect": "php"}}}
    scenario = Scenario(sdl, "{ ps { n tags } }", answers, None, (), tables=tables)
    result, _ = await execute(scenario, tmp_path)
    assert result.data == {"ps": rows}
    assert located(result.errors) == sorted(errors)

"""A large answer is mapped while the event loop has its turns, and nulls in the place of objects cost little."""

from __future__ import annotations

import asyncio
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from gateway.app.config import build_config
from gateway.connectors.call import MAPPED_AT_ONCE
from gateway.connectors.mapping import compile as compiled
from gateway.connectors.mapping.analyse import braces_supply
from gateway.connectors.mapping.compile import CompiledMapping, compile_mapping
from gateway.connectors.mapping.interpret import MappingRun, interpret
from gateway.connectors.mapping.members import fill_value
from gateway.connectors.mapping.parse import parse_mapping
from gateway.testing import GatewayClient

SDL = """
extend schema
  @link(url: "https://specs.apollo.dev/connect/v0.3", import: ["@source", "@connect"])
  @source(name: "api", http: { baseURL: "http://api.test" })
type Query {
  rows: [Row] @connect(source: "api", http: { GET: "/rows" }, selection: "id title: $.title->size kind: $('a')")
  parents: [Parent] @connect(source: "api", http: { GET: "/parents" }, selection: "id row: { id }")
}
type Parent { id: ID row: Entity }
type Entity
  @connect(source: "api", http: { GET: "/entities", queryParams: "id: $batch.id" }, selection: "id title: $.title->size") {
  id: ID!
  title: Int
}
type Row { id: ID title: Int kind: String }
"""
LARGE = "x" * MAPPED_AT_ONCE


class Waiting:
    """A mapping that ends, where its answer is large, when the event loop has had a turn since it began."""

    def __init__(self) -> None:
        self.begun, self.turn = Event(), Event()
        self.call = CompiledMapping.__call__

    def __get__(self, mapping: Any, owner: Any) -> Any:
        def run(data: Any, variables: Any) -> Any:
            if LARGE in str(data):
                self.begun.set()
                assert self.turn.wait(10), "the loop stood still"
            return self.call(mapping, data, variables)

        return run

    async def give_a_turn(self) -> None:
        while not self.begun.is_set():
            await asyncio.sleep(0.001)
        self.turn.set()


@pytest.mark.parametrize("dialect", ["json", "php"])
async def test_the_loop_has_turns_while_a_large_answer_is_mapped(
    dialect: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "schema.graphql").write_text(SDL)
    played: Any = {
        "GET /rows": [{"id": 1, "title": LARGE}, None],
        "GET /parents": [{"id": 1}, {"id": 2}],
        "GET /entities": [{"id": 2, "title": "y"}, {"id": 1, "title": LARGE}],
    }
    tables = {"graph": {"schema": ["schema.graphql"]}, "sources": {"api": {"dialect": dialect}}}
    async with GatewayClient(
        build_config(tables), base=tmp_path, sources={"api": played}
    ) as client:
        waiting = Waiting()
        monkeypatch.setattr(CompiledMapping, "__call__", waiting)
        turn = asyncio.create_task(waiting.give_a_turn())
        result = await client.execute("{ rows { id title kind } parents { row { title } } }")
        await turn
    assert result.errors == []
    assert result.data is not None
    assert result.data["rows"][0] == {"id": "1", "title": MAPPED_AT_ONCE, "kind": "a"}
    assert result.data["parents"] == [{"row": {"title": MAPPED_AT_ONCE}}, {"row": {"title": 1}}]


async def test_an_error_of_a_large_answer_is_told(tmp_path: Path) -> None:
    (tmp_path / "schema.graphql").write_text(SDL)
    played: Any = {
        "GET /parents": [{"id": 1}],
        "GET /entities": {"id": 1, "title": LARGE},
    }
    tables = {"graph": {"schema": ["schema.graphql"]}}
    async with GatewayClient(
        build_config(tables), base=tmp_path, sources={"api": played}
    ) as client:
        result = await client.execute("{ parents { row { title } } }")
    assert [error["extensions"]["code"] for error in result.errors] == [
        "CONNECTOR_RESPONSE_INVALID"
    ]


@pytest.mark.parametrize(
    "selection",
    [
        "a b: c.d e: $.f? g { h }",
        "a in: { b c: { d } }",
        "a kind: $('x') size: @->size of: { b: $->typeOf a }",
        "a $.b { c }",
        "in: { b }",
        "a: @ b: $ c: $args.c d: $(x ?? 'y')",
        "b c: $(x->first ?? 'n')",
    ],
)
@pytest.mark.parametrize("row", [None, "text", 3, True, 1.5, {}, [None], {"a": 1}])
def test_what_is_no_object_maps_as_the_interpreter_has_it(selection: str, row: Any) -> None:
    parsed = parse_mapping(f"$.rows {{ {selection} }}")
    data, variables = {"rows": [row, {"a": 2}, row]}, {"args": {"c": 1}}
    assert compile_mapping(parsed, "rows")(data, variables) == interpret(parsed, data, variables)[0]


def test_keys_are_not_looked_for_in_what_is_no_object(monkeypatch: pytest.MonkeyPatch) -> None:
    paths = []

    class Counting(MappingRun):
        def path(self, *given: Any) -> Any:
            paths.append(given)
            return super().path(*given)

    monkeypatch.setattr(compiled, "MappingRun", Counting)
    mapping = compile_mapping(parse_mapping("a b c: d.e in: { f g } k: $('x')"), "rows")
    assert mapping([None, {"a": 1}], {}) == [
        {"in": None, "k": "x"},
        {"a": 1, "in": {}, "k": "x"},
    ]
    assert len(paths) == 2  # the constant, and what stands in its parentheses


@pytest.mark.parametrize("selection", ["a b: $.c.d? e { f }", "a b { c }", "$.rows { a b { c } }"])
def test_where_there_are_only_keys_nothing_is_read_of_what_is_no_object(
    selection: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed = parse_mapping(selection)
    rows = [None, {"a": 1}, "text", [3, None], True]
    data = {"rows": rows} if selection.startswith("$") else rows
    value = interpret(parsed, data, {})[0]
    monkeypatch.setattr(compiled, "MappingRun", None)
    assert compile_mapping(parsed, "rows", braces_supply(parsed.braces))(data, {}) == fill_value(
        value, braces_supply(parsed.braces)
    )
    assert compile_mapping(parsed, "rows")(data, {}) == value

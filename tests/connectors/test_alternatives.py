"""Of several connectors on a field those are asked that supply what the operation wants."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.connectors.scenario import SOURCE, Scenario, execute
from tests.connectors.scenarios_calls import PARTS, SEVERAL

SCENARIO = Scenario(sdl=SEVERAL, query="", answers=PARTS, data=None, asked=())


@pytest.mark.parametrize(
    ("query", "asked", "data"),
    [
        ("{ u(id: 7) { a } }", ["GET /a"], {"u": {"a": 2}}),
        ("{ u(id: 7) { b } }", ["GET /b/7"], {"u": {"b": 6}}),
        ("{ u(id: 7) { in { y } } }", ["GET /b/7"], {"u": {"in": {"y": 7}}}),
        ("{ u(id: 7) { in { x } } }", ["GET /a"], {"u": {"in": {"x": 3}}}),
        (
            "{ u(id: 7) { b in { x y } } }",
            ["GET /a", "GET /b/7"],
            {"u": {"b": 6, "in": {"x": 3, "y": 7}}},
        ),
        ("{ u(id: 7) { __typename } }", ["GET /a"], {"u": {"__typename": "U"}}),
        ("{ u(id: 7) { more { n } } }", ["GET /a", "GET /n/2"], {"u": {"more": {"n": 2}}}),
        ("{ l { b } }", ["GET /lb"], {"l": [{"b": 1}, {"b": 2}]}),
    ],
)
async def test_only_what_is_wanted_is_asked_for(
    query: str, asked: list[str], data: Any, tmp_path: Path
) -> None:
    result, requests = await execute(replace(SCENARIO, query=query), tmp_path)
    assert (result.data, result.errors) == (data, [])
    assert sorted(request.line for request in requests) == asked


ROWS = (
    SOURCE
    + """type Query { one: Row
        @connect(source: "b", http: { GET: "/a1" }, selection: "id p in { id x }")
        @connect(source: "b", http: { GET: "/c1" }, selection: "key: id q in { id y }") }
    extend type Query { list: [Row] @connect(source: "b", http: { GET: "/a" }, selection: "id p")
        @connect(source: "b", http: { GET: "/c" }, selection: "id q") }
    type Row { id: ID key: Int p: String q: String in: In } type In { id: ID x: Int y: Int }"""
)


@pytest.mark.parametrize(
    ("query", "second", "data"),
    [
        (
            "{ list { p q } }",
            [{"id": "1", "q": "q1"}, {"id": 2, "q": "q2"}],
            [["p1", "q1"], ["p2", "q2"]],
        ),
        ("{ list { p q } }", [{"id": "1", "q": "q1"}, None], [["p1", "q1"], ["p2", None]]),
        ("{ list { p q } }", [{"id": "1", "q": "q1"}, {"q": "q2"}], None),
        ("{ list { p q } }", [{"id": 2, "q": "q2"}, {"id": 1, "q": "q1"}], None),
        ("{ list: one { p q } }", {"id": 9, "q": "q", "in": {"id": 5}}, ["p", "q"]),
        ("{ list: one { p q in { x y } } }", {"id": 9, "q": "q", "in": {"id": 6}}, None),
    ],
)
async def test_objects_of_different_ids_are_not_made_one(
    query: str, second: Any, data: Any, tmp_path: Path
) -> None:
    first = {"/a": [{"id": 1, "p": "p1"}, {"id": 2, "p": "p2"}]}
    first["/a1"] = {"id": 1, "p": "p", "in": {"id": "5", "x": 1}}  # type: ignore[assignment]
    answers = {**first, "/c": second, "/c1": second}
    scenario = Scenario(sdl=ROWS, query=query, answers=answers, data=None, asked=())
    result, _ = await execute(scenario, tmp_path)
    codes = [error["extensions"]["code"] for error in result.errors]
    assert codes == ([] if data else ["CONNECTOR_RESPONSE_INVALID"])
    found = result.data["list"]
    rows = [list(row.values()) for row in found] if isinstance(found, list) else found
    assert (list(rows.values()) if isinstance(rows, dict) else rows) == data


SHARED = (
    SOURCE
    + """scalar JSON type Query { t: T
        @connect(source: "b", http: { GET: "/a" }, selection: "id a tags ids j list { p }")
        @connect(source: "b", http: { GET: "/c" }, selection: "id b tags ids j list { q }") }
    type T { id: ID a: Int b: Int tags: [String] ids: [ID] j: JSON list: [P] } type P { p: Int q: Int }"""
)
FIRST = {"id": 1, "a": 2, "tags": ["x"], "ids": [1], "j": {"k": [1]}, "list": [{"p": 3}]}


@pytest.mark.parametrize(
    ("query", "second", "data"),
    [
        ("{ t { a b tags } }", {"b": 3, "tags": ["y"]}, {"a": 2, "b": 3, "tags": ["x"]}),
        ("{ t { a b tags } }", {"b": 3, "tags": ["y", "z"]}, {"a": 2, "b": 3, "tags": ["x"]}),
        ("{ t { a b j } }", {"b": 3, "j": {"k": [], "l": 1}}, {"a": 2, "b": 3, "j": {"k": [1]}}),
        ("{ t { b list { p } } }", {"b": 3, "list": []}, {"b": 3, "list": [{"p": 3}]}),
        ("{ t { b list { p q } } }", {"b": 3, "list": []}, None),
        ("{ t { b list { p q } } }", {"b": 3, "list": [{"q": 4}]}, None),
        ("{ t { a b } }", {"id": 1.0, "b": 3}, {"a": 2, "b": 3}),
        ("{ t { a b ids } }", {"b": 3, "ids": ["2"]}, {"a": 2, "b": 3, "ids": ["1"]}),
        ("{ t { a b } }", {"id": "2", "b": 3}, None),
    ],
)
async def test_what_two_connectors_give_is_the_firsts(
    query: str, second: Any, data: Any, tmp_path: Path
) -> None:
    scenario = Scenario(SHARED, query, {"/a": FIRST, "/c": second}, None, ())
    result, _ = await execute(scenario, tmp_path)
    assert result.data == {"t": data}
    codes = [error["extensions"]["code"] for error in result.errors]
    assert codes == ([] if data else ["CONNECTOR_RESPONSE_INVALID"])


@pytest.mark.parametrize(
    ("query", "missing", "data", "paths"),
    [
        ("{ t { a b } }", "/c", {"t": {"a": 2, "b": None}}, ["t.b"]),
        ("{ t { a b } }", "/a", {"t": {"a": None, "b": 3}}, ["t.a"]),
        ("{ t { id a b } }", "/a", {"t": {"id": "1", "a": None, "b": 3}}, ["t.a"]),
        ("{ t { a } }", "/c", {"t": {"a": 2}}, []),
        ("{ t { b list { p } } }", "/c", {"t": {"b": None, "list": [{"p": 3}]}}, ["t.b"]),
        (
            "{ t { b list { p q } } }",
            "/c",
            {"t": {"b": None, "list": [{"p": 3, "q": None}]}},
            ["t.b", "t.list.0.q"],
        ),
        ("{ t { a b } }", "/a /c", {"t": None}, ["t"]),
    ],
)
async def test_a_connector_that_fails_loses_what_is_asked_of_it(
    query: str, missing: str, data: Any, paths: list[str], tmp_path: Path
) -> None:
    second = {"id": "1", "b": 3, "list": [{"q": 4}]}
    answers = {k: v for k, v in {"/a": FIRST, "/c": second}.items() if k not in missing.split()}
    result, _ = await execute(Scenario(SHARED, query, answers, None, ()), tmp_path)
    assert result.data == data
    assert [".".join(map(str, error["path"])) for error in result.errors] == paths
    assert {error["extensions"]["code"] for error in result.errors} == (
        {"CONNECTOR_FETCH"} if paths else set()
    )

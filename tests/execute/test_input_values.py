"""Lists and input objects of arguments: as graphql-core coerces them, and no more often than a run needs it."""

from __future__ import annotations

import copy
import gc
import sys
from typing import Any

import pytest
from graphql import GraphQLSchema, build_schema, parse

from gateway.execute.prepared import Prepared
from gateway.integrations import graphql_core as dropin
from gateway.runtime import reference
from tests.execute.reference import compare, make_schema

SDL = """
enum E { A B }
scalar Any
input Range { from: Int! = 1 to: Int note: String = "none" }
input Filter { range: Range ranges: [Range!] ids: [ID!] names: [String] e: E es: [E!]! = [A] any: Any inner: Filter list: [[Int!]] }
input Strict { id: ID! count: Int! ranges: [Range!]! = [{to: 9}] }
input One @oneOf { id: ID range: Range }
type Query {
    f(filter: Filter, strict: Strict, strictly: Strict! = {id: 1, count: 1}, one: One, es: [E!] = [B], ids: [[ID!]!], any: Any): String
    o: O
}
type O { p(es: [E!], filter: Filter, size: Int, must: Int!, name: String): String }
"""
VARIABLES = "query ($id: ID, $n: Int, $m: Int! = 4, $e: E, $range: Range, $names: [String], $any: Any) { f(%s) }"
GIVEN: list[dict[str, Any]] = [
    {},
    {"id": "7", "n": 3, "m": 5, "e": "B", "range": {"to": 4}, "names": ["x", None], "any": {"k": [1]}},
    {"id": None, "n": None, "e": None, "range": None, "names": None, "any": None},
]  # fmt: skip


def show(_root: Any, _info: Any, **arguments: Any) -> str:
    return repr(arguments)


def show_and_change(_root: Any, _info: Any, **arguments: Any) -> str:
    """What a call was given; what it does to it must reach no other."""
    shown = repr(arguments)
    for value in arguments.values():
        change(value)
    return shown


def change(value: Any) -> None:
    if isinstance(value, dict):
        for item in list(value.values()):
            change(item)
        value["changed"] = True
    elif isinstance(value, list):
        for item in value:
            change(item)
        value.append("changed")


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return make_schema(SDL, {"Query.f": show})


LITERALS = [
    "filter: {}",
    "filter: {range: {}, e: A, es: [A, B], ids: [1, \"b\"], list: [[1], null, [2, 3]]}",
    "filter: {ranges: {from: 2}, names: \"one\", es: B, list: 5}",
    "filter: null, es: null",
    "filter: {any: {deep: [1, {x: A}]}}, any: [1, 2.5, \"x\", E, null]",
    "strict: {id: 1, count: 2}",
    "strictly: {id: 1, count: 2, ranges: []}, ids: [[1], [\"b\"]]",
    "one: {id: 1}",
    "filter: {inner: {inner: {range: {to: 3}}}}",
]  # fmt: skip
WITH_VARIABLES = [
    "filter: {range: {from: $m, to: $n}}",
    "filter: {range: {from: $n}}",
    "filter: {ranges: [$range, {to: $n}]}",
    "filter: {range: $range, ids: [$id], names: [$id, \"b\"]}",
    "filter: {ids: $id}",
    "filter: {names: $names, e: $e, es: [A, $e]}",
    "filter: {any: $any}",
    "filter: {any: {x: $any}}",
    "strict: {id: $id, count: $n}",
    "strict: {id: 1, count: $m}",
    "one: {id: $id}",
    "any: [$any, 1]",
    "ids: [[$id], [1]]",
    "es: [$e]",
    "filter: {ranges: [$range, {to: 3}], inner: {range: {}, ids: [1, $id]}}",
    "filter: {inner: {inner: {range: {to: $n}, list: [[$m, $n]]}}}",
]  # fmt: skip


@pytest.mark.parametrize("text", LITERALS)
async def test_a_literal(schema: GraphQLSchema, text: str) -> None:
    await compare(schema, f"{{ f({text}) }}")


@pytest.mark.parametrize("text", [*LITERALS, *WITH_VARIABLES])
def test_what_a_call_does_to_its_arguments_reaches_no_other(text: str) -> None:
    made = make_schema(SDL, {"Query.f": show_and_change})
    document = parse(VARIABLES % f"{text}) again: f({text}")
    given = copy.deepcopy(GIVEN[1])
    answers = [dropin.execute(made, document, variable_values=given) for _ in range(3)][1:]
    assert answers[0] == answers[1]
    assert not answers[0].errors
    assert answers[0].data["f"] == answers[0].data["again"]


@pytest.mark.parametrize("given", GIVEN)
@pytest.mark.parametrize("text", WITH_VARIABLES)
async def test_variables_in_a_literal(
    schema: GraphQLSchema, text: str, given: dict[str, Any]
) -> None:
    await compare(schema, VARIABLES % text, variable_values=given)


SENT: list[tuple[str, Any]] = [
    ("Filter", {}),
    ("Filter", {"inner": {"range": {"to": 3}, "es": ["B"]}}),
    ("Filter", {"es": "B", "ids": [1, "2", 3.0], "names": ["x", None], "list": 5, "e": "A"}),
    ("Filter", {"list": [[1], None, 2], "any": {"deep": [1, {}]}, "range": None, "ranges": {"from": 2}}),
    ("Filter", {"names": [1], "unknown": 1}),
    ("Filter", {"range": {"from": None}}),
    ("Filter", {"range": {"to": 2**31}}),
    ("Filter", {"range": 5, "ids": [True, {}, 2**60]}),
    ("Filter", {"list": [[None]], "es": ["C"]}),
    ("Filter!", {"e": 1}),
    ("Filter!", None),
    ("[Filter!]", [{}, {"inner": {}}]),
    ("[Filter!]", {"ids": 7}),
    ("[Filter!]", [None]),
    ("[Filter!]", ()),
    ("Strict", {"id": 1, "count": 2}),
    ("Strict", {"count": 2, "id": "x", "ranges": [{}]}),
    ("Strict", {"id": 1}),
    ("One", {"id": 5}),
    ("One", {"range": {}}),
    ("One", {"id": None}),
    ("One", {"id": "a", "range": {}}),
    ("One", {}),
    ("Float", 3),
    ("Float", 2**70),
    ("Float", float("nan")),
    ("ID", 2**70),
    ("ID", 5.5),
    ("Any", {"a": [1, None]}),
    ("Any!", None),
]  # fmt: skip


@pytest.mark.parametrize(("type_", "value"), SENT)
async def test_a_variable(schema: GraphQLSchema, type_: str, value: Any) -> None:
    text = f"query ($v: {type_}) {{ f(any: $v) again: f(any: {{x: [$v]}}) }}"
    await compare(schema, text, variable_values={"v": value})


DEFAULTS = [
    "$v: Int = 3", "$v: [ID!] = 5", "$v: Filter = {range: {}, es: [B]}", "$v: One = {id: 1}", "$v: Any = {a: [1]}",
    "$v: E! = A", "$v: Strict = null", "$v: Int! = 3",
]  # fmt: skip


@pytest.mark.parametrize("given", [{}, {"v": None}])
@pytest.mark.parametrize("variable", DEFAULTS)
async def test_a_variable_that_is_absent(
    schema: GraphQLSchema, variable: str, given: dict[str, Any]
) -> None:
    await compare(schema, f"query ({variable}) {{ f(any: {{x: [$v]}}) }}", variable_values=given)


@pytest.mark.parametrize("depth", [5, 50, 400])
async def test_a_value_in_many_others(schema: GraphQLSchema, depth: int) -> None:
    value: dict[str, Any] = {"names": ["x"]}
    for _ in range(depth):
        value = {"inner": value}
    text = "query ($v: Filter) { f(filter: $v) }"
    await compare(schema, text, variable_values={"v": value})


def test_a_right_value_is_not_coerced_by_graphql_core(
    monkeypatch: pytest.MonkeyPatch, schema: GraphQLSchema
) -> None:
    def refuse(*_: Any) -> Any:
        raise AssertionError("graphql-core was asked")

    monkeypatch.setattr(reference, "coerce_variables", refuse)
    text = "query ($v: Filter, $o: One, $s: Strict!, $d: Strict = {id: 1, count: 2}) { f(filter: $v, one: $o, strict: $s, strictly: $d) }"
    given = {"v": SENT[1][1], "o": {"id": 5}, "s": {"id": 1, "count": 2}}
    coerced: Any = Prepared(schema, parse(text)).coercers.coerce(given)
    assert coerced["v"]["inner"]["range"] == {"from": 1, "to": 3, "note": "none"}
    assert coerced["s"]["ranges"] == [{"from": 1, "to": 9, "note": "none"}]
    assert coerced["d"] == coerced["s"]
    coerced["s"]["ranges"].append("changed")
    coerced["d"]["ranges"].append("changed")
    again: Any = Prepared(schema, parse(text)).coercers.coerce(given)
    assert len(again["s"]["ranges"]) == len(again["d"]["ranges"]) == 1


PROPERTIES = [
    ("{ o { p(must: 1, es: [A, B], filter: {range: {to: 3}}) } }", False),
    ("query ($n: Int!) { o { p(must: $n) } }", False),
    ("query ($n: Int, $m: Int!) { o { p(must: $m, size: $n) } }", False),
    ("query ($e: [E!]) { o { p(must: 1, es: $e) } }", False),
    ("query ($n: Int = 1) { o { p(must: $n) } }", True),
    ("query ($n: Int = 1) { o { p(must: 1, size: $n) } }", False),
    ("query ($n: Int! = 1) { o { p(must: $n) } }", False),
    ("query ($n: Int) { o { p(must: 1, filter: {list: [[$n]]}) } }", True),
]


@pytest.mark.parametrize(("text", "may_be_wrong"), PROPERTIES)
def test_arguments_that_cannot_be_wrong_are_not_looked_at_before_a_property_is_read(
    schema: GraphQLSchema, text: str, may_be_wrong: bool
) -> None:
    bound = Prepared(schema, parse(text)).code({}).bound
    assert [field.name for field in bound.checked] == ["p"] * may_be_wrong


@pytest.mark.parametrize("given", [{"n": None}, {"n": 2}, {}])
async def test_a_property_whose_arguments_are_wrong_is_an_error(
    schema: GraphQLSchema, given: dict[str, Any]
) -> None:
    text = "query ($n: Int = 1) { o { p(must: $n) } }"
    result = await compare(schema, text, root={"o": {"p": "x"}}, variable_values=given)
    assert bool(result.errors) is (given.get("n", 1) is None)


@pytest.mark.parametrize(
    "variables",
    [{"i": {"n": "x" * 50}}, {"i": {"other": "x" * 50}}, {"i": {"e": "x" * 50}}],
)
def test_a_wrong_value_is_let_go_with_its_errors(variables: dict[str, Any]) -> None:
    schema = build_schema(
        "type Query { f(i: In): Int } input In { n: Int e: E } enum E { NORTH SOUTH }"
    )
    text = "query ($i: In) { f(i: $i) }"
    coercers = Prepared(schema, parse(text)).coercers
    [value] = variables["i"].values()
    assert isinstance(coercers.coerce(variables), list)
    before = sys.getrefcount(value)
    gc.disable()
    try:
        for _ in range(5):
            assert isinstance(coercers.coerce(variables), list)
        assert sys.getrefcount(value) == before
    finally:
        gc.enable()

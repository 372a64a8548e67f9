"""Pairs of documents that differ in literals: the second on the first one's plan, against the reference."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import (
    ExecutionResult,
    GraphQLSchema,
    build_schema,
    execute_sync,
    parse,
    validate,
)

from gateway.errors import RequestError
from gateway.execute.operation import coerce_variables
from gateway.execute.prepared import Prepared
from gateway.execute.run import run_code
from gateway.pipeline.plan_cache import PlanCache
from gateway.pipeline.settings import PlanCacheSettings
from gateway.runtime.request import Source
from gateway.runtime.state import Run
from tests.differential.compare import key_of_error
from tests.differential.shared import compiler

SDL = """
    scalar Own
    scalar Plain
    enum Color { RED GREEN }
    input In { s: String, n: Int, own: Own, list: [Float] }
    input One @oneOf { s: String, n: Int }
    type Query {
        int(x: Int): String
        float(x: Float): String
        string(x: String): String
        id(x: ID): String
        boolean(x: Boolean): String
        own(x: Own): String
        plain(x: Plain): String
        color(x: Color): String
        in(x: In): String
        one(x: One): String
        ints(x: [Int!]): String
        fail(x: String, n: Int): String
        strict(x: String): String!
        info(x: String): String
        query(x: String): Query
    }
"""


def make_schema() -> GraphQLSchema:
    schema = build_schema(SDL)
    own: Any = schema.type_map["Own"]
    own.coerce_input_literal = None
    own.parse_literal = lambda node, _=None: (type(node).__name__, getattr(node, "value", None))
    assert schema.query_type is not None
    for name, field in schema.query_type.fields.items():
        field.resolve = resolver(name)
    return schema


def resolver(name: str) -> Any:
    def resolve(_: Any, info: Any, **arguments: Any) -> Any:
        if name in ("fail", "strict"):
            raise ValueError(f"{name} {arguments!r}")
        if name == "query":
            return {}
        if name == "info":
            places = [(n.loc.start_token.line, n.loc.start_token.column) for n in info.field_nodes]
            literals = [a.value.value for n in info.field_nodes for a in n.arguments]
            return f"{places} {literals} {info.operation.loc.source.body}"
        return repr(arguments)

    return resolve


SCHEMA = make_schema()
Plans = PlanCache[Prepared]


def make_plans() -> Plans:
    return PlanCache(
        PlanCacheSettings(), compiler(SCHEMA, lambda text: validate(SCHEMA, parse(text)))
    )


def answer(plans: Plans, text: str, variables: dict[str, Any] | None = None) -> tuple[str, Any]:
    """How the plan was found, and its answer: data and errors."""
    found = plans.lookup(text, None)
    prepared, literals = found.value, found.literals
    source = Source(literals.document, None) if literals else prepared.source
    result: Any
    try:
        coerced = coerce_variables(prepared, variables or {}, literals)
    except RequestError as error:
        result = ExecutionResult(None, list(error.errors))
    else:
        code = prepared.code(coerced.coerced)
        result = run_code(Run(code.bound, source, None, None, coerced, literals), code)
    return found.how, (result.data, sorted(map(key_of_error, result.errors or ()), key=repr))


def reference(text: str, variables: dict[str, Any] | None = None) -> Any:
    result = execute_sync(SCHEMA, parse(text), variable_values=variables)
    return result.data, sorted(map(key_of_error, result.errors or ()), key=repr)


LITERALS = [
    "0", "-1", "5", "2147483648", "0.0", "1.5", "-2e3", '""', '"a"', '"\\u0061\\n"', '"""block"""', "true", "false",
    "null", "RED", "GREEN", "[1]", '["a"]', "[[1, 2], 3]", '{s: "x"}', "{n: 1}", "{n: 1.5}", '{s: "x", n: 2}', "{own: 5}",
    '{s: "zz"}', "{n: 77}", '{own: {k: "v"}, s: "y"}', "{list: [1, 2.5]}",
]  # fmt: skip
FIELDS = ["int", "float", "string", "id", "boolean", "own", "plain", "color", "in", "one", "ints"]


@pytest.mark.parametrize("name", FIELDS)
def test_every_literal_for_every_type(name: str) -> None:
    """On one cache, whatever came before it: accepted as the reference accepts it, with its values."""
    plans = make_plans()
    shared = 0
    for literal in LITERALS * 2:
        text = f"{{ {name}(x: {literal}) other: int(x: 77) }}"
        errors = validate(SCHEMA, parse(text))
        if errors:
            with pytest.raises(RequestError) as caught:
                plans.lookup(text, None)
            fresh = [error.formatted for error in errors]
            assert [error.formatted for error in caught.value.errors] == fresh
            continue
        how, ours = answer(plans, text)
        assert ours == reference(text), text
        shared += how == "hit_normalized"
    assert shared or name in ("boolean", "own", "plain", "color")


PAIRS = [
    # An error behind a literal of another length, on the same line.
    ('{ string(x: "a") fail }', '{ string(x: "a much longer text") fail }'),
    ('{ string(x: "a") query { strict } }', '{ string(x: "abcdefgh") query { strict } }'),
    ('{ string(x: """one""") query { strict } }', '{ string(x: """\n two\n lines""") query { strict } }'),
    ('{ a: fail(x: "a", n: 1) b: fail(x: "b") }', '{ a: fail(x: "", n: 100) b: fail(x: "\\"") }'),
    ('{ fail(x: "a") ...F } fragment F on Query { strict(x: "b") }',
     '{ fail(x: "abc") ...F } fragment F on Query { strict(x: "abcdef") }'),
    # `info` sees the request's own document.
    ('{ string(x: "a") info(x: "a") }', '{ string(x: "abc") info(x: "abc") }'),
    ('{ info(x: "a") }', '{ info(x: "\\u0062") }'),
    # Fields that merge.
    ('{ int(x: 1) int(x: 1) }', '{ int(x: 2) int(x: 2) }'),
    ('{ string(x: "a") string(x: "a") }', '{ string(x: "b") string(x: "\\u0062") }'),
    ('{ in(x: {s: "a", n: 1}) in(x: {n: 1, s: "a"}) }', '{ in(x: {s: "b", n: 2}) in(x: {n: 2, s: "b"}) }'),
    # Introspection with an argument.
    ('{ __type(name: "Query") { name } }', '{ __type(name: "In") { name } }'),
    ('{ __type(name: "Query") { name } }', '{ __type(name: "Nowhere") { name } }'),
    # Comments, commas, lines.
    ('{ # one\n int(x: 1), string(x: "a")\n fail }', '{ # other "text"\n int(x: 1000), string(x: "abc")\n fail }'),
    ('{ ints(x: [1, 2 3]) }', '{ ints(x: [10, 20 30]) }'),
    ('{ ints(x: 1) }', '{ ints(x: 2) }'),
    ('{ float(x: 1) }', '{ float(x: 2) }'),
    ('{ id(x: 1) }', '{ id(x: 99999999999999999999) }'),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_a_pair_shares_a_plan(one: str, other: str) -> None:
    plans = make_plans()
    assert answer(plans, one) == ("miss", reference(one))
    assert answer(plans, other) == ("hit_normalized", reference(other))
    assert answer(plans, one) == ("hit", reference(one))
    assert answer(plans, other) == ("hit", reference(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("{ int(x: 1) int(x: 1) }", "{ int(x: 1) int(x: 2) }"),
        ('{ string(x: "a") string(x: "\\u0061") }', '{ string(x: "a") string(x: "b") }'),
        ('{ string(x: "a") string(x: "a") }', '{ string(x: "a") string(x: """a""") }'),
        ("{ in(x: {n: 1}) in(x: {n: 1}) }", "{ in(x: {n: 1}) in(x: {n: 2}) }"),
        ("{ int(x: 1) }", "{ int(x: 2147483648) }"),
        ("{ int(x: 1) }", "{ int(x: 1.0) }"),
        ("{ color(x: RED) int(x: 1) }", '{ color(x: "RED") int(x: 1) }'),
    ],
)
def test_a_pair_of_which_only_one_is_valid(one: str, other: str) -> None:
    plans = make_plans()
    plans.lookup(one, None)
    with pytest.raises(RequestError):
        plans.lookup(other, None)
    assert answer(plans, one) == ("hit", reference(one))


def test_the_variable_1_0_is_an_int_and_the_literal_is_not() -> None:
    plans = make_plans()
    text = "query ($x: Int) { int(x: $x) }"
    assert answer(plans, text, {"x": 1.0})[1] == reference(text, {"x": 1.0})
    assert reference(text, {"x": 1.0})[1] == []
    plans.lookup("{ int(x: 1) }", None)
    with pytest.raises(RequestError, match="Int cannot represent"):
        plans.lookup("{ int(x: 1.0) }", None)


def test_errors_of_variables_are_located_in_the_requests_text() -> None:
    plans = make_plans()
    one = 'fragment F on Query { string(x: "a") } query ($x: Int!) { ...F int(x: $x) }'
    other = 'fragment F on Query { string(x: "much longer") } query ($x: Int!) { ...F int(x: $x) }'
    assert answer(plans, one, {"x": "bad"}) == ("miss", reference(one, {"x": "bad"}))
    assert answer(plans, other, {"x": "bad"}) == ("hit_normalized", reference(other, {"x": "bad"}))

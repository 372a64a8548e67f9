"""Directives on arguments and on fields of input objects; those that nothing would come of are refused."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from graphql import GraphQLSchema, graphql, parse, subscribe

from gateway import ClientError, resolver, schema_directive, subscription
from gateway.graph.applied import bind_directives
from gateway.graph.binding import bind_resolvers
from gateway.graph.schema import require_schema
from gateway.graph.sdl import parse_sdl
from tests.graph.test_binding import make_context, marks_of

SDL = """
directive @len(max: Int!) on INPUT_FIELD_DEFINITION | ARGUMENT_DEFINITION | OBJECT | FIELD_DEFINITION | ENUM_VALUE | SCHEMA
directive @upper on FIELD_DEFINITION | OBJECT | SCALAR | ARGUMENT_DEFINITION
input L { f: Int = 3 @range(min: 0 max: 10), s: String @len(max: 2), fs: [Int] @range(max: 5), more: [M] }
input M { l: L, n: Int }
input Plain { a: Int }
type Query { d(i: L, m: [M!], n: [Int] @range(max: 9), p: Plain): String }
type Subscription { ticks(i: L): Int }
"""


@schema_directive("len")
class Len:
    def __init__(self, max: int) -> None:  # noqa: A002 - the SDL's name
        self.most = max

    def argument(self, value: Any) -> Any:
        if value is not None and len(value) > self.most:
            raise ClientError("is too long")
        return value and value.strip()


@schema_directive("upper")
class Upper:
    def result(self, value: Any, _context: Any) -> Any:
        return value.upper()


def bound(sdl: str, *targets: Any) -> tuple[GraphQLSchema, list[Any]]:
    schema = require_schema(parse_sdl(sdl, "s.graphql"))
    marks = marks_of(Len, Upper, *targets)
    with ThreadPoolExecutor(1) as threads:
        assert bind_resolvers(schema, marks, threads) == []
    return schema, bind_directives(schema, marks)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("i: { f: 50 }", "Argument Query.d(i:) at L.f must be at most 10, got 50."),
        ('i: { s: "abc" }', "Argument Query.d(i:) at L.s is too long"),
        ("i: { fs: [1, 6] }", "Argument Query.d(i:) at L.fs must be at most 5, got 6."),
        (
            "m: [{ n: 1 }, { l: { more: { l: { f: -1 } } } }]",
            "Argument Query.d(m:) at L.f must be at least 0, got -1.",
        ),
        ("n: [3, 10]", "Argument Query.d(n:) must be at most 9, got 10."),
    ],
)
async def test_a_field_of_an_input_object_is_checked(arguments: str, message: str) -> None:
    schema, found = bound(SDL)
    assert found == []
    result = await graphql(schema, f"{{ d({arguments}) }}", context_value=make_context())
    assert result.errors is not None
    assert result.errors[0].extensions == {"code": "BAD_USER_INPUT"}
    assert result.errors[0].message == message


async def test_what_a_directive_makes_of_a_field_is_what_the_resolver_gets() -> None:
    @resolver("Query.d")
    def d(_parent: Any, _context: Any, **arguments: Any) -> str:
        return str(arguments)

    schema, _ = bound(SDL, d)
    variables = {"i": {"s": "a ", "more": [{"l": {"s": " b"}}]}}
    result = await graphql(
        schema,
        "query($i: L) { d(i: $i, p: { a: 1 }) }",
        context_value=make_context(),
        variable_values=variables,
    )
    expected = {
        "i": {"f": 3, "s": "a", "more": [{"l": {"f": 3, "s": "b"}}]},
        "p": {"a": 1},
    }
    assert result.data == {"d": str(expected)}
    assert variables["i"]["s"] == "a "


async def test_a_source_stream_is_not_opened_for_a_bad_argument() -> None:
    opened = []

    @subscription("Subscription.ticks")
    async def ticks(_root: Any, _context: Any, i: Any = None) -> AsyncIterator[int]:
        opened.append(i)
        yield 1

    schema, _ = bound(SDL, ticks)
    result: Any = subscribe(
        schema, parse("subscription { ticks(i: { f: 11 }) }"), context_value=make_context()
    )
    result = await result if inspect.isawaitable(result) else result
    assert result.errors[0].message.endswith("L.f must be at most 10, got 11.")
    assert opened == []


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("type Query {", "type Query @upper {", "@upper on Query does nothing"),
        ("p: Plain):", "p: Plain @upper):", "@upper on Query.d(p:) does nothing"),
        ("): String }", "): String @len(max: 1) }", "@len on Query.d does nothing"),
        ("input Plain", "scalar X @upper input Plain", "@upper on X does nothing"),
        ("input Plain", "enum E { A @len(max: 1) } input Plain", "@len on E.A does nothing"),
        ("input Plain", "schema @len(max: 1) { query: Query } input Plain", "@len on the schema does nothing"),
        (
            "type Query {",
            "interface I { a(b: Int): Int @upper } type T implements I { a(b: Int): Int } type Query { t: T",
            "@upper on I.a does nothing",
        ),
        (
            "type Query {",
            "interface I { a(b: Int @range(max: 1)): Int } type T implements I { a(b: Int): Int } type Query { t: T",
            "@range on I.a(b:) does nothing",
        ),
    ],
)  # fmt: skip
def test_a_use_that_does_nothing_is_refused(before: str, after: str, message: str) -> None:
    _, found = bound(SDL.replace(before, after))
    (error,) = found
    assert (error.severity, error.message) == ("error", message)
    assert error.line


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ("(min: 10 max: 0)", "no number is at least 10 and at most 0"),
        ("", "it has neither `min` nor `max`, and refuses nothing"),
        ("(min: null)", "it has neither `min` nor `max`, and refuses nothing"),
    ],
)
def test_bounds_that_refuse_all_or_nothing_are_refused(bounds: str, message: str) -> None:
    _, found = bound(SDL.replace("@range(min: 0 max: 10)", f"@range{bounds}"))
    (error,) = found
    assert (error.severity, error.message) == ("error", f"@range on L.f cannot be made: {message}")
    assert error.line


@pytest.mark.parametrize(("kind", "is_number"), [
    ("Int", True), ("[Float!]!", True), ("Money", True), ("String", False), ("[ID]", False), ("Boolean", False),
    ("Color", False), ("Box", False),
])  # fmt: skip
def test_a_range_of_what_is_no_number_is_refused(kind: str, is_number: bool) -> None:
    """Comparing a text with a number was an internal error of each request."""
    more = "scalar Money enum Color { RED } input Box { n: Int }"
    _, found = bound(SDL.replace("[Int] @range(max: 9)", f"{kind} @range(max: 9)") + more)
    message = f"@range on Query.d(n:) cannot be made: {kind.strip('[]!')} is no number"
    assert [error.message for error in found] == ([] if is_number else [message])


@pytest.mark.parametrize(("declared", "why"), [
    ("Int = 10 @range(max: 9)", "it must be at most 9, got 10"),
    ("Int = -1 @range(min: 0)", "it must be at least 0, got -1"),
    ("[[Int]] = [[1, 2], [10, null]] @range(max: 9)", "it must be at most 9, got 10"),
    ("Float = 9.5 @range(max: 9)", "it must be at most 9, got 9.5"),
    ("Int = 9 @range(max: 9)", ""), ("Int = null @range(max: 9)", ""), ("Int @range(max: 9)", ""),
    ('Money = "many" @range(max: 9)', ""),
])  # fmt: skip
def test_a_default_outside_of_its_range_is_refused(declared: str, why: str) -> None:
    """Every request that left it out was refused."""
    for replaced, coordinate in (
        ("n: [Int] @range(max: 9)", "Query.d(n:)"),
        ("fs: [Int] @range(max: 5)", "L.fs"),
    ):
        name = replaced.partition(":")[0]
        _, found = bound(SDL.replace(replaced, f"{name}: {declared}") + "scalar Money")
        message = f"@range on {coordinate} refuses the default: {why}"
        assert [one.message for one in found] == ([message] if why else [])


def test_an_interface_may_carry_what_its_types_carry() -> None:
    more = "interface I { a: Int @upper } type T implements I { a: Int @upper } type Query { t: T"
    assert bound(SDL.replace("type Query {", more))[1] == []

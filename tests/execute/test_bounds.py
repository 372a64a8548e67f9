"""Bounds of a result: it stops being made when it has too many nodes, wherever these come from."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from graphql import ExecutionResult, GraphQLSchema, parse

from gateway.concurrency.awaitable import value_of
from gateway.execute.operation import execute_operation, fall_back
from gateway.execute.prepared import Prepared
from gateway.runtime.bounds import ResultLimits
from gateway.runtime.request import Variables
from tests.execute.reference import make_schema

SDL = """
interface Named { name: String }
type Query { rows: [Row] many: [[Row]] named: [Named] leaves: [Int] row: Row endless: [Int] later: [Row] }
type Mutation { first: [Row] second: Int }
type Subscription { rows: [Row] }
type Row implements Named {
  name: String rows: [Row] held: [Row] more: [Row] one: Row tags: [String] grid: [[Int]] strict: [Row!]!
}
"""
HELD: dict[str, Any] = {"name": "held", "held": [], "tags": ["t"] * 150, "grid": [[1] * 150] * 3}
ROW: dict[str, Any] = {
    "name": "n",
    "held": [HELD] * 10,
    "tags": ["t"] * 150,
    "grid": [[1] * 150] * 3,
}
ROW["one"] = ROW


class Counted:
    """Calls of resolvers."""

    calls = 0


def endless() -> Iterator[int]:
    while True:
        yield 1


async def later() -> AsyncIterator[Any]:
    while True:
        yield ROW


def rows(*_: Any) -> list[Any]:
    Counted.calls += 1
    return [ROW] * 10


async def rows_later(*_: Any) -> list[Any]:
    return rows()


def objects(*_: Any) -> list[Any]:
    return [SimpleNamespace(**ROW)] * 10


def broken(*_: Any) -> list[Any]:
    return [{**ROW, "name": object()}, *[ROW] * 9]


def schema_of(make: Callable[..., Any]) -> GraphQLSchema:
    return make_schema(
        SDL,
        {
            "Query.rows": make,
            "Query.many": lambda *_: [[ROW] * 5] * 4,
            "Query.named": lambda *_: [{"__typename": "Row", **ROW}] * 10,
            "Query.leaves": lambda *_: [1] * 200,
            "Query.endless": lambda *_: endless(),
            "Query.later": lambda *_: later(),
            "Query.row": lambda *_: ROW,
            "Row.rows": make,
            "Mutation.first": rows,
            "Mutation.second": rows,
            "Row.strict": lambda *_: None,
        },
    )


async def bounded(
    text: str, most: int, make: Callable[..., Any] = rows, root: Any = None
) -> ExecutionResult:
    """The result of a service that allows so many nodes."""
    limits = ResultLimits(max_nodes=most)
    prepared = Prepared(schema_of(make), parse(text), limits=limits)
    assert prepared.reason is None
    context: Any = None
    found = execute_operation(prepared, Variables({}, {}), context, None, root)
    return await value_of(found)


def refused(result: ExecutionResult, most: int) -> None:
    assert result.data is None
    assert result.errors is not None
    (error,) = result.errors
    assert error.message == (
        f"The result has more than {most} objects and list items, limits.max_response_nodes: ask for fewer."
    )
    assert error.original_error is not None
    assert error.original_error.extensions == {"code": "MAX_RESPONSE_NODES_LIMIT"}  # type: ignore[attr-defined]


EXACT = [
    ("{ rows { name } }", 10),
    ("{ rows { rows { name } } }", 110),
    ("{ rows { rows { rows { name } } } }", 1110),
    ("{ rows { held { name } } }", 110),
    ("{ rows { one { held { name } } } }", 110),
    ("{ rows { rows { held { name } } } }", 1110),
    ("{ rows { tags } }", 10 + 10 * 150),
    ("{ rows { held { tags } } }", 110 + 100 * 150),
    ("{ rows { grid } }", 10 + 10 * 3 * 150),
    ("{ leaves }", 200),
    ("{ many { name } }", 24),
    ("{ many { rows { name } } }", 24 + 200),
    ("{ named { name } }", 10),
    ("{ named { name ... on Row { held { name } rows { name } } } }", 210),
]


@pytest.mark.parametrize("make", [rows, rows_later, objects, broken])
@pytest.mark.parametrize(("text", "nodes"), EXACT, ids=[text for text, _ in EXACT])
async def test_so_many_nodes_and_no_more(text: str, nodes: int, make: Callable[..., Any]) -> None:
    for most in (nodes - 1, nodes // 2, 1):
        refused(await bounded(text, most, make), most)
    # What is completed exactly may be counted twice where an attempt came before.
    result = await bounded(text, nodes if make is rows else 2 * nodes, make)
    assert result.data is not None


async def test_no_further_level_is_called() -> None:
    Counted.calls = 0
    refused(await bounded("{ rows { rows { rows { rows { rows { name } } } } } }", 1000), 1000)
    assert (
        Counted.calls == 1 + 10 + 100
    )  # the 1,000 rows of the third level are too many with those above


async def test_what_is_left_of_a_mutation_does_not_run() -> None:
    Counted.calls = 0
    refused(await bounded("mutation { first { name } second }", 9), 9)
    assert Counted.calls == 1


async def test_an_event_has_the_same_bound() -> None:
    event = {"rows": [ROW] * 10}
    text = "subscription { rows { held { name } } }"
    refused(await bounded(text, 109, root=event), 109)
    assert (await bounded(text, 110, root=event)).errors is None


@pytest.mark.parametrize("make", [rows, rows_later])
async def test_the_fallback_has_the_same_bound(make: Callable[..., Any]) -> None:
    prepared = Prepared(
        schema_of(make),
        parse("{ rows { rows { name } } }"),
        limits=ResultLimits(max_nodes=109),
    )
    variables, context = Variables({}, {}), cast("Any", None)
    for most, is_refused in ((109, True), (111, False)):
        prepared.limits = ResultLimits(max_nodes=most)
        found = fall_back(prepared, prepared.source, variables, context, "a test")
        result = found if isinstance(found, ExecutionResult) else await found
        if is_refused:
            refused(result, most)
        else:
            assert result.errors is None


@pytest.mark.parametrize("name", ["endless", "later { name }"])
async def test_what_never_ends_is_read_no_further(name: str) -> None:
    refused(await bounded(f"{{ {name} }}", 1000), 1000)

"""The tracebacks of errors, which loggers and debug modes of servers show: of a plan as of graphql-core."""

from __future__ import annotations

import gc
import traceback
from typing import Any

import graphql
import pytest
from graphql import GraphQLError

from gateway.integrations import graphql_core
from tests.execute.reference import make_schema

SDL = """
    type Query {
      raises: Int strict: Int! awaited: Int placed: Int given: Int caused: Int! null: Int! bad: Int row: Row
      items: [Int!] rows: [Row]
    }
    type Row { raises: Int! awaited: Int! null: Int! caused: Int! placed: Int! }
"""


def broken() -> None:
    raise LookupError("no such row")


def raises(*_: Any) -> None:
    broken()


async def awaited(*_: Any) -> None:
    broken()


def placed(*_: Any) -> None:
    raise GraphQLError("elsewhere", path=["other", 1])


def caused(*_: Any) -> None:
    try:
        broken()
    except LookupError as error:
        raise ValueError("of another") from error


RESOLVERS = {
    "Query.raises": raises,
    "Query.strict": raises,
    "Query.awaited": awaited,
    "Query.placed": placed,
    "Query.given": lambda *_: ValueError("given"),
    "Query.caused": caused,
    "Row.raises": raises,
    "Row.awaited": awaited,
    "Row.caused": caused,
    "Row.placed": placed,
}
ROOT = {"bad": "x", "row": {}, "items": [1, None]}
OPERATIONS = [
    "{ raises awaited placed given bad items }",
    "{ strict }",
    "{ caused }",
    "{ null }",
    "{ row { raises } }",
    "{ row { awaited } }",
    "{ row { null } }",
    "{ row { caused } }",
    "{ row { placed } }",
]


def told(error: GraphQLError) -> tuple[Any, ...]:
    """What a logger gets of an error: the user's own lines, and what caused it."""
    found = [frame.line for frame in traceback.extract_tb(error.__traceback__)]
    own = [line for line in found if line in ("broken()", 'raise LookupError("no such row")')]
    return error.message, error.path, bool(found), own, repr(error.__cause__)


@pytest.mark.parametrize("text", OPERATIONS)
async def test_an_error_has_the_traceback_of_what_was_raised(text: str) -> None:
    schema = make_schema(SDL, RESOLVERS)
    expected = await graphql.graphql(schema, text, ROOT)
    assert expected.errors
    for _ in range(3):
        result = await graphql_core.graphql(schema, text, ROOT)
        assert sorted(map(told, result.errors), key=repr) == sorted(
            map(told, expected.errors), key=repr
        )
        for error in result.errors:
            names = [frame.name for frame in traceback.extract_tb(error.__traceback__)]
            assert "complete_object" not in names


@pytest.mark.parametrize("field", ["raises", "awaited", "null", "caused", "placed"])
async def test_what_tracebacks_keep_does_not_grow_with_their_number(field: str) -> None:
    few, many = [await garbage(f"{{ rows {{ {field} }} }}", number) for number in (5, 100)]
    assert many < few + 200


async def garbage(text: str, number: int) -> int:
    """How many objects the collector finds after an operation: the fewest of some, as others' garbage only adds."""
    schema = make_schema(SDL, RESOLVERS)
    found = []
    for _ in range(5):
        gc.collect()
        gc.disable()
        try:
            result = await graphql_core.graphql(schema, text, {"rows": [{}] * number})
            assert len(result.errors) == number
            del result
            found.append(gc.collect())
        finally:
            gc.enable()
    return min(found[1:])

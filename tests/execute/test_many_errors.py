"""Errors that nobody reads: they are counted, cost little, and leave nothing behind."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest
from graphql import ExecutionResult, parse

from gateway.execute.operation import execute_operation
from gateway.execute.prepared import Prepared
from gateway.runtime import expand, pauses, slow
from gateway.runtime.bounds import ResultLimits
from gateway.runtime.nulled import is_below
from gateway.runtime.request import Variables
from gateway.runtime.spots import BadValueError
from tests.execute.reference import make_schema

SDL = """
type Query { rows(n: Int!): [Row] strict(n: Int!): [Row!] both: [Row] }
type Row {
  id: ID! text: Int map: Int float: Float flag: Boolean name: String color: Color
  raises: String later: String strict: Int!
}
enum Color { RED }
"""
MOST = 5


class RowError(Exception):
    """What a resolver raises."""


def rows(_parent: Any, _info: Any, n: int = 3) -> list[Any]:
    bad: dict[str, Any] = {"text": "x", "map": {"a": 1}, "float": "f", "flag": [], "name": {}}
    return [{**bad, "id": i, "color": f"no{i}", "strict": None} for i in range(n)]


def raises(*_: Any) -> None:
    raise RowError("raised")


async def later(*_: Any) -> None:
    await asyncio.sleep(0)
    raise RowError("later")


SCHEMA = make_schema(
    SDL,
    {"Query.rows": rows, "Query.strict": rows, "Row.raises": raises, "Row.later": later},
)


async def answered(text: str, most: int = MOST, *, is_paused: bool = True) -> Any:
    """Data, and the message and path of each error."""
    limits = ResultLimits(is_paused=is_paused, max_errors=most)
    context: Any = None
    prepared = Prepared(SCHEMA, parse(text), limits=limits)
    found = execute_operation(prepared, Variables({}, {}), context)
    result = found if isinstance(found, ExecutionResult) else await found
    return result.data, [(error.message, error.path) for error in result.errors or ()]


CASES = {
    "values": "{ rows(n: 50) { id text map float flag name color } }",
    "nulls": "{ rows(n: 50) { id strict } }",
    "calls": "{ rows(n: 50) { id raises text } }",
    "later": "{ rows(n: 50) { id later } }",
    "below what is nulled": "{ strict(n: 50) { text strict } rows(n: 50) { map } }",
}


@pytest.mark.parametrize("name", CASES)
async def test_the_first_are_those_of_a_run_without_a_bound(name: str) -> None:
    data, every = await answered(CASES[name], 100_000)
    found, errors = await answered(CASES[name])
    assert found == data
    assert errors[:MOST] == every[:MOST]
    assert len(errors) == MOST + 1
    assert str(len(every) - MOST) in errors[-1][0]


@pytest.mark.parametrize("name", CASES)
async def test_errors_leave_no_cycles(name: str) -> None:
    assert await garbage(CASES[name].replace("50", "500")) < await garbage(CASES[name]) + 200


async def garbage(text: str) -> int:
    """How many objects the collector finds after an operation: the fewest of some, as others' garbage only adds."""
    await answered(text)
    found = []
    gc.disable()
    try:
        for _ in range(5):
            gc.collect()
            await answered(text)
            found.append(gc.collect())
    finally:
        gc.enable()
    return min(found)


async def test_an_error_that_nobody_reads_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []

    class CountedError(BadValueError):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given)
            made.append(given)

    monkeypatch.setattr(slow, "BadValueError", CountedError)
    await answered("{ rows(n: 500) { text map float flag name } }")
    assert len(made) == MOST


async def test_a_value_of_another_form_is_still_taken() -> None:
    data, _ = await answered("{ rows(n: 9) { text } good: rows(n: 9) { float: id } }")
    assert [row["float"] for row in data["good"]] == [str(i) for i in range(9)]


async def test_pauses_look_through_no_response(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[Any] = []
    monkeypatch.setattr(pauses, "KEPT_S", 0.0)
    monkeypatch.setattr(expand, "leave_spots", looks.append)
    await answered("{ rows(n: 5000) { id raises strict text } }")
    assert looks == []


async def test_the_loop_is_given_back_while_errors_are_located(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pauses, "KEPT_S", 0.0)
    turns: list[None] = []
    running = asyncio.create_task(answered("{ rows(n: 5000) { id text map } }"))
    while not running.done():
        turns.append(None)
        await asyncio.sleep(0)
    # 10,000 spots in pieces of 1,000, and 15,000 places in pieces of 200.
    assert len(turns) > 60


def test_finding_what_is_nulled_compares_no_pairs() -> None:
    compared: list[None] = []

    class Key(tuple):  # type: ignore[type-arg]
        __hash__ = tuple.__hash__

        def __eq__(self, other: object) -> bool:
            compared.append(None)
            return tuple.__eq__(self, other)

    above = {Key(("rows", number)) for number in range(1_000)}
    compared.clear()
    assert is_below(["rows", 999, "later"], above)
    assert not is_below(["rows", 1_000, "later"], above)
    assert len(compared) < 10

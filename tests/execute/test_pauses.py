"""The event loop gets its turns while a large result is made, and the result is the same."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest
from graphql import ExecutionResult, parse

from gateway.execute.operation import execute_operation
from gateway.execute.prepared import Prepared
from gateway.plan.collect import CannotCompileError
from gateway.response.encoding import encode_members
from gateway.runtime import pauses
from gateway.runtime.bounds import ResultLimits
from gateway.runtime.request import Variables
from tests.execute.reference import make_schema

SDL = """
type Query { rows(n: Int!): [Row] box: Box }
union Any = Box
type Box { rows: [Row] short: [Row] any: Any each: [Any] }
type Row { id: ID! text: String bad: Int rows: [Row] held: [Row] strict: Int! one: Row }
"""
HELD = [{"id": i, "text": "held", "bad": "x", "held": None} for i in range(60)]

BAD = {"id": 1, "bad": "x"}
SHORT = [{"id": i, "one": BAD, "held": [{"id": n} for n in range(60)]} for i in range(60)]
WIDE = " ".join(f"text{number}: text" for number in range(100))
MANY = " ".join(f"one{number}: one {{ id bad }}" for number in range(50))


def rows(_parent: Any, _info: Any, n: int = 60) -> list[Any]:
    return [
        {"id": i, "text": f"é{i}", "bad": "x", "held": HELD, "strict": 1, "one": BAD}
        for i in range(n)
    ]


async def later(parent: Any, info: Any, n: int = 60) -> list[Any]:
    return rows(parent, info, n)


ANY = {"__typename": "Box", "rows": rows(None, None, 2_000)}
SCHEMA = make_schema(
    SDL,
    {
        "Query.rows": later,
        "Query.box": lambda *_: {
            "rows": rows(None, None, 30_000),
            "short": SHORT,
            "any": ANY,
            "each": [ANY],
        },
        "Row.rows": rows,
    },
)


async def answered(text: str, is_paused: bool, schema: Any = SCHEMA) -> tuple[Any, int]:
    """The response, and how many turns the loop had meanwhile."""
    limits = ResultLimits(is_paused=is_paused, max_errors=10, max_nodes=500_000)
    prepared = Prepared(schema, parse(text), limits=limits)
    turns = 0
    done = False

    async def count() -> None:
        nonlocal turns
        while not done:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    context: Any = None
    found = execute_operation(prepared, Variables({}, {}), context)
    result = found if isinstance(found, ExecutionResult) else await found
    done = True
    await counting
    errors = [(error.message, error.path) for error in result.errors or ()]
    return (orjson.loads(encode_members({"data": result.data})), errors), turns


LARGE = {
    "a flat list": ("{ rows(n: 30000) { id text } }", 10),
    "levels of calls": ("{ rows(n: 60) { id rows { id rows { id } } } }", 10),
    "lists in rows": ("{ rows(n: 300) { id text held { id text } } }", 10),
    "a list in an object": ("{ box { rows { id text } } }", 10),
    "errors": ("{ rows(n: 300) { id held { id bad } } }", 10),
    "errors of a list": ("{ rows(n: 3000) { id bad strict } box { rows { bad } } }", 10),
    "a list with wrong values in an object": ("{ box { rows { id text bad } } }", 1_000),
    "short lists in a short list": ("{ box { short { held { bad id } } } }", 60),
    "good lists in a list": ("{ rows(n: 60) { id held { id text } } }", 20),
    "objects of a row with wrong values": (f"{{ box {{ short {{ id {MANY} bad }} }} }}", 50),
    "a list below an object of a union": ("{ box { any { ... on Box { rows { id bad } } } } }", 10),
    "lists below objects of a union": ("{ box { each { ... on Box { rows { id bad } } } } }", 10),
    "nulls": ("{ rows(n: 1000) { id held { id strict } } }", 10),
}


@pytest.mark.parametrize("name", LARGE)
async def test_the_loop_is_given_back(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text, least = LARGE[name]
    expected, few = await answered(text, False)
    monkeypatch.setattr(pauses, "KEPT_S", 0.0)
    found, turns = await answered(text, True)
    assert found == expected
    assert few < 8
    assert turns >= least


async def test_rows_of_many_fields_are_completed_in_smaller_pieces(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = f"{{ rows(n: 900) {{ {WIDE} }} }}"
    expected, _ = await answered(text, False)
    monkeypatch.setattr(pauses, "KEPT_S", 0.0)
    monkeypatch.setattr(pauses, "PIECE_S", 0.0)  # what follows the first piece goes row by row
    found, turns = await answered(text, True)
    assert found == expected
    assert turns >= 800


CALLS = make_schema(
    SDL,
    {
        "Query.rows": lambda *_, n=3: [{"id": i} for i in range(n)],
        "Row.text": lambda row, info: f"{info.path.prev.key}",
        "Row.rows": lambda row, info, n=60: [{"id": n}],
        "Row.bad": lambda *_: 1 / 0,
    },
)


FIXED = make_schema(
    SDL,
    {
        "Query.rows": lambda *_, n=3: [{"id": i} for i in range(n)],
        "Row.text": lambda row, _info: f"{row['id']}",
        "Row.rows": lambda *_, n=60: [{"id": n}],
        "Row.bad": lambda row, _info: 1 // (row["id"] - 500),
    },
)


async def test_the_loop_is_given_back_between_plain_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "{ rows(n: 1000) { id text rows { id text } bad } }"
    expected, few = await answered(text, False, CALLS)
    assert [row["text"] for row in expected[0]["data"]["rows"]] == [str(i) for i in range(1000)]
    monkeypatch.setattr(pauses, "KEPT_S", 0.0)
    found, turns = await answered(text, True, CALLS)
    assert found == expected
    assert few < 8
    assert turns >= 40  # four columns of 1,000 calls, in hundreds


async def test_the_loop_is_given_back_on_graphql_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Prepared, "code", _cannot)
    text = "{ rows(n: 1000) { id text rows { id text } bad } }"
    expected, few = await answered(text, False, FIXED)
    monkeypatch.setattr(pauses, "KEPT_S", 0.0)
    found, turns = await answered(text, True, FIXED)
    assert found[0] == expected[0]
    assert sorted(found[1]) == sorted(expected[1])
    assert few < 8
    assert turns >= 40  # 2,000 objects, in twenties


def _cannot(*_: Any) -> Any:
    raise CannotCompileError("a test")


async def test_small_results_are_made_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pauses, "KEPT_S", 0.0)
    _, without = await answered("{ rows(n: 9) { id text held { id } } }", False)
    _, turns = await answered("{ rows(n: 9) { id text held { id } } }", True)
    assert turns == without


async def test_an_answer_that_is_too_long_ends_while_it_is_encoded() -> None:
    limits = ResultLimits(is_paused=True, max_bytes=100_000)
    prepared = Prepared(SCHEMA, parse("{ rows(n: 30000) { id text } }"), limits=limits)
    context: Any = None
    found = execute_operation(prepared, Variables({}, {}), context)
    result = found if isinstance(found, ExecutionResult) else await found
    assert result.data is None
    assert result.errors is not None
    assert "limits.max_response_bytes" in result.errors[0].message


async def test_a_cancelled_run_ends_in_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pauses, "KEPT_S", 0.0)
    running = asyncio.create_task(answered("{ rows(n: 30000) { id text } }", True))
    for _ in range(4):
        await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

"""Functions that complete rows are made when they pay, once, and charged to who needs them; answers do not differ."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from inspect import isawaitable
from typing import Any

import pytest
from graphql import GraphQLSchema, build_schema, execute_sync, parse

from gateway.codegen import first_rows
from gateway.execute.prepared import Prepared
from gateway.execute.run import run_code
from gateway.runtime.bounds import UNLIMITED
from gateway.runtime.request import Variables
from gateway.runtime.state import Run

SDL = """
type Query { rows: [Row!]! one: Row }
type Row { id: ID! text: String below: [Row!] own: Int }
"""
QUERY = "{ rows { id text below { id below { id } } own } one { id text } }"
MOST_ROWS = 24


@pytest.fixture(autouse=True)
def _first_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_rows, "MOST_ROWS", MOST_ROWS)


def make_schema() -> GraphQLSchema:
    schema = build_schema(SDL)
    schema.type_map["Row"].fields["own"].resolve = lambda row, _info: row.get("number")  # type: ignore[attr-defined]
    return schema


def row(number: int, below: int = 0) -> dict[str, Any]:
    made: dict[str, Any] = {"id": number, "number": number if number % 3 else "bad"}
    if number % 2:
        made["text"] = None if number % 5 else 7
    if below:
        made["below"] = [row(n) for n in range(below)]
    return made


class Charged:
    """Who was charged, and whether he was asked."""

    def __init__(self) -> None:
        self.calls: list[bool] = []

    @contextmanager
    def growing(
        self, _prepared: Prepared, _client_key: str | None, *, is_admitted: bool = False
    ) -> Iterator[None]:
        self.calls.append(is_admitted)
        yield


def run(prepared: Prepared, root: Any, limits: Any = UNLIMITED) -> Any:
    code = prepared.code({})
    run = Run(code.bound, prepared.source, root, None, Variables({}, {}), None, False, limits)
    return run_code(run, code)


def prepared_with(charged: Charged) -> tuple[GraphQLSchema, Prepared]:
    schema = make_schema()
    prepared = Prepared(schema, parse(QUERY), growing=charged.growing)
    charged.calls.clear()
    return schema, prepared


def test_answers_are_equal_before_and_after_functions_are_made() -> None:
    charged = Charged()
    schema, prepared = prepared_with(charged)
    made = []
    for number in range(2 * MOST_ROWS):
        root = {"rows": [row(number, below=number % 3)], "one": row(number)}
        expected, result = execute_sync(schema, parse(QUERY), root), run(prepared, root)
        assert result.data == expected.data
        assert [str(error) for error in result.errors or ()] == [
            str(error) for error in expected.errors or ()
        ]
        made.append(prepared.code({}).functions)
    assert (made[0], made[-1] > 0) == (0, True)
    assert sorted(made) == made


def whole(number: int, below: int = 0) -> dict[str, Any]:
    return {"id": "1", "number": number, "text": "t", "below": [whole(n) for n in range(below)]}


@pytest.mark.parametrize("rows", [[whole(n) for n in range(MOST_ROWS + 1)], [whole(1, below=99)]])
def test_many_rows_have_their_function_at_once(rows: list[Any]) -> None:
    charged = Charged()
    _, prepared = prepared_with(charged)
    run(prepared, {"rows": rows, "one": None})
    assert prepared.code({}).functions > 0
    assert charged.calls == [True]  # nobody is asked again for a part of what was admitted


async def test_a_large_page_is_charged_once() -> None:
    charged = Charged()
    _, prepared = prepared_with(charged)
    limits = replace(UNLIMITED, is_paused=True)
    for count in (3_000, 40):
        result = run(prepared, {"rows": [whole(n) for n in range(count)], "one": None}, limits)
        answer = await result if isawaitable(result) else result
        assert len(answer.data["rows"]) == count
    assert charged.calls == [True]

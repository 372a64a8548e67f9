"""What is below nothing costs nothing: the work of a warm plan follows the data, not the plan."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

import pytest
from graphql import GraphQLSchema, build_schema, parse

from gateway.execute.prepared import Prepared
from gateway.execute.run import run_code
from gateway.runtime.request import Variables
from gateway.runtime.state import Run

COUNT = 40
NAMES = [f"f{number}" for number in range(COUNT)]


def schema_of(value: Any) -> GraphQLSchema:
    """`Query.a` gives the value; each field below it has a resolver of its own."""
    made = build_schema(
        f"type Query {{ a: A }} type A {{ {' '.join(f'{n}: Int' for n in NAMES)} }}"
    )
    made.type_map["Query"].fields["a"].resolve = lambda *_: value  # type: ignore[attr-defined]
    for name in NAMES:
        made.type_map["A"].fields[name].resolve = lambda *_: 1  # type: ignore[attr-defined]
    return made


def answer(prepared: Prepared) -> Any:
    code = prepared.code({})
    run = Run(code.bound, prepared.source, None, None, Variables({}, {}))
    result: Any = run_code(run, code)
    return result.data


def calls(prepared: Prepared) -> int:
    """How many calls of Python's the second run makes."""
    answer(prepared)
    found = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal found
        found += event == "call"

    sys.setprofile(count)
    try:
        answer(prepared)
    finally:
        sys.setprofile(None)
    return found


@pytest.mark.parametrize("selected", [4, COUNT])
def test_fields_below_a_null_are_not_looked_at(selected: int) -> None:
    text = f"{{ a {{ {' '.join(NAMES[:selected])} }} }}"
    prepared = Prepared(schema_of(None), parse(text))
    assert answer(prepared) == {"a": None}
    few = Prepared(schema_of(None), parse("{ a { f0 f1 f2 f3 } }"))
    assert calls(prepared) == calls(few)


def test_fields_below_an_object_are() -> None:
    prepared = Prepared(schema_of({}), parse(f"{{ a {{ {' '.join(NAMES)} }} }}"))
    assert answer(prepared) == {"a": dict.fromkeys(NAMES, 1)}


@pytest.mark.parametrize("items", [1, 3])
def test_a_list_of_nulls_costs_no_more_than_an_empty_one(items: int) -> None:
    def prepared(below: list[None]) -> Prepared:
        schema = build_schema("type Query { rows: [Row] } type Row { below: [Row] id: Int }")
        rows = [{"below": below, "id": 1} for _ in range(60)]
        schema.type_map["Query"].fields["rows"].resolve = lambda *_: rows  # type: ignore[attr-defined]
        return Prepared(schema, parse("{ rows { below { id } } }"))

    nulls = [None] * items
    made = prepared(nulls)
    assert calls(made) <= calls(prepared([]))
    found = answer(made)
    assert found == {"rows": [{"below": nulls}] * 60}
    assert all(row["below"] is not nulls for row in found["rows"])

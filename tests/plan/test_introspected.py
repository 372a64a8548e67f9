"""Introspection is counted by what it reads, charged where it is answered, and answered once: by counts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from graphql import ExecutionResult, build_schema, get_introspection_query

from gateway.errors import ClientError
from gateway.execute.operation import coerce_variables, execute_operation
from gateway.execute.prepare import Prepared, prepare
from gateway.language.document import load_document
from gateway.language.limits import Limits
from gateway.plan.introspected import OBJECT, VALUE, allowed_units
from gateway.plan.work import check_work, count_work
from gateway.runtime import introspect

TYPES = " ".join(f"type T{n} {{ a(x: Int, y: Int): T{n} b(x: Int): [Int!]! }}" for n in range(60))
SCHEMA = build_schema(f"type Query {{ t: T0 }} {TYPES}")
FIELDS = "fields { name type { name ofType { name } } args { name type { name } } }"


def unlike(count: int) -> str:
    """As many readings of the whole schema, each with a name of its own in it."""
    return " ".join(f"t{n}: __schema {{ types {{ n{n}: name {FIELDS} }} }}" for n in range(count))


def units(text: str, most: int = 10**9) -> int:
    """Beside those of a field of the root that reads nothing."""
    return count_work(SCHEMA, load_document(text, SCHEMA, Limits(max_aliases=99)), None, most)


def test_what_tools_ask_for_is_allowed_whatever_the_limit_is() -> None:
    query = get_introspection_query(True, True, True, True, True)
    assert allowed_units(SCHEMA) > 10_000
    assert units(query) < 5_000


def test_reading_a_schema_many_times_is_refused() -> None:
    text = f"{{ {unlike(12)} }}"
    with pytest.raises(ClientError) as caught:
        check_work(SCHEMA, load_document(text, SCHEMA, Limits()), None, Limits())
    assert caught.value.code == "MAX_WORK_LIMIT"


def test_units_are_those_of_what_is_read() -> None:
    few, more = units(f"{{ {unlike(12)} }}"), units(f"{{ {unlike(13)} }}")
    # At least the objects of one more reading: each type with its fields and arguments.
    assert more - few > 60 * (OBJECT * (1 + 2 + 3) + VALUE * 10)
    assert units(f"{{ {unlike(12)} }}", 1_000) <= few  # counting ends early


def test_what_is_asked_twice_counts_once() -> None:
    same = " ".join(f"t{n}: __schema {{ types {{ {FIELDS} }} }}" for n in range(12))
    assert units(f"{{ {same} }}") < 10_000


def run(prepared: Prepared) -> ExecutionResult:
    variables = coerce_variables(prepared, {})
    result = execute_operation(prepared, variables, "client")  # type: ignore[arg-type]
    assert isinstance(result, ExecutionResult)
    return result


def test_answering_is_charged_once_and_equal_fields_are_answered_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    charged: list[str | None] = []
    answered: list[str] = []
    execute = introspect._execute

    @contextmanager
    def growing(_prepared: Prepared, client_key: str | None) -> Iterator[None]:
        charged.append(client_key)
        yield

    def counted(run_: object, field: object) -> object:
        assert len(charged) == 2
        answered.append(field.key)  # type: ignore[attr-defined]
        return execute(run_, field)  # type: ignore[arg-type]

    monkeypatch.setattr(introspect, "_execute", counted)
    document = load_document(
        "{ a: __schema { types { name } } b: __schema { types { name } } c: __schema { types { kind } } }",
        SCHEMA,
        Limits(),
    )
    prepared = prepare(SCHEMA, document, growing=growing)
    assert len(charged) == 1  # the plan itself
    before = prepared.size_bytes
    data = run(prepared).data
    assert data is not None
    assert data["a"] == data["b"] != data["c"]
    assert data["a"] is not data["b"]
    assert answered == ["a", "c"]
    assert prepared.size_bytes > before + 60 * 100
    assert run(prepared).data == data
    assert (charged, len(answered)) == ([None, "client"], 2)


def test_introspection_on_graphql_core_is_charged_each_time() -> None:
    charged: list[str | None] = []

    @contextmanager
    def growing(_prepared: Prepared, client_key: str | None) -> Iterator[None]:
        charged.append(client_key)
        yield

    many = " ".join(f"f{n}: t {{ a {{ __typename }} }}" for n in range(1_000))
    limits = Limits(max_aliases=2_000, max_root_fields=2_000, max_tokens=20_000)
    document = load_document(f"{{ __schema {{ types {{ name }} }} {many} }}", SCHEMA, limits)
    prepared = prepare(SCHEMA, document, growing=growing)
    assert prepared.path == "fallback"
    assert run(prepared).errors is None
    assert run(prepared).errors is None
    assert charged == [None, "client", "client"]

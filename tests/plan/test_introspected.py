"""Introspection is counted by what it reads, charged where it is answered, and answered once: by counts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
import pytest
from graphql import (
    ExecutionResult,
    GraphQLObjectType,
    build_schema,
    execute_sync,
    get_introspection_query,
    parse,
)

from gateway.codegen import first_rows
from gateway.concurrency.awaitable import is_awaitable, value_of
from gateway.errors import ClientError
from gateway.execute.operation import coerce_variables, execute_operation
from gateway.execute.prepared import Prepared
from gateway.language.document import load_document
from gateway.language.limits import Limits
from gateway.plan.introspected import OBJECT, VALUE, Introspected, allowed_units
from gateway.plan.work import check_work, count_work
from gateway.runtime import pauses
from gateway.runtime.bounds import ResultLimits
from gateway.runtime.introspect import Introspection

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
    answered: list[Introspection] = []
    pieces = Introspection.pieces

    @contextmanager
    def growing(
        _prepared: Prepared, client_key: str | None, *, is_admitted: bool
    ) -> Iterator[None]:
        del is_admitted
        charged.append(client_key)
        yield

    def counted(answer: Introspection) -> Iterator[None]:
        assert len(charged) == 1
        answered.append(answer)
        return pieces(answer)

    monkeypatch.setattr(Introspection, "pieces", counted)
    monkeypatch.setattr(first_rows, "MOST_ROWS", 24)  # no function is made, nor charged
    document = load_document(
        "{ a: __schema { types { name } } b: __schema { types { name } } c: __schema { types { kind } } }",
        SCHEMA,
        Limits(),
    )
    prepared = Prepared(SCHEMA, document, growing=growing)
    assert not charged  # the plan itself is its maker's
    before = prepared.size_bytes
    data = run(prepared).data
    assert data is not None
    assert data["a"] == data["b"] != data["c"]
    assert data["a"] is not data["b"]
    assert len(answered) == 2
    assert prepared.size_bytes > before + 60 * 30
    assert run(prepared).data == data
    assert (charged, len(answered)) == (["client"], 2)


DESCRIBED = """
directive @own(a: [Int!]! = [1], b: In = { x: 2 }) repeatable on FIELD | QUERY
"What it is." interface Node { id: ID! @deprecated(reason: "é \\"") }
type Query implements Node { id: ID! node(in: In, e: [E!] = [A]): Node u: [[U]!] old: E @deprecated }
input In @oneOf { x: Int y: [[String!]!] z: In @deprecated }
enum E { A "b" B @deprecated(reason: "no") }
union U = Query
scalar S @specifiedBy(url: "https://s.example")
"""
EACH = """query ($yes: Boolean = true, $no: Boolean = false, $name: String = "Query") {
  __typename a: __schema { ...S b: types { ...T } } c: __schema { directives { ...D } } d: __type(name: $name) { ...T }
  e: __type(name: "Nope") { name } f: __type(name: "U") { fields { name } possibleTypes { n: name __typename } }
  ...R @include(if: $yes)
}
fragment R on Query { c: __schema { queryType { ...T } mutationType { name } description } }
fragment S on __Schema { types { __typename name @skip(if: $no) kind @include(if: $no) } }
fragment T on __Type { kind name fields(includeDeprecated: $yes) { ...F } less: fields { name } inputFields { ...V }
  possibleTypes { name } ... on __Type { enumValues(includeDeprecated: true) { name deprecationReason } interfaces { name } } }
fragment F on __Field { name isDeprecated deprecationReason args { ...V } type { ...P } }
fragment V on __InputValue { name defaultValue description type { ...P } }
fragment P on __Type { name kind ofType { name kind ofType { ofType { name } } } }
fragment D on __Directive { name isRepeatable locations args { ...V } }
"""


@pytest.mark.parametrize("text", [EACH, get_introspection_query(True, True, True, True, True)])
@pytest.mark.parametrize("kept_s", [0.0, 60.0])
async def test_an_answer_is_that_of_graphql_core_to_the_byte(
    text: str, kept_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pauses, "KEPT_S", kept_s)
    schema = build_schema(DESCRIBED)
    prepared = Prepared(
        schema, load_document(text, schema, Limits()), limits=ResultLimits(is_paused=True)
    )
    variables = coerce_variables(prepared, {})
    # Two at the same time: in pieces, each finds what the other has written.
    coming = [execute_operation(prepared, variables, "client") for _ in range(2)]  # type: ignore[arg-type]
    expected = execute_sync(schema, parse(text))
    assert expected.errors is None
    for result in [await value_of(each) for each in coming]:
        assert orjson.dumps(result.data) == orjson.dumps(expected.data)
    assert all(map(is_awaitable, coming)) is (kept_s == 0)
    assert prepared.executor == "compiled"


def test_what_tools_ask_for_is_known_without_a_walk_of_the_schema(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    walked: list[str] = []
    count = Introspected._count

    def noted(self: Introspected, meta: GraphQLObjectType, value: Any, sets: Any) -> int:
        walked.append(meta.name)
        return count(self, meta, value, sets)

    monkeypatch.setattr(Introspected, "_count", noted)
    usual = get_introspection_query(True, True, True, True, True)
    assert units(usual) < 5_000
    assert units("{ __schema { types { __typename isOneOf fields { name } } } }") < 5_000
    assert not walked
    units("{ __schema { types { fields { type { fields { name } } } } } }")
    assert walked


def test_introspection_on_graphql_core_is_charged_each_time() -> None:
    charged: list[str | None] = []

    @contextmanager
    def growing(
        _prepared: Prepared, client_key: str | None, *, is_admitted: bool
    ) -> Iterator[None]:
        del is_admitted
        charged.append(client_key)
        yield

    many = " ".join(f"f{n}: t {{ a {{ __typename }} }}" for n in range(1_000))
    limits = Limits(max_aliases=2_000, max_root_fields=2_000, max_tokens=20_000)
    document = load_document(f"{{ __schema {{ types {{ name }} }} {many} }}", SCHEMA, limits)
    prepared = Prepared(SCHEMA, document, growing=growing)
    assert prepared.executor == "fallback"
    assert run(prepared).errors is None
    assert run(prepared).errors is None
    assert charged == ["client", "client"]

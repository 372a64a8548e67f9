"""The default resolver of the drop-in, and resolvers that are given instead of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any

import graphql
import pytest
from graphql import parse

from gateway.graph.member import Member, MemberAccess, member_of
from gateway.integrations import graphql_core, known, operations
from gateway.runtime import reference
from tests.execute.reference import make_schema
from tests.integrations.rows import ROOT, SDL

pytestmark = pytest.mark.usefixtures("compiled_when_seen_again")


def test_resolvers_made_for_each_request_run_on_graphql_core(
    compiled: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "MAX_RESOLVERS", 3)
    graphql_core.fallbacks.clear()
    schema = make_schema(SDL)
    for number in range(9):
        given = {"field_resolver": lambda _source, _info, number=number, **_arguments: number}
        for text in ("query N { a }", "query M { a }"):
            found = graphql_core.graphql_sync(schema, text, **given)
            assert found == graphql.ExecutionResult({"a": number}, None)
    assert len(compiled) == 6, "of three resolvers, after the first run of each text"
    assert graphql_core.fallbacks == {"resolvers made anew": 10}
    for _ in range(2):  # the default ones have their plan all the same
        assert graphql_core.graphql_sync(schema, "query N { a }", ROOT).data == {"a": 1}
    assert len(compiled) == 7


class Answering:
    """Gives one value for each field."""

    value: int

    def __call__(self, _source: Any, _info: Any, **_arguments: Any) -> int:
        return self.value

    def method(self, _source: Any, _info: Any, **_arguments: Any) -> int:
        return self.value


@dataclass
class UnhashableAnswering(Answering):
    value: int


@dataclass(frozen=True)
class EqualAnswering(Answering):
    value: int = field(compare=False)


def test_a_resolver_is_told_from_those_that_it_is_equal_to(compiled: list[str]) -> None:
    for kind in (UnhashableAnswering, EqualAnswering):
        schema = make_schema(SDL)
        first, second = kind(1), kind(2)
        for _ in range(3):
            for given, value in ((first, 1), (second, 2), (first.method, 1), (second.method, 2)):
                found = graphql_core.graphql_sync(schema, "{ a }", field_resolver=given)
                assert found == graphql.ExecutionResult({"a": value}, None)
        assert len(compiled) == 4
        compiled.clear()


def test_arguments_may_be_called_as_the_parameters_of_the_default_resolver() -> None:
    sdl = "type Query { a(source: Int, info: Int, root: Int): Int row(source: Int): Row } type Row { a: Int }"
    schema = make_schema(sdl)
    text = "query Colliding { a(source: 1, info: 2, root: 3) row(source: 1) { a } }"
    for _ in range(3):
        result = graphql_core.graphql_sync(schema, text, ROOT)
        assert (result.data, result.errors) == ({"a": 1, "row": {"a": None}}, None)
    for given in (None, graphql.default_field_resolver):
        for _ in range(3):
            document = parse(text)
            found = graphql_core.execute(schema, document, ROOT, field_resolver=given)
            assert (found.data, found.errors) == ({"a": 1, "row": {"a": None}}, None)


@pytest.mark.skipif(not reference.IS_3_3, reason="graphql-core 3.2 delivers in one piece")
def test_so_they_may_where_an_answer_comes_in_parts() -> None:
    schema = make_schema("type Query { a(source: Int, info: Int): Int }")
    defer: Any = graphql.GraphQLDeferDirective
    given: Any = {**schema.to_kwargs(), "directives": [*schema.directives, defer]}
    schema = graphql.GraphQLSchema(**given)
    document = parse("{ ... @defer { late: a(source: 1) } a(source: 1, info: 2) }")
    for _ in range(3):
        found = graphql_core.experimental_execute_incrementally(schema, document, ROOT)
        assert found.initial_result.data == {"a": 1}
    whole = reference.execute(schema, parse("{ a(source: 1, info: 2) }"), ROOT)
    assert whole == graphql.ExecutionResult({"a": 1}, None)


@pytest.mark.skipif(not reference.IS_3_3, reason="subscriptions of graphql-core 3.2 are its own")
async def test_so_they_may_at_a_source_stream() -> None:
    async def numbers(_info: Any, **arguments: int) -> Any:
        yield {"s": arguments["source"]}

    schema = make_schema("type Query { a: Int } type Subscription { s(source: Int): Int }")
    document = parse("subscription { s(source: 3) }")
    stream = graphql_core.subscribe(schema, document, {"s": numbers})
    assert [result.data async for result in stream] == [{"s": 3}]


def test_a_function_that_its_field_cannot_call_is_not_read_past() -> None:
    def wrapped(name: str, source: Any, info: Any, **_arguments: Any) -> Any:
        return source[name]

    schema = make_schema("type Query { a(name: Int): Int b(other: Int): Int }")
    query: Any = schema.query_type
    fields = query.fields
    for name, definition in fields.items():
        definition.resolve = partial(wrapped, name)
    known.read_members(schema, lambda _field: Member("a", MemberAccess.ANY))
    assert [member_of(found.resolve) is None for found in fields.values()] == [True, False]

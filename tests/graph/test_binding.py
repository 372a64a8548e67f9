"""Marks to resolvers: what binds, and what each mistake is called."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from graphql import GraphQLError, graphql

from gateway import (
    ClientError,
    batch_resolver,
    resolver,
    scalar,
    schema_directive,
    type_resolver,
)
from gateway.client.request import ClientRequest
from gateway.context import Context
from gateway.graph.applied import bind_directives
from gateway.graph.binding import bind_resolvers
from gateway.graph.register import MARK, Mark
from gateway.graph.resolvers import FieldResolver
from gateway.graph.schema import require_schema
from gateway.graph.sdl import parse_sdl

SDL = """
directive @upper on FIELD_DEFINITION
directive @logged(as: String!) on FIELD_DEFINITION
scalar Money
type Query {
  videos(first: Int = 2 @range(min: 0, max: 3), from: String): [Video!]
  price(amount: Money): Money
  found: [Result!]
  title: String @upper
  guarded: String @logged(as: "it")
}
interface Named { name: String }
type Video implements Named { id: ID! name: String channel: Channel slug(max: Int @range(max: 9)): String }
type Channel implements Named { name: String }
union Result = Video | Channel
"""


def marks_of(*targets: Any) -> list[Mark]:
    return [mark for target in targets for mark in getattr(target, MARK)]


def make_context() -> Context:
    return Context(
        ClientRequest({}, request_id="r1"),
        deadline=0.0,
        upstream=None,  # type: ignore[arg-type] # no backend in these tests
        config={},
        source_urls={},
        state={},
    )


async def run(query: str, *targets: Any, variables: dict[str, Any] | None = None) -> Any:
    schema = require_schema(parse_sdl(SDL, "s.graphql"))
    with ThreadPoolExecutor(1) as threads:
        assert bind_resolvers(schema, marks_of(*targets), threads) == []
        assert bind_directives(schema, marks_of(*targets)) == []
        return await graphql(schema, query, context_value=make_context(), variable_values=variables)


@resolver("Query.videos")
def videos(_parent: Any, _context: Context, first: int, from_: str | None = None) -> Any:
    return [{"id": n, "name": f"{from_ or 'v'}{n}"} for n in range(first)]


async def test_arguments_use_the_sdl_name_with_an_underscore_after_a_keyword() -> None:
    result = await run('{ videos(first: 1, from: "x") { name } }', videos)
    assert result.errors is None
    assert result.data == {"videos": [{"name": "x0"}]}


async def test_range_refuses_before_the_resolver_runs() -> None:
    called = []

    @resolver("Query.videos")
    def recording(_p: Any, _c: Any, first: int, from_: str | None = None) -> Any:
        called.append(first)

    result = await run("{ videos(first: 4) { name } }", recording)
    assert called == []
    assert result.errors[0].message == "Argument Query.videos(first:) must be at most 3, got 4."
    assert result.errors[0].extensions == {"code": "BAD_USER_INPUT"}


async def test_a_batch_resolver_is_called_once_for_all_parents() -> None:
    calls = []

    @batch_resolver("Video.channel")
    async def channel(parents: list[Any], _context: Context) -> list[Any]:
        calls.append(len(parents))
        return [{"name": f"c{p['id']}"} for p in parents]

    result = await run("{ videos(first: 3) { channel { name } } }", videos, channel)
    assert [v["channel"]["name"] for v in result.data["videos"]] == ["c0", "c1", "c2"]
    assert calls == [3]


async def test_a_batch_of_the_wrong_length_is_an_error_of_every_parent() -> None:
    @batch_resolver("Video.channel")
    async def channel(parents: list[Any], _context: Context) -> list[Any]:
        return [None]

    result = await run("{ videos(first: 2) { channel { name } } }", videos, channel)
    assert "must return a list of 2 items" in result.errors[0].message
    assert len(result.errors) == 2


async def test_an_exception_item_of_a_batch_belongs_to_its_parent() -> None:
    @batch_resolver("Video.channel")
    async def channel(parents: list[Any], _context: Context) -> list[Any]:
        return [ClientError("gone", code="GONE"), {"name": "c"}]

    result = await run("{ videos(first: 2) { channel { name } } }", videos, channel)
    assert result.data["videos"] == [{"channel": None}, {"channel": {"name": "c"}}]
    assert [e.path for e in result.errors] == [["videos", 0, "channel"]]


async def test_info_is_given_only_where_the_parameter_stands() -> None:
    @resolver("Query.title")
    async def title(_parent: Any, context: Context, info: Any) -> str:
        return f"{info.field_name} {context.request_id}"

    result = await run("{ title }", title)
    assert result.data == {"title": "TITLE R1"}  # and @upper has passed over it


async def test_a_blocking_resolver_runs_in_the_pool() -> None:
    @resolver("Query.title", blocking=True)
    def title(_parent: Any, _context: Context) -> str:
        return str(threading.current_thread() is threading.main_thread())

    assert (await run("{ title }", title)).data == {"title": "FALSE"}


@schema_directive("upper")
class Upper:
    def result(self, value: Any, _context: Context) -> Any:
        return value.upper() if isinstance(value, str) else value


@pytest.fixture(autouse=True)
def _upper_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    original = marks_of
    monkeypatch.setitem(globals(), "marks_of", lambda *t: original(Upper, *t))


async def test_a_directive_can_wrap_or_replace_the_resolver() -> None:
    @schema_directive("logged")
    class Logged:
        def __init__(self, **arguments: Any) -> None:
            self.name = arguments["as"]

        def resolve(self, call_next: Any, parent: Any, context: Context, **arguments: Any) -> Any:
            return f"{self.name}: {call_next(parent, context, **arguments)}"

    schema = require_schema(parse_sdl(SDL, "s.graphql"))
    with ThreadPoolExecutor(1) as threads:
        bind_resolvers(schema, [], threads)
    assert bind_directives(schema, getattr(Logged, MARK)) == []
    result = await graphql(schema, "{ guarded }", SimpleNamespace(guarded="g"), make_context())
    assert result.data == {"guarded": "it: g"}


async def test_scalar_and_type_resolver() -> None:
    @scalar("Money")
    class Money:
        @staticmethod
        def serialize(value: Any) -> str:
            return f"{value} EUR"

        @staticmethod
        def parse_value(value: Any) -> int:
            if not isinstance(value, str):
                raise GraphQLError("Money is a string")
            return int(value)

    @resolver("Query.price")
    def price(_p: Any, _c: Any, amount: int = 0) -> int:
        return amount + 1

    @resolver("Query.found")
    async def found(_p: Any, _c: Any) -> list[Any]:
        return [{"kind": "Video", "id": 1}, {"kind": "Channel", "name": "n"}]

    @type_resolver("Result")
    def result_type(value: Any, _context: Context) -> str:
        return str(value["kind"])

    query = '{ price(amount: "3") found { __typename ... on Video { id } ... on Named { name } } }'
    result = await run(query, Money, price, found, result_type)
    assert result.errors is None
    assert result.data["price"] == "4 EUR"
    assert [item["__typename"] for item in result.data["found"]] == ["Video", "Channel"]
    literal = await run("{ price(amount: 3) }", Money, price)
    assert "Money is a string" in literal.errors[0].message


def _mistake(kind: str) -> tuple[Any, str, str | None]:
    """A wrong function, the message it gives, and the hint."""

    def no_context(_parent: Any) -> None: ...
    def no_argument(_parent: Any, _context: Any, first: int) -> None: ...
    def misspelt(_parent: Any, _context: Any, frist: int, from_: str = "") -> None: ...
    def no_default(_parent: Any, _context: Any, first: int, from_: str) -> None: ...

    def fine() -> Any:
        return lambda _parent, _context: None

    class Serializing:
        serialize = str

    return {
        "type": (resolver("Vidoe.name")(fine()), "there is no object type `Vidoe`", "did you mean `Video`?"),
        "field": (resolver("Video.nmae")(fine()), "there is no field of Video `nmae`", "did you mean `name`?"),
        "coordinate": (resolver("Video")(fine()), "'Video' is not a coordinate such as Video.url", None),
        "arity": (resolver("Video.name")(no_context), "Video.name must take (parent, context, …)", None),
        "argument": (resolver("Query.videos")(no_argument), "Query.videos has no parameter for `from`", "add `from_`"),
        "misspelt": (resolver("Query.videos")(misspelt), "Query.videos has no parameter for `first`", "did you mean it by `frist`?"),
        "default": (resolver("Query.videos")(no_default), "the argument `from` of Query.videos may be absent", "give `from_` a default"),
        "scalar": (scalar("Mony")(Serializing), "@scalar: there is no scalar `Mony`", "did you mean `Money`?"),
        "names": (resolver("Query.title", names={"x": "y"})(fine()), "@resolver: there is no argument of Query.title in names= `x`", None),
        "union": (type_resolver("Resutl")(fine()), "@type_resolver: there is no interface or union `Resutl`", "did you mean `Result`?"),
    }[kind]  # fmt: skip


@pytest.mark.parametrize(
    "kind",
    [
        "type",
        "field",
        "coordinate",
        "arity",
        "argument",
        "misspelt",
        "default",
        "scalar",
        "names",
        "union",
    ],
)
def test_a_mistake_is_named_with_file_line_and_hint(kind: str) -> None:
    target, message, hint = _mistake(kind)
    schema = require_schema(parse_sdl(SDL, "s.graphql"))
    with ThreadPoolExecutor(1) as threads:
        found = bind_resolvers(schema, getattr(target, MARK)[-1:], threads)
    assert message in found[0].message
    assert found[0].hint == hint
    assert found[0].file == __file__
    assert found[0].line is not None


def test_a_field_bound_twice_is_a_mistake() -> None:
    schema = require_schema(parse_sdl(SDL, "s.graphql"))
    first = resolver("Query.title")(lambda _p, _c: "a")
    second = batch_resolver("Query.title")(lambda parents, _c: ["b"] * len(parents))
    with ThreadPoolExecutor(1) as threads:
        found = bind_resolvers(schema, marks_of(first, second), threads)
    assert [item.message for item in found] == ["Query.title is bound twice"]
    assert schema.query_type is not None
    assert isinstance(schema.query_type.fields["title"].resolve, FieldResolver)

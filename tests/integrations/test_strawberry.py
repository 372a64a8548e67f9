"""Strawberry's schema class on compiled plans, beside its own: the same answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest
import strawberry
from strawberry import relay

from gateway.execute.run import run_code
from gateway.integrations.graphql_core import fallbacks
from gateway.integrations.strawberry import CompiledFederationSchema, CompiledSchema
from tests.integrations.people import Person, Query, ask, told

pytestmark = pytest.mark.usefixtures("compiled_at_once")

ASKED = [
    "{ people { total items { name age upper twice: upper(times: 2) friend { name } } } }",
    "{ named { __typename name ... on Person { age } } later { name } color }",
    "{ people { items { secret } } }",
    "query ($color: Color!) { echo(color: $color, where: {color: BLUE}) }",
    '{ echo(color: RED) a: echo(color: BLUE, where: {names: ["x"]}) extensions }',
    "{ broken { age } }",
    "{ broken { name } }",
    "{ mapping { name age } }",
    "{ nope }",
    "{ people { ",
    "{ __schema { types { name fields { name type { name } } } } }",
]


@strawberry.type
class Book(relay.Node):
    id: relay.NodeID[int]
    title: str

    @classmethod
    def resolve_nodes(cls, *, node_ids: Any, **_: Any) -> Any:
        return [Book(id=int(number), title=f"node {number}") for number in node_ids]


def make_relay(schema_class: type[strawberry.Schema]) -> strawberry.Schema:
    """A field of relay belongs to one schema."""

    @strawberry.type(name="Query")
    class WithNodes:
        node: relay.Node = relay.node()

    return schema_class(WithNodes, types=[Book])


@pytest.mark.parametrize("text", ASKED)
async def test_answers_are_strawberrys(text: str) -> None:
    before = sum(fallbacks.values())
    plain, compiled = strawberry.Schema(Query), CompiledSchema(Query)
    for admin in (False, True, True):
        expected, found = await ask(plain, text, admin), await ask(compiled, text, admin)
        assert told(found) == told(expected)
    assert sum(fallbacks.values()) == before


async def test_relay_is_strawberrys() -> None:
    before = sum(fallbacks.values())
    plain, compiled = make_relay(strawberry.Schema), make_relay(CompiledSchema)
    for text in (
        '{ node(id: "Qm9vazoz") { id ... on Book { title } } }',
        '{ node(id: "x") { id } }',
    ):
        for _ in range(2):
            assert told(await ask(compiled, text)) == told(await ask(plain, text))
    assert sum(fallbacks.values()) == before


@strawberry.type
class Sync:
    a: int = 1

    @strawberry.field
    async def b(self) -> int:
        return 1

    @strawberry.field
    def c(self) -> list[int]:
        async def items() -> Any:
            yield 1

        return items()  # type: ignore[no-any-return]


def test_sync_answers_are_strawberrys() -> None:
    for text, root in (("{ a }", Sync()), ("{ a }", None), ("{ c }", Sync())):
        for _ in range(2):
            found = CompiledSchema(Sync).execute_sync(text, root_value=root)
            expected = strawberry.Schema(Sync).execute_sync(text, root_value=root)
            assert told(found) == told(expected)


@strawberry.federation.type(keys=["id"])
class Product:
    id: strawberry.ID
    name: str = "p"

    @classmethod
    def resolve_reference(cls, id: strawberry.ID) -> Product:  # noqa: A002  Strawberry's name
        return cls(id=id)


@strawberry.type
class Shop:
    @strawberry.field
    def top(self) -> Product:
        return Product(id=strawberry.ID("1"))


async def test_federation_is_strawberrys() -> None:
    text = """{ _entities(representations: [{__typename: "Product", id: "3"}]) { ... on Product { id name } }
        top { name } _service { sdl } }"""
    for _ in range(2):
        found = await CompiledFederationSchema(Shop).execute(text)
        expected = await strawberry.federation.Schema(Shop).execute(text)
        assert found.errors is None
        assert told(found) == told(expected)


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def people(self, to: int, info: strawberry.Info) -> AsyncGenerator[Person, None]:
        raw: Any = info._raw_info
        assert raw.operation_extensions == {"key": 1}
        for number in range(to):
            await asyncio.sleep(0)
            yield Person(name=f"p{number}", age=number)


async def test_subscriptions_are_strawberrys(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[Any] = []

    def noting(run: Any, code: Any, **given: Any) -> Any:
        ran.append(run.root)
        return run_code(run, code, **given)

    monkeypatch.setattr("gateway.integrations.graphql_core.run_code", noting)

    async def events(schema: Any) -> list[Any]:
        stream = await schema.subscribe(
            "subscription { people(to: 3) { name upper } }",
            context_value={},
            operation_extensions={"key": 1},
        )
        return [told(event) async for event in stream]

    found = await events(CompiledSchema(Query, subscription=Subscription))
    assert len(found) == len(ran) == 3
    assert found == await events(strawberry.Schema(Query, subscription=Subscription))

"""Ariadne on compiled plans, beside itself: the same answers."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from typing import Any, cast

import pytest
from ariadne import (
    EnumType,
    MutationType,
    ObjectType,
    QueryType,
    SubscriptionType,
    UnionType,
    graphql_sync,
    make_executable_schema,
    subscribe,
)
from ariadne import graphql as ariadne_graphql
from ariadne.types import Extension

from gateway.integrations import ariadne, operations
from gateway.integrations.graphql_core import fallbacks

SDL = """
type Query { users(orderBy: Order = NAME): [User!]! find(userId: ID): Found me: User broken: User }
type Mutation { rename(userId: ID, newName: String!): User }
type Subscription { ticks(to: Int!): Int! }
type User { id: ID! fullName: String called: String method: String nested: Order }
type Group { groupName: String }
union Found = User | Group
enum Order { NAME AGE }
"""


class Person:
    def __init__(self, number: int) -> None:
        self.id = number
        self.full_name = f"person {number}"
        self.nickname = "nick"

    def method(self, info: Any) -> str:
        return f"{self.full_name} {info.path.key}"


query, mutation, subscription = QueryType(), MutationType(), SubscriptionType()
user, found = ObjectType("User"), UnionType("Found", lambda value, *_: value["kind"])
order = EnumType("Order", {"NAME": 1, "AGE": 2})
user.set_alias("called", "nickname")
user.set_field("nested", lambda *_: 2)


@query.field("users")
def resolve_users(*_: Any, order_by: int) -> list[Any]:
    assert order_by in (1, 2)
    return [Person(1), {"id": 2, "full_name": "a dict"}]


@query.field("find")
async def resolve_find(*_: Any, user_id: str | None = None) -> Any:
    return {"kind": "User", "id": user_id} if user_id else {"kind": "Group", "group_name": "g"}


@query.field("broken")
def resolve_broken(*_: Any) -> Any:
    raise LookupError("nothing")


@mutation.field("rename")
def resolve_rename(_: Any, info: Any, user_id: str, new_name: str) -> Any:
    return {"id": user_id, "full_name": new_name + info.context["sign"]}


@subscription.source("ticks")
async def generate_ticks(*_: Any, to: int) -> AsyncGenerator[int, None]:
    for number in range(to):
        yield number


@subscription.field("ticks")
def resolve_ticks(number: int, *_: Any, to: int) -> int:
    return number * to


schema = make_executable_schema(
    SDL, query, mutation, subscription, user, found, order, convert_names_case=True
)


class Counting(Extension):
    """An extension that wraps the operation alone."""

    def format(self, _context: Any) -> dict[str, Any]:
        return {"counting": True}


class Shouting(Extension):
    """An extension that wraps each field."""

    def resolve(self, next_: Any, obj: Any, info: Any, **arguments: Any) -> Any:
        value = next_(obj, info, **arguments)
        return value.upper() if isinstance(value, str) else value


@pytest.fixture
def _installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(operations, "COMPILED_FROM", 1)
    ariadne.install()
    yield
    ariadne.uninstall()


ASKED: list[tuple[str, dict[str, Any]]] = [
    ("{ users { id fullName called method nested } }", {}),
    ("query ($order: Order) { users(orderBy: $order) { id } }", {"order": "AGE"}),
    ("{ find(userId: 1) { __typename ... on User { id fullName } } }", {}),
    ("{ find { ... on Group { groupName } } me { id } }", {}),
    ('mutation { rename(userId: 3, newName: "x") { id fullName } }', {}),
    ("{ broken { id } }", {}),
    ("{ nope }", {}),
    ("{ users ", {}),
]


async def ask(text: str, variables: dict[str, Any], extensions: list[Any] | None = None) -> Any:
    data = {"query": text, "variables": variables}
    return await ariadne_graphql(
        schema, data, context_value={"sign": "!"}, extensions=extensions, logger="quiet"
    )


@pytest.mark.parametrize("extensions", [None, [Counting], [Shouting]])
@pytest.mark.parametrize(("text", "variables"), ASKED)
async def test_answers_are_ariadnes(
    text: str, variables: dict[str, Any], extensions: list[Any] | None, monkeypatch: Any
) -> None:
    monkeypatch.setattr(operations, "COMPILED_FROM", 1)
    expected = await ask(text, variables, extensions)
    before = sum(fallbacks.values())
    ariadne.install()
    try:
        for _ in range(2):
            assert await ask(text, variables, extensions) == expected
    finally:
        ariadne.uninstall()
    assert sum(fallbacks.values()) == before


@pytest.mark.usefixtures("_installed")
async def test_subscriptions_and_the_sync_function_are_ariadnes() -> None:
    before = sum(fallbacks.values())
    is_open, stream = cast(
        tuple[bool, AsyncGenerator[Any, None]],
        await subscribe(schema, {"query": "subscription { ticks(to: 3) }"}),
    )
    assert is_open
    assert [event.data async for event in stream] == [{"ticks": n} for n in (0, 3, 6)]
    assert graphql_sync(schema, {"query": "{ users { called } }"}) == (
        True,
        {"data": {"users": [{"called": "nick"}, {"called": None}]}},
    )
    assert sum(fallbacks.values()) == before


@pytest.mark.usefixtures("_installed")
async def test_names_are_read_and_not_called() -> None:
    await ask("{ users { fullName called nested } }", {})
    (kept,) = [
        prepared
        for operations_ in operations.store_of(schema)._recent
        for prepared in operations_.prepared.values()
        if "called nested"
        in (prepared.source.document.loc.source.body if prepared.source.document.loc else "")
        and "method" not in prepared.source.document.loc.source.body  # type: ignore[union-attr]
    ]
    kinds = {f.key: str(f.plan.kind) for f in kept.code({}).bound.fields.values()}
    assert kinds["fullName"] == kinds["called"] == "property"
    assert kinds["nested"] == "sync"

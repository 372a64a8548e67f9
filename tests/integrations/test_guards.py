"""Guards that stand around resolvers in any way that graphql-core lets them: they are asked at each run."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from typing import Any

import pytest
import strawberry
from ariadne import graphql_sync, make_executable_schema
from ariadne.types import Extension
from graphql import GraphQLSchema
from graphql.execution import MiddlewareManager
from strawberry.extensions import SchemaExtension

from gateway.graph.member import Member, MemberAccess, mark_member, member_of
from gateway.integrations import ariadne, graphql_core, known
from gateway.integrations.strawberry import CompiledSchema, read_members
from tests.execute.reference import make_schema
from tests.integrations.rows import ROOT, SDL

pytestmark = pytest.mark.usefixtures("compiled_when_seen_again")


@strawberry.type
class Account:
    name: str = "n"
    secret: str = "s"


@strawberry.type
class Accounts:
    @strawberry.field
    def account(self) -> Account | None:
        return Account()


asked: list[str] = []


def guarded(resolve: Any) -> Callable[..., Any]:
    """Refuses `secret`, as an authorization layer around the resolvers of any schema does."""

    @wraps(resolve)
    def guard(source: Any, info: Any, **arguments: Any) -> Any:
        asked.append(info.field_name)
        if info.field_name == "secret":
            raise PermissionError("no")
        return resolve(source, info, **arguments)

    return guard


def put_guards(schema: GraphQLSchema) -> None:
    named: Any = schema.type_map["Account"]
    for field in named.fields.values():
        field.resolve = guarded(field.resolve)


@pytest.mark.parametrize("is_read_before", [True, False])
def test_a_guard_around_strawberrys_function(is_read_before: bool) -> None:
    schema = CompiledSchema(Accounts) if is_read_before else strawberry.Schema(Accounts)
    put_guards(schema._schema)
    read_members(schema._schema)
    for _ in range(3):
        asked.clear()
        found = graphql_core.graphql_sync(schema._schema, "{ account { name secret } }")
        assert found.data == {"account": None}
        assert asked == ["name", "secret"]


def test_what_stands_in_the_place_of_get_result(monkeypatch: pytest.MonkeyPatch) -> None:
    definition: Any = Account
    name, _ = definition.__strawberry_definition__.fields
    for place in (type(name), name):
        with monkeypatch.context() as patch:
            patch.setattr(place, "get_result", lambda *_, **__: "patched", raising=False)
            schema = CompiledSchema(Accounts)
            for _ in range(3):
                found = schema.execute_sync("{ account { name } }")
                assert found.data == {"account": {"name": "patched"}}


class ChoosingExtension(Extension):
    """Has a `resolve` of the instance."""

    def __init__(self) -> None:
        self.resolve: Any = self.check

    def check(self, next_: Any, source: Any, info: Any, **arguments: Any) -> Any:
        asked.append(info.field_name)
        return next_(source, info, **arguments)


def test_an_extensions_own_resolve() -> None:
    schema = make_executable_schema("type Query { hello: String }")
    ariadne.install()
    try:
        for _ in range(3):
            asked.clear()
            given = {"query": "{ hello }"}
            assert graphql_sync(schema, given, extensions=[ChoosingExtension])[0]
            assert asked == ["hello"]
    finally:
        ariadne.uninstall()


class OwnManager(MiddlewareManager):
    """Has a middleware that it does not tell."""

    def __init__(self, *middlewares: Any) -> None:
        super().__init__(*middlewares)
        self._middleware_resolvers = [*(self._middleware_resolvers or ()), doubled]


def doubled(next_: Any, source: Any, info: Any, **arguments: Any) -> Any:
    value = next_(source, info, **arguments)
    return value * 2 if isinstance(value, int) else value


class Passing:
    """A middleware whose class is known to do nothing."""

    def resolve(self, next_: Any, source: Any, info: Any, **arguments: Any) -> Any:
        return next_(source, info, **arguments)


def test_managers_and_middlewares_whose_instance_differs_from_its_class(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(known, "passing", {Passing.resolve, SchemaExtension.resolve})
    own = Passing()
    own.resolve = doubled  # type: ignore[method-assign]
    manager: Any = type("Manager", (MiddlewareManager,), {})()
    manager.get_field_resolver = lambda resolve: partial(doubled, resolve)
    for middleware in ([own], OwnManager(), OwnManager(Passing()), manager):
        schema = make_schema(SDL)
        for _ in range(3):
            found = graphql_core.graphql_sync(schema, "{ a }", ROOT, middleware=middleware)
            assert found.data == {"a": 2}
    assert known.wrapping(MiddlewareManager(Passing())) is None


def test_a_mark_is_of_the_function_that_bears_it() -> None:
    def read(source: Any, _info: Any) -> Any:
        return source["a"]

    mark_member(read, Member("a", MemberAccess.ANY))
    assert member_of(read) == Member("a", MemberAccess.ANY)
    assert member_of(guarded(read)) is None

"""Graphene's schema class on compiled plans, beside its own. Needs graphql-core 3.2, as Graphene does: else skipped."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

graphene = pytest.importorskip("graphene", exc_type=ImportError)

from gateway.integrations import operations  # noqa: E402
from gateway.integrations.graphene import CompiledSchema  # noqa: E402
from gateway.integrations.graphql_core import fallbacks  # noqa: E402


class Color(graphene.Enum):  # type: ignore[name-defined,misc]  # it has no types
    RED = 1
    BLUE = 2


class Person(graphene.ObjectType):  # type: ignore[name-defined,misc]
    full_name = graphene.String(required=True)
    nickname = graphene.String(default_value="none")
    method = graphene.String()
    upper = graphene.String(times=graphene.Int(default_value=1))
    later = graphene.Int()

    def resolve_upper(self, info: Any, times: int) -> str:
        name = self["full_name"] if isinstance(self, dict) else self.full_name
        return str(name).upper() * times + str(info.path.key)

    async def resolve_later(self, _info: Any) -> int:
        return 3


class Plain:
    full_name = "plain"

    def method(self) -> str:
        return "called"


class Query(graphene.ObjectType):  # type: ignore[name-defined,misc]
    people = graphene.List(Person)
    color = graphene.Field(Color, given=Color(required=True))

    def resolve_people(self, _info: Any) -> list[Any]:
        return [Person(full_name="a"), {"full_name": "b"}, Plain(), {}]

    def resolve_color(self, _info: Any, given: Any) -> Any:
        return given


def shout(next_: Any, root: Any, info: Any, **arguments: Any) -> Any:
    value = next_(root, info, **arguments)
    return value.upper() if isinstance(value, str) else value


@pytest.mark.parametrize("middleware", [None, [shout]])
@pytest.mark.parametrize(
    "text",
    [
        "{ people { fullName nickname upper(times: 2) __typename } }",
        "{ people { nickname method } }",
        "query ($given: Color!) { color(given: $given) }",
        "{ nope }",
        "{ people",
    ],
)
def test_answers_are_graphenes(text: str, middleware: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(operations, "COMPILED_FROM", 1)
    before = sum(fallbacks.values())
    plain, compiled = graphene.Schema(query=Query), CompiledSchema(query=Query)
    options = {"variables": {"given": "BLUE"} if "$" in text else None, "middleware": middleware}
    for _ in range(3):
        expected, found = plain.execute(text, **options), compiled.execute(text, **options)
        assert found.data == expected.data
        assert sorted(map(str, found.errors or ())) == sorted(map(str, expected.errors or ()))
    assert sum(fallbacks.values()) == before


def test_async_answers_are_graphenes(monkeypatch: Any) -> None:
    monkeypatch.setattr(operations, "COMPILED_FROM", 1)
    compiled = CompiledSchema(query=Query)
    for _ in range(2):
        result = asyncio.run(compiled.execute_async("{ people { later } }"))
        assert result.errors is None
        assert result.data == {"people": [{"later": 3}] * 4}

"""A Strawberry schema with a field of each kind, and what it is asked."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, Generic, TypeVar

import strawberry
from strawberry.dataloader import DataLoader
from strawberry.permission import BasePermission
from strawberry.types import ExecutionResult

T = TypeVar("T")


@strawberry.enum
class Color(Enum):
    RED = "red"
    BLUE = 2


class IsAdmin(BasePermission):
    message = "admins only"

    def has_permission(self, source: Any, info: strawberry.Info, **_: Any) -> bool:
        return bool(info.context["admin"])


@strawberry.interface
class Named:
    name: str


@strawberry.type
class Person(Named):
    age: int
    secret: str = strawberry.field(default="s", permission_classes=[IsAdmin])

    @strawberry.field
    async def friend(self, info: strawberry.Info) -> Person | None:
        found: Person | None = await info.context["people"].load(self.age + 1)
        return found

    @strawberry.field
    def upper(self, info: strawberry.Info, times: int = 1) -> str:
        assert info.variable_values == {} or "color" in info.variable_values
        return self.name.upper() * times + str(info.path.key)


@strawberry.type
class Page(Generic[T]):
    items: list[T]
    total: int


@strawberry.input
class Filter:
    color: Color = Color.RED
    names: list[str] | None = None


@dataclass
class Foreign:
    """No Strawberry type: only its attributes count."""

    age: int


@strawberry.type
class Query:
    @strawberry.field
    def people(self) -> Page[Person]:
        return Page(items=[Person(name=f"p{n}", age=n) for n in range(3)], total=3)

    @strawberry.field
    def named(self) -> list[Named]:
        return [Person(name="a", age=1)]

    @strawberry.field
    def later(self) -> Annotated[Person, strawberry.lazy("tests.integrations.people")]:
        return Person(name="l", age=9)

    @strawberry.field
    def echo(self, color: Color, where: Filter | None = None) -> str:
        assert where is None or isinstance(where.color, Color)
        return f"{color!r} {where}"

    @strawberry.field
    def color(self) -> Color:
        return Color.BLUE

    @strawberry.field
    def broken(self) -> Person:
        return Foreign(age=1)  # type: ignore[return-value]

    @strawberry.field
    def mapping(self) -> Person | None:
        return {"name": "d", "age": 1}  # type: ignore[return-value]

    @strawberry.field
    def extensions(self, info: strawberry.Info) -> str:
        raw: Any = info._raw_info
        return str(raw.operation_extensions)


PLAIN = strawberry.Schema(Query)


async def ask(schema: Any, text: str, admin: bool = False) -> ExecutionResult:
    async def load(ages: list[int]) -> list[Person]:
        return [Person(name=f"f{age}", age=age) for age in ages]

    context = {"admin": admin, "people": DataLoader(load_fn=load)}
    result: ExecutionResult = await schema.execute(
        text,
        {"color": "RED"} if "$color" in text else None,
        context_value=context,
        operation_extensions={"key": 1},
    )
    return result


def told(result: ExecutionResult) -> list[Any]:
    found = [
        (e.message, e.path, [(p.line, p.column) for p in e.locations or ()])
        for e in result.errors or ()
    ]
    return [result.data, sorted(found, key=repr)]

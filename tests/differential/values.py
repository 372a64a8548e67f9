"""Draws values for places of a response: right ones, and with the world's rate of faults wrong ones."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Iterable
from random import Random
from typing import TYPE_CHECKING, Any

from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLObjectType,
    GraphQLString,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
)

if TYPE_CHECKING:
    from tests.differential.worlds import World

MAX_DEPTH = 4


class Named:
    """Something that serialises to the same text each time."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class Thing(Named):
    """A parent with attributes."""


class Soon(Named):
    """An awaitable that nobody has to await."""

    def __init__(self, value: Any, ticks: int = 0) -> None:
        self.value = value
        self.ticks = ticks

    def __await__(self) -> Generator[Any, None, Any]:
        for _ in range(self.ticks):
            yield from asyncio.sleep(0).__await__()
        if isinstance(self.value, Exception):
            raise self.value
        return self.value


class Stream(Named):
    """An asynchronous iterator that nobody has to close."""

    def __init__(self, items: Iterable[Any]) -> None:
        self.items = iter(items)

    def __aiter__(self) -> Stream:
        return self

    async def __anext__(self) -> Any:
        for item in self.items:
            return item
        raise StopAsyncIteration


class Values:
    """Values of a world, each drawn from its place."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._shared = (
            False  # two response keys may read the value: nothing that can be read but once
        )

    def draw(self, place: str) -> Random:
        return Random(f"{self.world.seed} {place}")

    def make(self, type_: Any, place: str, depth: int) -> Any:
        """A value for a place of this type."""
        rng = self.draw(place)
        if depth > MAX_DEPTH * 2:  # a type that needs itself, non-null, has no end
            return None
        if rng.random() < self.world.faults:
            return self._fault(rng, type_)
        if is_non_null_type(type_):
            return self._make_nullable(type_.of_type, place, depth, rng)
        if rng.random() < 0.1 or depth > MAX_DEPTH:
            return None
        return self._make_nullable(type_, place, depth, rng)

    def _make_nullable(self, type_: Any, place: str, depth: int, rng: Random) -> Any:
        if is_list_type(type_):
            return self._list(type_, place, depth, rng)
        if is_leaf_type(type_):
            return self._leaf(type_, rng)
        if is_abstract_type(type_):
            possible = self.world.schema.get_possible_types(type_)
            if not possible:
                return None
            type_ = rng.choice(list(possible))
        return self.make_object(type_, place, depth)

    def _list(self, type_: Any, place: str, depth: int, rng: Random) -> Any:
        count = rng.choice([0, 1, 2, 3]) if depth <= MAX_DEPTH else 0
        items = [self.make(type_.of_type, f"{place}.{n}", depth + 1) for n in range(count)]
        awaitable = [
            Soon(item, rng.randint(0, 2)) if rng.random() < 0.3 and not self.world.calm else item
            for item in items
        ]
        shape = rng.choice(["list"] * 6 + ["tuple", "iterator", "later", "stream"])
        if self._shared and shape in ("iterator", "stream"):
            return items
        if shape == "tuple":
            return tuple(items)
        if shape == "iterator":
            return iter(items)
        if self.world.calm:
            return items
        if shape == "later":
            return awaitable
        return Stream(items) if shape == "stream" else items

    def _leaf(self, type_: Any, rng: Random) -> Any:
        if isinstance(type_, GraphQLEnumType):
            return rng.choice([value.value for value in type_.values.values()])
        if type_ is GraphQLInt:
            return rng.choice([0, 1, -5, 2**31 - 1, 3.0, True, "7"])
        if type_ is GraphQLFloat:
            return rng.choice([0.0, 1.5, 3, -2.25, "1.5", True])
        if type_ is GraphQLBoolean:
            return rng.choice([True, False, 1, 0])
        if type_ is GraphQLID:
            return rng.choice(["id1", 5, "", 7.0])
        if type_ is GraphQLString:
            return rng.choice(["", "text", 'q"\\\n', "é日", 5, 1.5, True])
        return rng.choice([1, "x", 2.5, (1, 2)])

    def make_object(self, type_: GraphQLObjectType, place: str, depth: int) -> Any:
        """An object with its properties: a dict, or a thing with attributes."""
        rng = self.draw(place + "{}")
        properties: dict[str, Any] = {"_key": place, "_depth": depth}
        for name, field in type_.fields.items():
            if field.resolve is None and rng.random() > 0.03:
                properties[name] = self._property(field.type, f"{place}/{name}", depth + 1)
        if rng.random() < 0.6:
            return {"__typename": type_.name, **properties}
        thing = Thing()
        setattr(thing, "_Thing__typename", type_.name)  # noqa: B010
        for name, value in properties.items():
            setattr(thing, name, value)
        return thing

    def _property(self, type_: Any, place: str, depth: int) -> Any:
        before, self._shared = self._shared, True
        value = self.make(type_, place, depth)
        self._shared = before
        rng = self.draw(place + "'")
        kind = rng.random()
        if kind < 0.05:
            return lambda _info, **_arguments: value
        if kind < 0.1 and not self.world.calm:
            return Soon(value, rng.randint(0, 2))
        if kind < 0.1 + self.world.faults / 4:

            def fail(_info: Any, **_arguments: Any) -> Any:
                raise ValueError(f"{place} failed")

            return fail
        return value

    def _fault(self, rng: Random, type_: Any) -> Any:
        kind = rng.choice(["null", "null", "error", "wrong", "wrong", "await error"])
        if kind == "null":
            return None
        if kind == "error":
            return ValueError("a returned error")
        if kind == "await error" and not self.world.calm:
            return Soon(ValueError("a late error"), rng.randint(0, 2))
        wrong: list[Any] = [
            Thing(), "abc", 5, 2**31, float("nan"), float("inf"), {}, [], {"a": 1}, b"x", "bad", 1.5, [None], "RED",
        ]  # fmt: skip
        return rng.choice(wrong)

"""Two values of one field, as a client would see them: where and how they differ, by GraphQL coordinate.

It compares what was mapped, before it is completed: leaves as their types would write them, objects by the fields
that were asked for, rows of a list by their `id` where they have one. It asks nobody and keeps nothing.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import orjson
from graphql import (
    GraphQLLeafType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_abstract_type,
    is_leaf_type,
)

from gateway.connectors.shadow.uses import ShadowUse
from gateway.graph.field_tree import LEAF, FieldTree
from gateway.graph.resolvers import read_property
from gateway.json_bytes import write_json

KINDS = ("missing", "added", "type", "value", "missing row", "extra row", "order", "error")
"""A value that only the old source has, or only the new one; one of another type; another value; and so for rows."""
PAUSE_EVERY = 100
"""Objects, after which others have the event loop."""


class Found:
    """The differences of one comparison.

    Attributes:
        kinds: How many values differ, by coordinate and kind.
        examples: The first of each: its path, and both values.
    """

    def __init__(self) -> None:
        self.kinds: Counter[tuple[str, str]] = Counter()
        self.examples: dict[tuple[str, str], tuple[str, Any, Any]] = {}

    def note(self, at: str, kind: str, path: str, one: Any, other: Any) -> None:
        """Count one."""
        self.kinds[at, kind] += 1
        self.examples.setdefault((at, kind), (path, one, other))

    @property
    def coordinates(self) -> set[str]:
        """Where something differs."""
        return {at for at, _ in self.kinds}


class Comparing:
    """Compares the values of one field or type.

    Args:
        schema: Of it.
        kind: The field's type, or the type.
        use: What is left out, and what counts as equal.
        max_rows: Objects that are looked at.
    """

    def __init__(self, schema: GraphQLSchema, kind: Any, use: ShadowUse, max_rows: int) -> None:
        self._schema = schema
        self._kind = kind
        self._use = use
        self._max_rows = max_rows
        self._found = Found()
        self._left = 0

    async def compare(
        self, pairs: Sequence[tuple[Any, Any]], wanted: FieldTree, coordinate: str
    ) -> Found:
        """What differs between the first and the second of each pair.

        Args:
            pairs: Values of the old source and of the new one.
            wanted: What was asked for of them.
            coordinate: Of the field or type.
        """
        self._found, self._left = Found(), self._max_rows
        for at, (one, other) in enumerate(pairs):
            path = str(at) if len(pairs) > 1 else ""
            if canonical(one) == canonical(other):  # the usual case, in C
                continue
            for steps, _ in enumerate(
                self._values(self._kind, wanted, one, other, coordinate, path)
            ):
                if steps % PAUSE_EVERY == PAUSE_EVERY - 1:
                    await asyncio.sleep(0)
        return self._found

    def coordinates(self, wanted: FieldTree, coordinate: str) -> set[str]:
        """Where values are compared; those of the objects of an abstract type are not known before."""
        return {coordinate, *self._below(get_named_type(self._kind), wanted)}

    def _below(self, kind: Any, wanted: FieldTree) -> Iterator[str]:
        for name, inner in wanted.items():
            at = f"{kind.name}.{name}"
            if at in self._use.ignore or name not in getattr(kind, "fields", ()):
                continue
            yield at
            yield from self._below(get_named_type(kind.fields[name].type), inner)

    def _values(
        self, kind: Any, wanted: FieldTree, one: Any, other: Any, at: str, path: str
    ) -> Iterator[None]:
        if isinstance(kind, GraphQLNonNull):
            kind = kind.of_type
        if one is None or other is None or isinstance(other, Exception):
            if isinstance(other, Exception):
                self._found.note(at, "error", path, one, str(other))
            elif one is not other:
                self._found.note(at, "missing" if other is None else "added", path, one, other)
        elif isinstance(one, Exception):
            return
        elif isinstance(kind, GraphQLList):
            if isinstance(one, list) and isinstance(other, list):
                yield from self._rows(kind.of_type, wanted, one, other, at, path)
            else:
                self._leaf(None, one, other, at, path)
        elif is_leaf_type(kind) or not (_is_object(one) and _is_object(other)):
            self._leaf(kind if is_leaf_type(kind) else None, one, other, at, path)
        else:
            yield from self._objects(kind, wanted, one, other, at, path)

    def _objects(
        self, kind: Any, wanted: FieldTree, one: Any, other: Any, at: str, path: str
    ) -> Iterator[None]:
        yield
        self._left -= 1
        if self._left < 0:
            return
        if is_abstract_type(kind):
            names = [read_property(value, "__typename", None) for value in (one, other)]
            if names[0] != names[1]:
                self._found.note(at, "type", path, *names)
                return
            kind = self._schema.type_map.get(names[0])
        if not isinstance(kind, GraphQLObjectType):
            return
        for name in wanted or kind.fields:
            inner = kind.fields.get(name)
            below = f"{kind.name}.{name}"
            if inner is None or below in self._use.ignore:
                continue
            yield from self._values(
                inner.type,
                wanted.get(name, LEAF),
                read_property(one, name, None),
                read_property(other, name, None),
                below,
                f"{path}.{name}" if path else name,
            )

    def _rows(
        self,
        kind: Any,
        wanted: FieldTree,
        one: list[Any],
        other: list[Any],
        at: str,
        path: str,
    ) -> Iterator[None]:
        is_ordered = at not in self._use.unordered
        keys: Sequence[Any] | None = _ids(one)
        others: Sequence[Any] | None = _ids(other)
        if keys is None or others is None:
            keys, others = _numbered(one), _numbered(other)
            if sorted(keys) == sorted(others):
                if is_ordered and keys != others:
                    self._found.note(at, "order", path, one, other)
                return
            if is_ordered:  # by their places
                keys, others = range(len(one)), range(len(other))
        places = {key: place for place, key in enumerate(others)}
        common = []
        for place, (key, row) in enumerate(zip(keys, one, strict=True)):
            here = f"{path}.{place}" if path else str(place)
            if key not in places:
                self._found.note(at, "missing row", here, row, None)
                continue
            common.append(places.pop(key))
            yield from self._values(kind, wanted, row, other[common[-1]], at, here)
        for place in places.values():
            here = f"{path}.{place}" if path else str(place)
            self._found.note(at, "extra row", here, None, other[place])
        if is_ordered and common != sorted(common):
            self._found.note(at, "order", path, one, other)

    def _leaf(self, kind: GraphQLLeafType | None, one: Any, other: Any, at: str, path: str) -> None:
        one, other = _written(kind, one), _written(kind, other)
        if _is_number(one) and _is_number(other):
            if math.isclose(one, other, rel_tol=self._use.tolerance):
                return
            self._found.note(at, "value", path, one, other)
            return
        is_same = type(one) is type(other)
        if is_same and canonical(one) == canonical(other):
            return
        self._found.note(at, "value" if is_same else "type", path, one, other)


def canonical(value: Any) -> bytes:
    """A value as bytes that are the same for equal ones."""
    return write_json(value, _default, orjson.OPT_SORT_KEYS)


def _default(value: Any) -> Any:
    return msgspec.structs.asdict(value) if isinstance(value, msgspec.Struct) else repr(value)


def _is_object(value: Any) -> bool:
    return isinstance(value, dict | msgspec.Struct)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _written(kind: GraphQLLeafType | None, value: Any) -> Any:
    """A leaf as the client would see it; as it is where its type does not take it."""
    if kind is None:
        return value
    try:
        return kind.serialize(value)
    except Exception:  # the client would see an error: it is another type than the field's
        return _Refused(value)


class _Refused:
    """A value that its type does not take."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __repr__(self) -> str:
        return repr(self.value)


def _ids(rows: list[Any]) -> list[Any] | None:
    """What tells the rows of a list apart: their `id`, where each has another."""
    if not rows or not all(map(_is_object, rows)):
        return None if rows else []
    ids = [str(read_property(row, "id", None)) for row in rows]
    return ids if len(set(ids)) == len(ids) else None


def _numbered(rows: list[Any]) -> list[tuple[bytes, int]]:
    """Each row, and which of its equals it is."""
    seen: Counter[bytes] = Counter()
    keys = []
    for row in map(canonical, rows):
        keys.append((row, seen[row]))
        seen[row] += 1
    return keys

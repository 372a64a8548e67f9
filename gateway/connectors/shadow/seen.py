"""A value as a client would see it, in a form that can be compared, hashed and sorted: what rows are told apart by.

The form has the fields that were asked for, less those that are ignored; leaves as their types write them; lists whose
order says nothing, sorted. It asks nobody and keeps nothing.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Sequence
from typing import Any

import msgspec
import orjson
from graphql import (
    GraphQLLeafType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    is_abstract_type,
    is_leaf_type,
)

from gateway.connectors.shadow.uses import ShadowUse
from gateway.graph.field_tree import LEAF, FieldTree
from gateway.graph.resolvers import read_property
from gateway.json_bytes import write_json

Form = tuple[Any, ...]
"""A number that says of what kind it is, and then what is compared: forms of two kinds are never compared further."""
NULL, FLAG, NUMBER, TEXT, OTHER, LIST, OBJECT, ERROR = range(8)


ROWS_AT_ONCE = 500
MOST_PAIRED = 1_000
"""Rows without an equal one that are gone through by size where numbers need only be near."""
MOST_HELD = 100
"""Of these, those that are held against each other after that."""


class NotOfItsType:
    """A value that its type does not take."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __repr__(self) -> str:
        return repr(self.value)


class Seen:
    """Makes forms.

    Args:
        schema: Of the values.
        use: What is left out, and which lists have no order.
    """

    def __init__(self, schema: GraphQLSchema, use: ShadowUse) -> None:
        self._schema = schema
        self._use = use

    def form(
        self, kind: Any, wanted: FieldTree, value: Any, at: str
    ) -> Generator[None, None, Form]:
        """The form of a value; yields for each value in it.

        Args:
            kind: Its type.
            wanted: What was asked for of it.
            value: As it was mapped.
            at: Its coordinate.
        """
        yield
        if isinstance(kind, GraphQLNonNull):
            kind = kind.of_type
        if value is None:
            return (NULL,)
        if isinstance(value, Exception):
            return (ERROR,)
        if isinstance(kind, GraphQLList):
            if not isinstance(value, list):
                return OTHER, canonical(value)
            items = []
            for item in value:
                items.append((yield from self.form(kind.of_type, wanted, item, at)))
            return (LIST, *(sorted(items) if at in self._use.unordered else items))
        if is_leaf_type(kind):
            return form_of_leaf(written(kind, value))
        if not is_object(value):
            return OTHER, canonical(value)
        return (yield from self._object(kind, wanted, value))

    def _object(self, kind: Any, wanted: FieldTree, value: Any) -> Generator[None, None, Form]:
        if is_abstract_type(kind):
            name = read_property(value, "__typename", None)
            kind = self._schema.type_map.get(name)
        if not isinstance(kind, GraphQLObjectType):
            return OTHER, canonical(value)
        parts: list[Any] = [OBJECT, kind.name]
        for name in wanted or kind.fields:
            inner, below = kind.fields.get(name), f"{kind.name}.{name}"
            if inner is None or below in self._use.ignore:
                continue
            part = read_property(value, name, None)
            parts.append((yield from self.form(inner.type, wanted.get(name, LEAF), part, below)))
        return tuple(parts)


def form_of_leaf(value: Any) -> Form:
    """The form of a leaf that was written."""
    if value is None:
        return (NULL,)
    if isinstance(value, bool):
        return FLAG, value
    if isinstance(value, int | float):
        return NUMBER, value
    return (TEXT, value) if isinstance(value, str) else (OTHER, canonical(value))


def unmatched(
    forms: Sequence[Form], of_other: Sequence[Form], tolerance: float
) -> Generator[None, None, tuple[list[int], list[int]]]:
    """The places of rows of the first list, and of the other one, that have no equal in the other; yields for each."""
    places = {}
    for place, key in enumerate(_numbered(of_other)):
        yield
        places[key] = place
    missing = []
    for place, key in enumerate(_numbered(forms)):
        yield
        if places.pop(key, None) is None:
            missing.append(place)
    extra = list(places.values())
    if tolerance and max(len(missing), len(extra)) <= MOST_PAIRED:
        near = list(_near(forms, of_other, missing, extra, tolerance))
        missing = sorted(set(missing).difference(mine for mine, _ in near))
        extra = sorted(set(extra).difference(theirs for _, theirs in near))
    return missing, extra


def _near(
    forms: Sequence[Form],
    of_other: Sequence[Form],
    missing: Iterable[int],
    extra: Iterable[int],
    tolerance: float,
) -> Iterator[tuple[int, int]]:
    """The places of rows that are equal but for numbers that are near enough: both are gone through by size."""
    left = sorted(missing, key=forms.__getitem__, reverse=True)
    others = sorted(extra, key=of_other.__getitem__, reverse=True)
    lonely, of_others = [], []
    while left and others:
        one, other = forms[left[-1]], of_other[others[-1]]
        if are_near(one, other, tolerance):
            yield left.pop(), others.pop()
        elif one < other:
            lonely.append(left.pop())
        else:
            of_others.append(others.pop())
    # Rows with several numbers may stand elsewhere by size.
    lonely, of_others = [*lonely, *left][:MOST_HELD], [*of_others, *others][:MOST_HELD]
    for mine in lonely:
        near = (t for t in of_others if are_near(forms[mine], of_other[t], tolerance))
        theirs = next(near, None)
        if theirs is not None:
            of_others.remove(theirs)
            yield mine, theirs


def _numbered(forms: Iterable[Form]) -> Iterator[tuple[Form, int]]:
    """Each form, and which of its equals it is."""
    seen: Counter[Form] = Counter()
    for form in forms:
        yield form, seen[form]
        seen[form] += 1


def are_near(one: Form, other: Form, tolerance: float) -> bool:
    """Whether two forms are equal but for numbers that are near enough."""
    if len(one) != len(other) or one[0] != other[0]:
        return False
    if one[0] == NUMBER:
        return is_near(one[1], other[1], tolerance)
    return all(
        are_near(a, b, tolerance) if isinstance(a, tuple) and isinstance(b, tuple) else a == b
        for a, b in zip(one[1:], other[1:], strict=True)
    )


def is_near(one: float, other: float, tolerance: float) -> bool:
    """Whether numbers differ by no more than this part of them. Whole numbers have all their digits."""
    if one == other:
        return True
    try:
        return bool(tolerance) and math.isclose(one, other, rel_tol=tolerance)
    except OverflowError:  # of a whole number that is no float
        return False


async def are_same(one: Any, other: Any) -> bool:
    """Whether two values are equal as they are: the usual case, in C. Others have the event loop within long lists."""
    if not (isinstance(one, list) and isinstance(other, list)) or len(one) <= ROWS_AT_ONCE:
        return canonical(one) == canonical(other)
    for begin in range(0, max(len(one), len(other)), ROWS_AT_ONCE):
        rows = slice(begin, begin + ROWS_AT_ONCE)
        if canonical(one[rows]) != canonical(other[rows]):
            return False
        await asyncio.sleep(0)
    return True


def canonical(value: Any) -> bytes:
    """A value as bytes that are the same for equal ones."""
    return write_json(value, _default, orjson.OPT_SORT_KEYS)


def _default(value: Any) -> Any:
    if isinstance(value, NotOfItsType):
        return value.value
    return msgspec.structs.asdict(value) if isinstance(value, msgspec.Struct) else repr(value)


def is_object(value: Any) -> bool:
    """Whether a value has fields."""
    return isinstance(value, dict | msgspec.Struct)


def written(kind: GraphQLLeafType | None, value: Any) -> Any:
    """A leaf as the client would see it; as it is where its type does not take it."""
    if kind is None:
        return value
    try:
        return kind.serialize(value)
    except Exception:  # the client would see an error: it is another type than the field's
        return NotOfItsType(value)

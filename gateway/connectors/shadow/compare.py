"""Two values of one field, as a client would see them: where and how they differ, by GraphQL coordinate.

It compares what was mapped, before it is completed: leaves as their types would write them, objects by the fields
that were asked for, rows of a list by their `id` where they have one. It asks nobody and keeps nothing. What it looks
at is bounded, and others have the event loop meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Hashable, Iterable, Iterator, Sequence
from typing import Any

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

from gateway.connectors.shadow.found import Found
from gateway.connectors.shadow.seen import (
    Form,
    Seen,
    are_same,
    canonical,
    form_of_leaf,
    is_near,
    is_object,
    unmatched,
    written,
)
from gateway.connectors.shadow.uses import ShadowUse
from gateway.graph.field_tree import LEAF, FieldTree
from gateway.graph.resolvers import read_property

PAUSE_EVERY = 100
"""Values, after which others have the event loop."""
VALUES_OF_ROW = 50
"""So many values are looked at for each object that may be: leaves, items of lists, and what rows are told apart by."""
MOST_ORDERED = 5_000
"""Rows without an id of which it is told that only their order is another one; of more, what differs at each place."""


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
        self._seen = Seen(schema, use)
        self._found = Found()
        self._left = self._values_left = 0
        self._noted_at: dict[str, str] = {}

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
        self._values_left = self._max_rows * VALUES_OF_ROW
        self._found.compared = {coordinate, *self._below(get_named_type(self._kind), wanted, True)}
        self._noted_at = {}
        for at, (one, other) in enumerate(pairs):
            path = str(at) if len(pairs) > 1 else ""
            if await are_same(one, other):
                continue
            for _ in self._values(self._kind, wanted, one, other, coordinate, path):
                self._values_left -= 1
                if self._values_left < 0:
                    self._found.is_given_up = True
                    return self._found
                if self._values_left % PAUSE_EVERY == 0:
                    await asyncio.sleep(0)
        return self._found

    def _below(self, kind: Any, wanted: FieldTree, is_first: bool = False) -> Iterator[str]:
        """Where values of a type are compared. What differs below one of them is noted there."""
        kinds = self._schema.get_possible_types(kind) if is_abstract_type(kind) else (kind,)
        for each in kinds:
            fields = getattr(each, "fields", {})
            for name in wanted or (fields if is_first else ()):
                at = f"{each.name}.{name}"
                if at in self._use.ignore or name not in fields:
                    continue
                yield at
                yield from self._below(get_named_type(fields[name].type), wanted.get(name, LEAF))

    def _values(
        self, kind: Any, wanted: FieldTree, one: Any, other: Any, at: str, path: str
    ) -> Iterator[None]:
        yield
        if isinstance(kind, GraphQLNonNull):
            kind = kind.of_type
        if isinstance(
            one, Exception
        ):  # the old source has failed: there is nothing to compare with
            return
        if isinstance(other, Exception):
            self._note(at, "error", path, one, str(other))
        elif one is None or other is None:
            if one is not other:
                self._note(at, "missing" if other is None else "added", path, one, other)
        elif isinstance(kind, GraphQLList):
            if isinstance(one, list) and isinstance(other, list):
                yield from self._rows(kind.of_type, wanted, one, other, at, path)
            else:
                self._leaf(None, one, other, at, path)
        elif is_leaf_type(kind) or not (is_object(one) and is_object(other)):
            self._leaf(kind if is_leaf_type(kind) else None, one, other, at, path)
        else:
            yield from self._objects(kind, wanted, one, other, at, path)

    def _note(self, at: str, kind: str, path: str, one: Any, other: Any) -> None:
        self._found.note(self._noted_at.get(at, at), kind, path, one, other)

    def _objects(
        self, kind: Any, wanted: FieldTree, one: Any, other: Any, at: str, path: str
    ) -> Iterator[None]:
        self._left -= 1
        if self._left < 0:
            self._found.is_given_up = True
            return
        if is_abstract_type(kind):
            names = [read_property(value, "__typename", None) for value in (one, other)]
            if names[0] != names[1]:
                self._note(at, "type", path, *names)
                return
            kind = self._schema.type_map.get(names[0])
        if not isinstance(kind, GraphQLObjectType):
            return
        for name in wanted or kind.fields:
            inner = kind.fields.get(name)
            below = f"{kind.name}.{name}"
            if inner is None or below in self._use.ignore:
                continue
            if below not in self._found.compared:
                self._noted_at[below] = self._noted_at.get(at, at)
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
        keys = yield from self._ids(kind, one)
        others = None if keys is None else (yield from self._ids(kind, other))
        if keys is None or others is None:
            if not is_ordered or len(one) + len(other) <= MOST_ORDERED:
                forms = yield from self._forms(kind, wanted, one, at)
                of_other = yield from self._forms(kind, wanted, other, at)
                missing, extra = yield from unmatched(
                    forms, of_other, 0.0 if is_ordered else self._use.tolerance
                )
                if not is_ordered:
                    yield from self._one_sided(missing, extra, one, other, at, path)
                    return
                if not missing and not extra:
                    if forms != of_other:
                        self._note(at, "order", path, one, other)
                    return
            keys, others = range(len(one)), range(len(other))  # by their places
        places = {key: place for place, key in enumerate(others)}
        common = []
        for place, (key, row) in enumerate(zip(keys, one, strict=True)):
            yield
            here = _below_path(path, place)
            if key not in places:
                self._note(at, "missing row", here, row, None)
                continue
            common.append(places.pop(key))
            yield from self._values(kind, wanted, row, other[common[-1]], at, here)
        yield from self._one_sided((), places.values(), one, other, at, path)
        if is_ordered and common != sorted(common):
            self._note(at, "order", path, one, other)

    def _ids(self, kind: Any, rows: list[Any]) -> Generator[None, None, Sequence[Hashable] | None]:
        """What tells the rows of a list apart: their `id`, where each has another, and it is compared."""
        named = get_named_type(kind)
        field = getattr(named, "fields", {}).get("id")
        if isinstance(kind, GraphQLList) or f"{named.name}.id" in self._use.ignore:
            return None
        leaf = get_named_type(field.type) if field is not None else None
        keys: dict[Hashable, None] = {}
        for row in rows:
            yield
            value = read_property(row, "id", None) if is_object(row) else None
            key = str(value) if leaf is None else form_of_leaf(written(leaf, value))
            if value is None or key in keys:
                return None
            keys[key] = None
        return list(keys)

    def _forms(
        self, kind: Any, wanted: FieldTree, rows: list[Any], at: str
    ) -> Generator[None, None, list[Form]]:
        forms = []
        for row in rows:
            forms.append((yield from self._seen.form(kind, wanted, row, at)))
        return forms

    def _one_sided(
        self,
        missing: Iterable[int],
        extra: Iterable[int],
        one: list[Any],
        other: list[Any],
        at: str,
        path: str,
    ) -> Iterator[None]:
        """Rows that only one of two lists has."""
        for place in missing:
            yield
            self._note(at, "missing row", _below_path(path, place), one[place], None)
        for place in extra:
            yield
            self._note(at, "extra row", _below_path(path, place), None, other[place])

    def _leaf(self, kind: GraphQLLeafType | None, one: Any, other: Any, at: str, path: str) -> None:
        one, other = written(kind, one), written(kind, other)
        if _is_number(one) and _is_number(other):
            if not is_near(one, other, self._use.tolerance):
                self._note(at, "value", path, one, other)
            return
        is_same = type(one) is type(other)
        if is_same and canonical(one) == canonical(other):
            return
        self._note(at, "value" if is_same else "type", path, one, other)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _below_path(path: str, place: int) -> str:
    return f"{path}.{place}" if path else str(place)

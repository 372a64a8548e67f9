"""What introspection of a schema reads, counted before it is answered. Pure; never answers anything."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any
from weakref import WeakKeyDictionary

from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLObjectType,
    GraphQLSchema,
    SelectionSetNode,
    get_introspection_query,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_list_type,
    parse,
)

# Microseconds of graphql-core, as the units of `gateway.plan.work`.
OBJECT = 4  # one object of the answer
VALUE = 3  # one value of it
# As much as tools ask for is allowed whatever the schema's size: those known ask for no more than this many
# times what graphql-core's own introspection query with everything in it does.
ALLOWED = 2

Sets = tuple[SelectionSetNode, ...]
Grouped = dict[str, tuple[str, list[SelectionSetNode]]]
_allowed: WeakKeyDictionary[GraphQLSchema, int] = WeakKeyDictionary()


class Introspected:
    """Counts what introspection fields of one document read.

    Args:
        schema: The schema.
        collect: The fields of selections on one introspection type.
        most: Counting ends beyond these units, and beyond what is allowed of the schema.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        collect: Callable[[GraphQLObjectType, Sets], Grouped],
        most: int,
    ) -> None:
        self._units = 0
        self._info = SimpleNamespace(schema=schema)
        self._schema = schema
        self._collect = collect
        self._most = most
        self._walked = 0
        self._totals: dict[tuple[Any, ...], int] = {}
        self._grouped: dict[tuple[Any, ...], Grouped] = {}
        self._texts: set[tuple[str, ...]] = set()

    def counted(self) -> int:
        """The units; none where tools ask for as much of this schema."""
        found = max(self._units, self._walked)
        if not found or found <= allowed_units(self._schema):
            return 0
        return found

    def add(self, name: str, sets: Sets) -> None:
        """Count one field of the root. What `__schema` is asked for twice is answered once, and counts once.

        `__type` may be any type: it counts as the one with most fields.
        """
        text = (name, *map(_text_of, sets))
        if text in self._texts and name == "__schema":
            return
        self._texts.add(text)
        if self._most < sys.maxsize:
            self._most = max(self._most, allowed_units(self._schema))
        meta: Any = self._schema.get_type("__Schema" if name == "__schema" else "__Type")
        if name == "__schema":
            self._units += self._count(meta, self._schema, sets)
            return
        types = [t for t in self._schema.type_map.values() if is_composite_type(t)]
        types.sort(key=lambda type_: -len(getattr(type_, "fields", ())))
        self._units += max(self._count(meta, type_, sets) for type_ in types[:3])

    def _count(self, meta: GraphQLObjectType, value: Any, sets: Sets) -> int:
        ids = tuple(map(id, sets))
        thing = value[-1] if isinstance(value, tuple) else value
        key = (id(thing), ids)
        known = self._totals.get(key)
        if known is not None:
            return known
        if self._walked > self._most:
            return 0
        grouped = self._grouped.get(ids)
        if grouped is None:
            grouped = self._grouped[ids] = self._collect(meta, sets)
        total = OBJECT + VALUE * len(grouped)
        self._walked += total
        for name, below in grouped.values():
            definition = meta.fields.get(name)
            if definition is None or not below:
                continue
            found = definition.resolve(value, self._info, **_all(definition))
            named: Any = get_named_type(definition.type)
            items = found if is_list_type(get_nullable_type(definition.type)) else (found,)
            total += sum(
                self._count(named, item, tuple(below)) for item in items or () if item is not None
            )
        self._totals[key] = total
        return total


def _all(definition: Any) -> dict[str, Any]:
    return {"includeDeprecated": True} if "includeDeprecated" in definition.args else {}


def _text_of(node: SelectionSetNode) -> str:
    return node.loc.source.body[node.loc.start : node.loc.end] if node.loc else str(id(node))


def allowed_units(schema: GraphQLSchema) -> int:
    """What may be read of a schema whatever the limit is: as much as tools ask for."""
    known = _allowed.get(schema)
    if known is None:
        document: Any = parse(get_introspection_query(True, True, True, True, True))
        operation, *fragments = document.definitions
        by_name = {fragment.name.value: fragment.selection_set for fragment in fragments}
        counter = Introspected(schema, partial(_collect_plain, by_name), sys.maxsize)
        for node in operation.selection_set.selections:
            counter.add(node.name.value, (node.selection_set,))
        known = _allowed[schema] = ALLOWED * counter._units
    return known


def _collect_plain(
    fragments: dict[str, SelectionSetNode], _meta: GraphQLObjectType, sets: Sets
) -> Grouped:
    """The fields of a document without aliases, conditions and directives."""
    grouped: Grouped = {}
    rest = list(sets)
    while rest:
        for node in rest.pop().selections:
            if isinstance(node, FieldNode):
                _, below = grouped.setdefault(node.name.value, (node.name.value, []))
                below += [node.selection_set] if node.selection_set else []
            elif isinstance(node, FragmentSpreadNode):
                rest.append(fragments[node.name.value])
    return grouped

"""What introspection of a schema reads, counted before it is answered. Pure; never answers anything."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import SimpleNamespace
from typing import Any

from graphql import (
    FieldNode,
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

from gateway.graph.field_tree import FieldTree

# Microseconds of graphql-core, as the units of `gateway.plan.work`.
OBJECT = 4  # one object of the answer
VALUE = 3  # one value of it
# As much as tools ask for is allowed whatever the schema's size: so many times what graphql-core's own introspection
# query with everything in it reads, which is as much as this of a type, field, argument or enum value.
ALLOWED = 2
READ = OBJECT + 6 * VALUE + 2 * (OBJECT + 3 * VALUE)

Sets = tuple[SelectionSetNode, ...]
Grouped = dict[str, tuple[str, list[SelectionSetNode]]]


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
        self._asked: list[tuple[str, Sets]] = []

    def walk(self) -> None:
        """Count what was added; what tools ask for is known to be allowed."""
        usual = usual_fields()
        if len(self._asked) <= ALLOWED and all(
            name == "__schema" and self._is_within(self._schema.get_type("__Schema"), sets, usual)
            for name, sets in self._asked
        ):
            return
        self._most = max(self._most, allowed_units(self._schema))
        for name, sets in self._asked:
            self._units += self._count_root(name, sets)

    def counted(self) -> int:
        """The units; none where tools ask for as much of this schema."""
        found = max(self._units, self._walked)
        return found if found and found > allowed_units(self._schema) else 0

    def end(self) -> None:
        """Let go of whoever collects: the two hold each other, and full collections are rare and long."""
        del self._collect

    def add(self, name: str, sets: Sets) -> None:
        """Count one field of the root. What `__schema` is asked for twice is answered once, and counts once."""
        text = (name, *map(_text_of, sets))
        if text not in self._texts or name != "__schema":
            self._texts.add(text)
            self._asked.append((name, sets))

    def _is_within(self, meta: Any, sets: Sets, usual: FieldTree) -> bool:
        """Whether selections read no object but those that tools read, and nothing of one twice."""
        grouped = self._collect(meta, sets).values()
        return len(grouped) == len({name for name, _ in grouped}) and all(
            name in usual
            and self._is_within(get_named_type(meta.fields[name].type), tuple(below), usual[name])
            for name, below in grouped
            if below
        )

    def _count_root(self, name: str, sets: Sets) -> int:
        """`__type` may be any type: it counts as the one with most fields."""
        meta: Any = self._schema.get_type("__Schema" if name == "__schema" else "__Type")
        if name == "__schema":
            return self._count(meta, self._schema, sets)
        types = [t for t in self._schema.type_map.values() if is_composite_type(t)]
        types.sort(key=lambda type_: -len(getattr(type_, "fields", ())))
        return max(self._count(meta, type_, sets) for type_ in types[:3])

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
    """What may be read of a schema whatever the limit is: about as much as tools ask for, by its size alone."""
    things = 0
    for type_ in schema.type_map.values():
        fields = getattr(type_, "fields", {})
        things += 1 + len(fields) + len(getattr(type_, "values", ()))
        things += sum(len(field.args) for field in fields.values() if hasattr(field, "args"))
    return ALLOWED * READ * things


@cache
def usual_fields() -> FieldTree:
    """What graphql-core's own introspection query asks of `__schema`."""
    document: Any = parse(get_introspection_query(True, True, True, True, True))
    operation, *fragments = document.definitions
    by_name = {fragment.name.value: fragment.selection_set for fragment in fragments}

    def tree(sets: SelectionSetNode) -> FieldTree:
        members: dict[str, FieldTree] = {}
        for node in sets.selections:
            if isinstance(node, FieldNode):
                members[node.name.value] = (
                    tree(node.selection_set) if node.selection_set else FieldTree()
                )
            else:
                members.update(tree(by_name[node.name.value]))  # type: ignore[attr-defined]
        return FieldTree(members)

    return tree(operation.selection_set)["__schema"]

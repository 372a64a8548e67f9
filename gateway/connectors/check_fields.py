"""Whether every field that clients can reach has something that gives it, and what N+1 calls there are.

Source: connectors.md §15.4, §18.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    get_nullable_type,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
)

from gateway.connectors.directives import Connect, Directives
from gateway.connectors.mapping.analyse import read_paths, supplied_fields
from gateway.connectors.mapping.parse import parse_mapping
from gateway.connectors.mapping.wanted import Wanted
from gateway.connectors.url import Expression, parse_template
from gateway.errors import Diagnostic
from gateway.graph.sdl import place_of


class _Supply:
    """Which fields connectors and Python supply."""

    def __init__(
        self, schema: GraphQLSchema, directives: Directives, resolved: Collection[str]
    ) -> None:
        self.schema = schema
        self.spec = directives.spec
        self.resolved = set(resolved)
        self.connects: dict[str, list[Connect]] = {}
        self.supplied: dict[str, set[str]] = {}
        self.by_python: set[str] = set()
        for connect in directives.connects:
            self.connects.setdefault(connect.coordinate, []).append(connect)
            self._note(connect)

    def _note(self, connect: Connect) -> None:
        type_name, _, field_name = connect.coordinate.partition(".")
        owner = self.schema.type_map.get(type_name)
        if connect.selection is None or not isinstance(owner, GraphQLObjectType):
            return
        kind: Any = owner
        if field_name:
            kind = get_named_type(owner.fields[field_name].type)
        self._add(kind, supplied_fields(parse_mapping(connect.selection.value, self.spec)))

    def _add(self, kind: Any, supplied: Wanted) -> None:
        for member in self.possible(kind):
            names = self.supplied.setdefault(member.name, set())
            for name, inner in supplied.members.items():
                if name in member.fields:
                    names.add(name)
                    self._add(get_named_type(member.fields[name].type), inner)
            if supplied.whole and not supplied.members:
                names.update(
                    member.fields
                )  # the backend's value as it stands: it may hold anything

    def possible(self, kind: Any) -> list[GraphQLObjectType]:
        """The object types that a value of a type may have."""
        if is_abstract_type(kind):
            return list(self.schema.get_possible_types(kind))
        return [kind] if isinstance(kind, GraphQLObjectType) else []

    def gives(self, owner: GraphQLObjectType, name: str) -> bool:
        """Whether something supplies `owner.name`."""
        coordinate = f"{owner.name}.{name}"
        return (
            coordinate in self.resolved
            or coordinate in self.connects
            or name in self.supplied.get(owner.name, ())
            or owner.name in self.by_python
        )

    def reaches_python(self, owner: GraphQLObjectType, name: str) -> bool:
        """Whether the values of `owner.name` are Python's own, so that what they hold is not known."""
        coordinate = f"{owner.name}.{name}"
        if coordinate in self.resolved:
            return True
        return owner.name in self.by_python and coordinate not in self.connects


def unresolved_fields(
    schema: GraphQLSchema, directives: Directives, resolved: Collection[str]
) -> list[Diagnostic]:
    """The reachable fields that nothing supplies, and then the N+1 paths as warnings."""
    supply = _Supply(schema, directives, resolved)
    reached = _reach(schema, supply)
    found: list[Diagnostic] = []
    roots = {
        t.name for t in (schema.query_type, schema.mutation_type, schema.subscription_type) if t
    }
    for owner in reached:
        for name, field in owner.fields.items():
            is_root = owner.name in roots
            coordinate = f"{owner.name}.{name}"
            given = (
                coordinate in supply.resolved or coordinate in supply.connects
                if is_root
                else supply.gives(owner, name)
            )
            if not given:
                file, line, column = place_of(field.ast_node)
                message = f"nothing supplies {coordinate}"
                hint = (
                    "give it a @connect or a resolver"
                    if is_root
                    else "map it in a selection, or give it a @connect or a resolver"
                )
                found.append(
                    Diagnostic(message, "ConnectorsUnresolvedField", file, line, column, hint)
                )
    return found + n_plus_one(schema, supply)


def _reach(schema: GraphQLSchema, supply: _Supply) -> list[GraphQLObjectType]:
    """The object types that clients can reach; on the way, `by_python` is completed."""
    roots = [schema.query_type, schema.mutation_type, schema.subscription_type]
    reached: dict[str, GraphQLObjectType] = {}
    queue = deque(root for root in roots if root is not None)
    while queue:
        owner = queue.popleft()
        again = owner.name in reached
        reached[owner.name] = owner
        for name, field in owner.fields.items():
            by_python = supply.reaches_python(owner, name)
            for member in supply.possible(get_named_type(field.type)):
                is_new = by_python and member.name not in supply.by_python
                if is_new:
                    supply.by_python.add(member.name)
                if is_new or (member.name not in reached and not again):
                    queue.append(member)
    return list(reached.values())


def n_plus_one(schema: GraphQLSchema, supply: _Supply) -> list[Diagnostic]:
    """Connectors that make a call for each object of a list, each with its shortest path from the root."""
    found: dict[tuple[str, int], Diagnostic] = {}
    seen: set[tuple[str, bool]] = set()
    queue: deque[tuple[GraphQLObjectType, str, bool]] = deque()
    for root in (schema.query_type, schema.mutation_type):
        if root is not None:
            queue.append((root, root.name, False))
            seen.add((root.name, False))
    while queue:
        owner, path, under_list = queue.popleft()
        for name, field in owner.fields.items():
            here = f"{path}.{name}"
            if under_list:
                for connect in supply.connects.get(f"{owner.name}.{name}", ()):
                    _note_calls(found, connect, supply.spec, here)
            is_list = under_list or _has_list(field)
            for member in supply.possible(get_named_type(field.type)):
                if is_list:
                    for connect in supply.connects.get(member.name, ()):
                        _note_calls(found, connect, supply.spec, here)
                if (member.name, is_list) not in seen:
                    seen.add((member.name, is_list))
                    queue.append((member, here, is_list))
    return list(found.values())


def _note_calls(
    found: dict[tuple[str, int], Diagnostic], connect: Connect, spec: str, path: str
) -> None:
    key = (connect.coordinate, connect.index)
    if key in found or not _reads_this(connect, spec):
        return
    file, line, column = place_of(connect.node)
    what = "type" if connect.on_type else "field"
    message = f"{path} calls {connect.method} {connect.url.value} for each object of a list"
    hint = (
        "read $batch instead of $this, with an endpoint that takes several ids"
        if connect.on_type
        else f"read $batch with batch: {{ groupBy: … }}, or map the {what}'s key and put a @connect "
        "with $batch on its type"
    )
    found[key] = Diagnostic(message, "NPlusOne", file, line, column, hint, "warning")


def _reads_this(connect: Connect, spec: str) -> bool:
    for text in (connect.body, connect.path, connect.query_params):
        if text is not None and "this" in read_paths(parse_mapping(text.value, spec)):
            return True
    for text in (connect.url, *(header.value for header in connect.headers)):
        for part in parse_template(text.value, spec) if text is not None else ():
            if isinstance(part, Expression) and "this" in read_paths(part.selection):
                return True
    return False


def _has_list(field: GraphQLField) -> bool:
    kind: Any = get_nullable_type(field.type)
    return is_list_type(kind) and not is_leaf_type(get_named_type(kind))

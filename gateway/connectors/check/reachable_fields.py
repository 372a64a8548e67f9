"""Whether every field that clients can reach has something that gives it.

It looks at the schema alone: what a Python value holds is not known, so its fields count as given.

Source: connectors.md §15.4, §18.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from typing import Any

from graphql import (
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_abstract_type,
)

from gateway.connectors.directives import Connect, Directives
from gateway.connectors.mapping.analyse import read_paths, supplied_fields
from gateway.connectors.mapping.members import NOTHING, WHOLE, Members
from gateway.connectors.mapping.parse import parse_mapping
from gateway.connectors.mapping.scanner import MappingSyntaxError
from gateway.connectors.walk import request_selections
from gateway.errors import Diagnostic
from gateway.graph.sdl import place_of


class Supply:
    """Which fields connectors and Python supply."""

    def __init__(
        self, schema: GraphQLSchema, directives: Directives, resolved: Collection[str]
    ) -> None:
        self.schema = schema
        self.spec = directives.spec
        self.resolved = set(resolved)
        self.connects: dict[str, list[Connect]] = {}
        self.selected: dict[tuple[str, int], Members] = {}
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
        try:
            supplied = supplied_fields(parse_mapping(connect.selection.value, self.spec))
        except MappingSyntaxError:
            supplied = WHOLE  # reported where it stands: what it was to hold is not known
        self.selected[connect.coordinate, connect.index] = supplied
        kind: Any = owner
        if field_name:
            kind = get_named_type(owner.fields[field_name].type)
        self._add(kind, supplied)

    def of(self, connect: Connect) -> Members:
        """What a connector's selection supplies."""
        return self.selected.get((connect.coordinate, connect.index), WHOLE)

    def _add(self, kind: Any, supplied: Members) -> None:
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


def unresolved_fields(schema: GraphQLSchema, supply: Supply) -> list[Diagnostic]:
    """The reachable fields that nothing supplies."""
    roots = (schema.query_type, schema.mutation_type, schema.subscription_type)
    found: list[Diagnostic] = []
    for owner in _reach(schema, supply):
        if owner.name in supply.by_python and owner not in roots:
            continue
        for name, field in owner.fields.items():
            coordinate = f"{owner.name}.{name}"
            is_bound = coordinate in supply.resolved or coordinate in supply.connects
            if is_bound or (owner not in roots and supply.gives(owner, name)):
                continue
            code, hint = "ConnectorsUnresolvedField", "give it a @connect or a resolver"
            if owner is schema.subscription_type:
                hint = "give it a @subscription in Python"
                if supply.connects:
                    code = "SubscriptionInConnectors"
            elif owner not in roots:
                hint = f"map it in a selection, or {hint}"
            file, line, column = place_of(field.ast_node)
            message = f"nothing supplies {coordinate}"
            found.append(Diagnostic(message, code, file, line, column, hint))
    return found


def circular_reads(supply: Supply) -> list[Diagnostic]:
    """Connectors on fields of one object that wait for each other (§3.7): none could run first."""
    reads: dict[str, set[str]] = {}
    for coordinate, connects in supply.connects.items():
        owner, _, name = coordinate.partition(".")
        if (
            name
            and coordinate not in supply.resolved
            and name not in supply.supplied.get(owner, ())
        ):
            selections = [s for c in connects for s in request_selections(c, supply.spec)]
            paths = [read_paths(selection).get("this", NOTHING) for _, _, selection in selections]
            reads[coordinate] = {f"{owner}.{key}" for path in paths for key in path.members}
    found: list[Diagnostic] = []
    for start in reads:
        waits: deque[tuple[str, tuple[str, ...]]] = deque([(start, (start,))])
        seen: set[str] = set()
        while waits:
            coordinate, path = waits.popleft()
            for key in sorted(reads[coordinate] & reads.keys() - seen):
                seen.add(key)
                waits.append((key, (*path, key)))
                if key == start:
                    file, line, column = place_of(supply.connects[start][0].node)
                    message = f"{' → '.join((*path, key))}: the field waits for itself"
                    hint = "read a field that a selection maps"
                    code = "CircularReference"
                    found.append(Diagnostic(message, code, file, line, column, hint))
    return found


def _reach(schema: GraphQLSchema, supply: Supply) -> list[GraphQLObjectType]:
    """The object types that clients can reach; on the way, `by_python` is completed."""
    roots = [schema.query_type, schema.mutation_type, schema.subscription_type]
    reached: dict[str, GraphQLObjectType] = {}
    queue = deque(root for root in roots if root is not None)
    while queue:
        owner = queue.popleft()
        again = owner.name in reached
        reached[owner.name] = owner
        for name, field in owner.fields.items():
            members = supply.possible(get_named_type(field.type))
            by_python = bool(members) and supply.reaches_python(owner, name)
            for member in members:
                is_new = by_python and member.name not in supply.by_python
                if is_new:
                    supply.by_python.add(member.name)
                if is_new or (member.name not in reached and not again):
                    queue.append(member)
    return list(reached.values())

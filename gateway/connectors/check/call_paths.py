"""The paths of a schema on which a connector makes a call for each object of a list.

It reads the schema and the connectors' texts; whether a client ever asks for such a path it cannot say.

Source: connectors.md §14.2, §15.4, §15.5.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from graphql import GraphQLField, GraphQLObjectType, GraphQLSchema, get_named_type, is_list_type
from graphql.type import is_non_null_type

from gateway.connectors.check.reachable_fields import Supply
from gateway.connectors.directives import Connect
from gateway.connectors.mapping.analyse import read_paths
from gateway.connectors.mapping.members import WHOLE, Members
from gateway.connectors.walk import request_selections
from gateway.errors import Diagnostic
from gateway.graph.sdl import place_of
from gateway.settings.urls import without_credentials

MAX_PATHS = 20
"""How many paths to one place are followed, the shortest first: in a dense schema they are millions."""

Place: TypeAlias = tuple[str, bool, int]


@dataclass(frozen=True, slots=True)
class _At:
    """An object on a path from a root.

    Attributes:
        path: As people read it: `Query.posts[].author`.
        is_listed: Whether a list lies above it.
        supply: What the mapping that made it holds; None where Python made it.
        before: The places above it, so that no path goes in circles.
    """

    owner: GraphQLObjectType
    path: str
    is_listed: bool
    supply: Members | None
    before: frozenset[Place]

    @property
    def place(self) -> Place:
        """The type, whether under a list, and which part of which mapping made it."""
        return self.owner.name, self.is_listed, id(self.supply)


def n_plus_one(schema: GraphQLSchema, supply: Supply) -> list[Diagnostic]:
    """Each path on which a connector without a batch lies under a list, as a warning with the fix."""
    return _Paths(schema, supply).unreachable()


class _Paths:
    def __init__(self, schema: GraphQLSchema, supply: Supply) -> None:
        self.schema = schema
        self.supply = supply
        self.followed: dict[Place, int] = {}
        self.found: dict[tuple[str, str, int], Diagnostic] = {}
        self.keys = {
            (connect.coordinate, connect.index): _keys(connect, supply.spec)
            for connects in supply.connects.values()
            for connect in connects
        }
        self.entities = self._entities()
        self.useful = self._useful()

    def _useful(self) -> set[str]:
        """The types below which a call may be made for each object: no other is followed."""
        above: dict[str, set[str]] = {}
        for owner in self.schema.type_map.values():
            if isinstance(owner, GraphQLObjectType):
                for kind in {get_named_type(field.type) for field in owner.fields.values()}:
                    for member in self.supply.possible(kind):
                        above.setdefault(member.name, set()).add(owner.name)
        calling = {
            coordinate.partition(".")[0] for (coordinate, _), keys in self.keys.items() if keys
        }
        calling |= {
            name
            for name, connects in self.entities.items()
            if any(self.keys[connect.coordinate, connect.index] for connect in connects)
        }
        found: set[str] = set()
        while calling:
            name = calling.pop()
            found.add(name)
            calling |= above.get(name, set()) - found
        return found

    def _entities(self) -> dict[str, list[Connect]]:
        """The connectors that complete objects of a type one by one (§15.2 a and b), by the type."""
        found: dict[str, list[Connect]] = {}
        for coordinate, connects in self.supply.connects.items():
            type_name, _, field_name = coordinate.partition(".")
            for connect in connects:
                if not field_name:
                    found.setdefault(type_name, []).append(connect)
                elif (
                    connect.entity and (query := self.schema.query_type) and query.name == type_name
                ):
                    kind = get_named_type(query.fields[field_name].type)
                    found.setdefault(kind.name, []).append(connect)
        return found

    def unreachable(self) -> list[Diagnostic]:
        roots = (self.schema.query_type, self.schema.mutation_type, self.schema.subscription_type)
        queue = deque(
            _At(root, root.name, False, WHOLE, frozenset())
            for root in roots
            if root and root.name in self.useful
        )
        while queue:
            at = queue.popleft()
            followed = self.followed.get(at.place, 0)
            if at.place in at.before or followed == MAX_PATHS:
                continue
            self.followed[at.place] = followed + 1
            for name, field in at.owner.fields.items():
                queue.extend(self._step(at, name, field))
        return list(self.found.values())

    def _step(self, at: _At, name: str, field: GraphQLField) -> Iterator[_At]:
        coordinate = f"{at.owner.name}.{name}"
        here = f"{at.path}.{name}"
        own = [] if coordinate in self.supply.resolved else self.supply.connects.get(coordinate, [])
        if at.is_listed:
            for connect in own:
                if self.keys[connect.coordinate, connect.index] and not connect.entity:
                    self._note(connect, here)
        is_list = _is_list(field)
        path = f"{here}[]" if is_list else here
        supply = self._supply_of(at, name, coordinate, own)
        for member in self.supply.possible(get_named_type(field.type)):
            if member.name not in self.useful:
                continue
            below = _At(member, path, at.is_listed or is_list, supply, at.before | {at.place})
            if below.is_listed:
                for connect in self.entities.get(member.name, ()):
                    self._note_entity(connect, below)
            yield below

    def _supply_of(self, at: _At, name: str, coordinate: str, own: list[Connect]) -> Members | None:
        if coordinate in self.supply.resolved:
            return None
        if own:
            whole = self.supply.of(own[0])
            for connect in own[1:]:
                whole = whole.joined(self.supply.of(connect))
            return whole
        if at.supply is None or name in at.supply.members:
            return at.supply and at.supply.members[name]
        for connect in self.entities.get(at.owner.name, ()):
            if name in self.supply.of(connect).members:
                return self.supply.of(connect).members[name]
        return WHOLE

    def _note_entity(self, connect: Connect, at: _At) -> None:
        """Note the calls that complete objects here, if they lack something (§15.4)."""
        keys = self.keys[connect.coordinate, connect.index]
        if not keys:
            return
        held = at.supply
        if held is not None and held.whole and not held.members:
            return  # the backend's value as it stands: it may hold everything
        for name in (n for n in self.supply.of(connect).members if n not in keys):
            coordinate = f"{at.owner.name}.{name}"
            is_own = coordinate in self.supply.resolved or coordinate in self.supply.connects
            if not is_own and (held is None or name not in held.members):
                self._note(connect, f"{at.path}.{name}")
                return

    def _note(self, connect: Connect, path: str) -> None:
        file, line, column = place_of(connect.node)
        url = without_credentials(connect.url.value)
        message = f"{path} calls {connect.method} {url} for each object of a list"
        if connect.on_type:
            hint = "read $batch instead of $this, from an endpoint that takes several ids"
        elif connect.entity:
            kind = connect.coordinate.partition(".")[2]
            hint = f"put a @connect that reads $batch on the type that {kind} returns, from an endpoint that takes several ids"
        else:
            hint = (
                "read $batch, with batch: { groupBy: … }, from an endpoint that takes several ids; or map "
                "the key of what it returns and put a @connect that reads $batch on that type"
            )
        finding = Diagnostic(message, "NPlusOne", file, line, column, hint, "warning")
        self.found.setdefault((path, connect.coordinate, connect.index), finding)


def _keys(connect: Connect, spec: str) -> set[str]:
    """The fields of an object that make one call differ from the next; none where calls are batched."""
    if not connect.methods:
        return set()
    own = "args" if connect.entity and not connect.on_type else "this"
    keys: set[str] = set()
    for _, _, selection in request_selections(connect, spec):
        reads = read_paths(selection)
        if "batch" in reads:
            return set()
        if own in reads:
            keys.update(reads[own].members or {""})
    return keys


def _is_list(field: GraphQLField) -> bool:
    kind: Any = field.type
    return is_list_type(kind.of_type if is_non_null_type(kind) else kind)

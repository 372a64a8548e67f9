"""A schema that answers by itself: every field has a typed value that follows from where it stands.

No backend is called and no Python of the user's runs. An object is what its type and its id say: asked for again
by the id that it gave, it has the same fields. Of the arguments those count whose meaning is plain: `first` and
its like bound a list, `id` and whatever bears the name of a field is that field's value.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, Final, TypeAlias

from graphql import (
    GraphQLField,
    GraphQLID,
    GraphQLInputObjectType,
    GraphQLInt,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLString,
    get_named_type,
    get_nullable_type,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
)

from gateway.client.vary import VARY_NONE
from gateway.graph.bind_scalars import bind_scalars, guard_scalars
from gateway.graph.mock_values import leaf_value, number_of
from gateway.graph.resolvers import EventSource, FieldResolver
from gateway.graph.scalars import BUILT_IN, ScalarName

LIST_LENGTH: Final = 3
MOST_ITEMS: Final = 100
SIZES: Final = ("first", "last", "limit", "take", "pageSize", "page_size", "perPage", "per_page", "count", "size")  # fmt: skip
ITEMS: Final = frozenset({"edges", "nodes", "items", "results", "data", "records", "rows", "entries"})  # fmt: skip
EVENT_INTERVAL_S: Final = 1.0


Given: TypeAlias = Mapping[str, tuple[str, Any]]
"""Values by the name of an argument, each with its type's name."""


@dataclass(frozen=True, slots=True)
class Around:
    """What an object was made from, and what the arguments above it say of its fields.

    Attributes:
        seed: What its fields follow from: its type and id.
        id: Its id as text.
        given: Values for fields of these names and types.
        size: Items that were asked for, where the object is a page of them.
        passes_on: Whether the objects in it have `given` too: a mutation's payload.
    """

    seed: str
    id: str | None = None
    given: Given = field(default_factory=dict)
    size: int | None = None
    passes_on: bool = False


AROUND: Final = "~around"
"""The member of an object that holds it: no field has such a name."""


def mock_schema(schema: GraphQLSchema, scalars: Mapping[str, ScalarName]) -> None:
    """Give every field a resolver that makes its value up, in place."""
    bind_scalars(schema, {**BUILT_IN, **{name: BUILT_IN[kind] for name, kind in scalars.items()}})
    guard_scalars(schema)
    writes = schema.mutation_type
    for owner in list(schema.type_map.values()):
        if isinstance(owner, GraphQLObjectType) and not owner.name.startswith("__"):
            for name, target in owner.fields.items():
                value = _Value(schema, owner, name, target, owner is writes)
                coordinate = f"{owner.name}.{name}"
                target.resolve = FieldResolver(value.of, coordinate, False, False, VARY_NONE)
                if owner is schema.subscription_type:
                    target.subscribe = EventSource(_events, coordinate, False, False)


async def _events(_root: Any, _context: Any, /, **_arguments: Any) -> AsyncIterator[Any]:
    """An event each second; the field's value follows from its number."""
    number = 0
    while True:
        yield {AROUND: Around(f"event {number}")}
        number += 1
        await asyncio.sleep(EVENT_INTERVAL_S)


class _Value:
    """What one field of one type gives."""

    def __init__(
        self,
        schema: GraphQLSchema,
        owner: GraphQLObjectType,
        name: str,
        field: GraphQLField,
        is_write: bool,
    ) -> None:
        self.owner = owner.name
        self.name = name
        self.is_write = is_write
        self.kind: Any = get_named_type(field.type)
        self.is_leaf = is_leaf_type(self.kind)
        self.depth = _list_depth(field)
        self.is_page = self.depth == 1 and name in ITEMS
        self.types = {name: argument.type for name, argument in field.args.items()}
        self.sizes = [n for n in SIZES if get_named_type(self.types.get(n)) is GraphQLInt]
        self.possible: dict[str, GraphQLObjectType] = {
            kind.name: kind for kind in _possible(schema, self.kind)
        }

    def of(self, parent: Any, _context: Any, /, **arguments: Any) -> Any:
        """The value below one parent."""
        above = parent.get(AROUND) if isinstance(parent, dict) else None
        above = above or Around(self.owner)
        if self.is_leaf and not self.depth:
            known = self._known(above)
            if known is not ...:
                return known
        seed = f"{above.seed}.{self.name}"
        if arguments:
            seed += repr(sorted(arguments.items(), key=itemgetter(0)))
        size = next((n for s in self.sizes if (n := arguments.get(s)) is not None), None)
        given = _given(arguments, self.types)
        if above.passes_on and not self.is_leaf:
            given = {**{n: item for n, item in above.given.items() if n != "id"}, **given}
        if not self.depth:
            return self._one(seed, given, size)
        ids = arguments.get("ids")
        if isinstance(ids, list) and not self.is_leaf:
            kind = get_named_type(self.types["ids"]).name
            return [self._one(seed, {"id": (kind, item)}, None) for item in ids]
        asked = size if size is not None else above.size if self.is_page else None
        length = LIST_LENGTH if asked is None else max(0, min(asked, MOST_ITEMS))
        return self._nested(seed, given, length, self.depth)

    def _known(self, above: Around) -> Any:
        """The value that an argument gave, or the object's id; Ellipsis for neither."""
        kind, value = above.given.get(self.name, ("", None))
        if kind == self.kind.name and value is not None and not isinstance(value, list):
            return value
        if self.name != "id" or above.id is None:
            return ...
        if self.kind is GraphQLInt:
            return int(above.id) if above.id.isdecimal() else number_of(above.id) % 100_000
        return above.id

    def _nested(self, seed: str, given: Given, length: int, depth: int) -> Any:
        if depth == 0:
            return self._one(seed, given, None)
        return [self._nested(f"{seed}.{i}", given, length, depth - 1) for i in range(length)]

    def _one(self, seed: str, given: Given, size: int | None) -> Any:
        if self.is_leaf:
            return leaf_value(self.kind, self.name, seed, self.owner)
        if not self.possible:
            return None
        identity = str(given["id"][1]) if given.get("id", ("", None))[1] is not None else None
        chosen = (identity or "").partition("-")[0]
        if chosen not in self.possible:
            chosen = list(self.possible)[number_of(seed) % len(self.possible)]
        own = self._id(self.possible[chosen], seed) if identity is None else identity
        around = Around(f"{chosen} {own}", own, given, size, self.is_write)
        return {"__typename": chosen, AROUND: around}

    def _id(self, owner: GraphQLObjectType, seed: str) -> str:
        """The id that an object gets which nobody asked for by one: of the type of its `id`."""
        kind: Any = get_named_type(owner.fields["id"].type) if "id" in owner.fields else GraphQLID
        if not is_leaf_type(kind) or kind is GraphQLString:
            kind = GraphQLID
        return str(leaf_value(kind, "id", seed, owner.name))


def _possible(schema: GraphQLSchema, kind: Any) -> list[GraphQLObjectType]:
    if is_abstract_type(kind):
        return list(schema.get_possible_types(kind))
    return [kind] if isinstance(kind, GraphQLObjectType) else []


def _given(arguments: Mapping[str, Any], types: Mapping[str, Any]) -> Given:
    """The arguments and the members of those that are input objects, by name."""
    found: dict[str, tuple[str, Any]] = {}
    for name, value in arguments.items():
        kind = get_named_type(types[name])
        if isinstance(kind, GraphQLInputObjectType) and isinstance(value, dict):
            found.update(_given(value, {n: member.type for n, member in kind.fields.items()}))
        else:
            found[name] = (kind.name, value)
    return found


def _list_depth(field: GraphQLField) -> int:
    kind: Any = get_nullable_type(field.type)
    depth = 0
    while is_list_type(kind):
        depth += 1
        kind = get_nullable_type(kind.of_type)
    return depth

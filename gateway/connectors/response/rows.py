"""Which rows an operation wants of a mapping, laid on the places of the answer that they are made of.

First everything is noted; only then is it decided which of the decoded objects are rows as they stand. It writes no
code.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GraphQLObjectType,
    GraphQLOutputType,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
)

from gateway.connectors.mapping.analyse import PlainShape
from gateway.connectors.response.leaves import leaf_type
from gateway.connectors.response.places import AnswerPlace, NotPlainError
from gateway.graph.field_tree import FieldTree
from gateway.graph.loader import RowClasses, is_attribute


@dataclass(slots=True)
class RowMember:
    """How a field of a row is made.

    Attributes:
        path: From the JSON object around it; empty for a group of that object's own members.
        place: The value at the path.
        kind: The field's GraphQL type.
        row: What its objects are; None for a leaf.
    """

    path: tuple[str, ...]
    place: AnswerPlace
    kind: GraphQLOutputType
    row: RowPlan | None

    @property
    def is_decoded(self) -> bool:
        """Whether the decoded value is the field's."""
        return self.row is None or self.row.is_decoded

    @property
    def is_exact(self) -> bool:
        """Whether the decoder has asked for the field's own type."""
        wanted = leaf_type(self.kind)
        if wanted is None or self.place.leaf is None:
            return False
        return wanted.is_nullable or not (self.place.leaf.is_nullable or len(self.path) > 1)


@dataclass(slots=True)
class RowPlan:
    """The rows that one field, or a group, has.

    Attributes:
        place: The objects that they are made of.
        depth: How many lists are around them.
        is_group: They are made of members of the object around them.
        members: By GraphQL name, in the operation's order.
        made: The class of rows that are made of decoded objects; None where these are the rows.
    """

    place: AnswerPlace
    depth: int
    is_group: bool = False
    members: dict[str, RowMember] = field(default_factory=dict)
    made: Any = None

    @property
    def is_decoded(self) -> bool:
        """Whether the decoded object itself is the row."""
        keys = set(self.place.members or ())
        return not self.is_group and len(self.members) == len(keys) and self._takes(keys, ())

    @property
    def is_extended(self) -> bool:
        """Whether the decoded object is the row but for groups, which can be set on it."""
        groups = [name for name, member in self.members.items() if not member.path]
        keys = {member.path[0] for member in self.members.values() if member.path}
        fits = len(keys) + len(groups) == len(self.members) and all(map(is_attribute, groups))
        return bool(groups) and fits and self.depth <= 1 and self._takes(keys, groups)

    def _takes(self, keys: set[str], groups: list[str] | tuple[()]) -> bool:
        """Whether all members but groups are just these keys of the decoded object."""
        direct = [member for name, member in self.members.items() if name not in groups]
        return {m.path[0] for m in direct if m.path} == keys and all(
            len(member.path) == 1 and member.is_decoded for member in direct
        )

    @property
    def groups(self) -> dict[str, RowPlan]:
        """The rows that are made of this one's own object."""
        return {n: m.row for n, m in self.members.items() if not m.path and m.row is not None}

    @property
    def exact(self) -> dict[str, str]:
        """`__exact__`: the types that the decoder has asked for."""
        return {name: str(member.kind) for name, member in self.members.items() if member.is_exact}

    def classes(self) -> RowClasses:
        """The classes of these rows and of those in them, once they are made."""
        inner = {n: m.row.classes() for n, m in self.members.items() if m.row is not None}
        return RowClasses(self.made or self.place.row_class, inner)

    def settle(self, *, is_root: bool = False) -> None:
        """Decide, for these rows and those in them, which decoded objects are rows."""
        for member in self.members.values():
            if member.row is not None:
                member.row.settle()
        place = self.place
        is_whole = self.is_decoded
        if is_whole or (is_root and self.is_extended):
            place.names = {m.path[0]: name for name, m in self.members.items() if m.path}
            place.exact, place.order = self.exact, tuple(self.members)
            place.added = () if is_whole else tuple(self.groups)


def note_output(
    place: AnswerPlace,
    shape: PlainShape,
    kind: GraphQLOutputType,
    wanted: FieldTree,
    *,
    is_exact: bool,
) -> RowPlan | None:
    """Note what a value of a GraphQL type needs of a place; None for a leaf. Errors: NotPlainError."""
    nullable: Any = get_nullable_type(kind)
    depth = 0
    while is_list_type(nullable):
        depth += 1
        nullable = get_nullable_type(nullable.of_type)
    if shape.members is None:
        if not is_leaf_type(nullable):
            raise NotPlainError(f"{place.name} is an object that is taken as it stands")
        place.take_leaf(leaf_type(kind) if is_exact else None)
        return None
    if not isinstance(nullable, GraphQLObjectType):
        raise NotPlainError(f"{nullable} is no object type")
    place.take_row(depth)
    place.refuses_null = any(not inner.path for inner in shape.members.values())
    row = RowPlan(place, depth)
    row.members.update(_members(row, shape.members, nullable, wanted, is_exact=is_exact))
    return row


def _members(
    row: RowPlan,
    shapes: Mapping[str, PlainShape],
    kind: GraphQLObjectType,
    wanted: FieldTree,
    *,
    is_exact: bool,
) -> Iterator[tuple[str, RowMember]]:
    for name in wanted:
        shape = shapes.get(name)
        if shape is None or name not in kind.fields:
            continue
        type_ = kind.fields[name].type
        if not shape.path:
            inner: RowPlan | None = _group(row, shape, type_, wanted[name], is_exact=is_exact)
            yield name, RowMember((), row.place, type_, inner)
            continue
        place = row.place.at(shape.path)
        # A foreign key may be null where the key itself may not: that is no reason to refuse the answer.
        expected: Any = get_nullable_type(type_) if row.is_group else type_
        inner = note_output(place, shape, expected, wanted[name], is_exact=is_exact)
        yield name, RowMember(shape.path, place, type_, inner)


def _group(
    around: RowPlan,
    shape: PlainShape,
    kind: GraphQLOutputType,
    wanted: FieldTree,
    *,
    is_exact: bool,
) -> RowPlan:
    """`user: { id: userId }`: an object made of members of the one around it."""
    nullable: Any = get_nullable_type(kind)
    if shape.members is None or not isinstance(nullable, GraphQLObjectType):
        raise NotPlainError(f"{kind} is no object type")
    row = RowPlan(around.place, 0, is_group=True)
    row.members.update(_members(row, shape.members, nullable, wanted, is_exact=is_exact))
    return row

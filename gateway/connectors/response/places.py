"""The places of an answer that an operation needs: a tree of JSON values, and the msgspec type that decodes it.

What is said of one place from several sides does not depend on the order in which it is said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from gateway.connectors.response.leaves import LeafType
from gateway.graph.loader import DecodedRow


class NotPlainError(Exception):
    """The mapping asks something of one JSON value that structs cannot say; the text is for people."""


@dataclass(slots=True)
class AnswerPlace:
    """A JSON value: a leaf, or an object of which some members are needed, in lists or not.

    Attributes:
        name: For people.
        members: By JSON key; None where none is needed.
        leaf: What a leaf may be; None for anything.
        depth: How many lists are around the object; None while nothing says it.
        is_leaf, is_row: What it was taken for.
        refuses_null: Null is left to the mapping, which makes an object of it: some member of the mapping, asked for
            or not, is made of the object itself (connectors.md §6.7).
        names: Attribute by JSON key, where the decoded object is itself a row.
        exact: `__exact__` of such a row.
        added: Attributes of such a row that are set when it has been decoded.
        order: Of such a row's attributes.
        row_class: The class that `type` made for the object.
    """

    name: str = "the answer"
    members: dict[str, AnswerPlace] | None = None
    leaf: LeafType | None = None
    depth: int | None = None
    is_leaf: bool = False
    is_row: bool = False
    refuses_null: bool = False
    names: Mapping[str, str] = field(default_factory=dict)
    exact: Mapping[str, str] = field(default_factory=dict)
    added: Sequence[str] = ()
    order: Sequence[str] = ()
    row_class: Any = None

    def at(self, path: Sequence[str]) -> AnswerPlace:
        """The value at a path, made where it is not there yet. Errors: NotPlainError."""
        place = self
        for key in path:
            if place is not self:
                place._in_lists(0)
            if place.is_leaf:
                raise NotPlainError(f"{place.name} is taken as it stands, and from inside it")
            if "\ufffd" in key:
                raise NotPlainError("a key of U+FFFD may stand for other bytes")
            if place.members is None:
                place.members = {}
            place = place.members.setdefault(key, AnswerPlace(key))
        return place

    def take_leaf(self, leaf: LeafType | None) -> None:
        """Use the value as it stands. Errors: NotPlainError where its members are needed too."""
        if self.members is not None:
            raise NotPlainError(f"{self.name} is taken as it stands, and from inside it")
        if self.is_leaf:
            leaf = self.leaf.joined(leaf) if self.leaf and leaf else None
        self.leaf, self.is_leaf = leaf, True

    def take_row(self, depth: int) -> None:
        """Make rows of the object. Errors: NotPlainError where somebody else does, or takes it as a leaf."""
        if self.is_leaf or self.is_row:
            raise NotPlainError(f"two fields take {self.name}")
        self._in_lists(depth)
        self.is_row = True
        if self.members is None:
            self.members = {}

    def _in_lists(self, depth: int) -> None:
        if self.depth not in (None, depth):
            raise NotPlainError(f"{self.name} is a list of rows, and a path leads through it")
        self.depth = depth

    def attribute(self, key: str) -> str:
        """The attribute of a member: made up, unless the decoded object is the row."""
        assert self.members is not None
        # No GraphQL field has a name with two underscores at its begin.
        return self.names.get(key) or f"__{list(self.members).index(key)}__"

    def type(self) -> Any:
        """The msgspec type."""
        if self.members is None:
            return Any if self.leaf is None else self.leaf.type()
        fields: list[tuple[Any, ...]] = []
        for key, place in self.members.items():
            is_needed = place.leaf is not None and not place.leaf.is_nullable
            fields.append((self.attribute(key), place.type(), *(() if is_needed else (None,))))
        rename = {self.attribute(key): key for key in self.members}
        for name in self.added:
            # What an answer has there is not looked at, and overwritten.
            fields.append((name, msgspec.Raw, None))
            if name in self.members:
                rename[name] = f"{name} is made here"
        rank = {name: number for number, name in enumerate(self.order)}
        fields.sort(key=lambda field: rank.get(field[0], len(rank)))
        made: Any = row_class(fields, self.exact, rename=rename, kw_only=True)
        self.row_class = made
        for _ in range(self.depth or 0):
            item: Any = made if self.refuses_null else made | None
            made = list[item]
        return made if self.refuses_null else made | None


def row_class(fields: Sequence[Any], exact: Mapping[str, str], **options: Any) -> Any:
    """A class of rows, whose attributes are data to msgspec and never text of ours."""
    namespace = {"__exact__": dict(exact)}
    return msgspec.defstruct(
        "Row", fields, bases=(DecodedRow,), namespace=namespace, gc=False, **options
    )

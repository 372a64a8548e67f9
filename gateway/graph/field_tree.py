"""Which fields of a value are meant, and of its objects in turn: what plans, loaders and resolvers tell each other."""

from __future__ import annotations

from collections.abc import ItemsView, Iterable, Iterator, Mapping, ValuesView


class FieldTree(Mapping[str, "FieldTree"]):
    """A tree of GraphQL field names that never changes. Lists are transparent.

    Shape: `{"id": {}, "user": {"name": {}}}`; a leaf has an empty tree. The order of the names counts: rows that
        are decoded in it can be the response.
    """

    __slots__ = ("_hash", "_members")

    def __init__(
        self,
        members: Mapping[str, FieldTree] | Iterable[tuple[str, FieldTree]] = (),
        /,
        **named: FieldTree,
    ) -> None:
        self._members = dict(members, **named)
        self._hash: int | None = None

    def __getitem__(self, name: str) -> FieldTree:
        return self._members[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def items(self) -> ItemsView[str, FieldTree]:
        return self._members.items()

    def values(self) -> ValuesView[FieldTree]:
        return self._members.values()

    def __contains__(self, name: object) -> bool:
        return name in self._members

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, FieldTree):
            return NotImplemented
        return list(self._members.items()) == list(other._members.items())

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(tuple(self._members.items()))
        return self._hash

    def __repr__(self) -> str:
        return f"FieldTree({self})"

    def __str__(self) -> str:
        """As it would be selected: `{id user {name}}`."""
        words = (f"{name} {below}" if below else name for name, below in self._members.items())
        return "{" + " ".join(words) + "}"

    def joined(self, other: FieldTree) -> FieldTree:
        """What either means, this one's names first."""
        if not other._members:
            return self
        if not self._members:
            return other
        members = dict(self._members)
        for name, below in other.items():
            members[name] = members[name].joined(below) if name in members else below
        return FieldTree(members)


LEAF = FieldTree()

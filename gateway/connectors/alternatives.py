"""Several connectors on one field: those run that supply what is asked for, and what they give is one value.

It asks no backend itself, and knows nothing of requests.

Source: connectors.md §2.4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from graphql import GraphQLID, get_named_type, is_leaf_type

from gateway.client.vary import joined
from gateway.connectors.keys import integer_of
from gateway.connectors.loaders import ConnectorLoader, gathered
from gateway.context import Context
from gateway.errors import UpstreamError
from gateway.graph.field_tree import LEAF, FieldTree
from gateway.graph.loader import Loader


class AlternativesLoader:
    """As `Loader`, for connectors that supply different members of a field's value.

    Args:
        loaders: In the order in which they stand; the first that supplies a member gives it.
        coordinate: `Query.user`.
        kind: The field's type: its IDs tell whether two objects are one.
        gives: What of the value is asked for of each; all that it supplies by default.
    """

    def __init__(
        self,
        loaders: Sequence[ConnectorLoader],
        coordinate: str,
        kind: Any,
        gives: Sequence[FieldTree | None] = (),
    ) -> None:
        self.loaders = tuple(loaders)
        self.gives = gives or [loader.supplies for loader in loaders]
        self.coordinate = coordinate
        self.kind = kind
        self.source: str | None = loaders[0].source
        self.sources = tuple(loader.source for loader in loaders)
        self.reads: FieldTree | None = _union([loader.reads for loader in loaders])
        self.supplies: FieldTree | None = _union([loader.supplies for loader in loaders])
        self.vary = joined(loader.vary for loader in loaders)

    def project(self, wanted: FieldTree) -> Loader:
        """The one connector that supplies all that is wanted, or those that do together."""
        for loader in self.loaders:
            if not _lacking(wanted, loader.supplies):
                return loader.project(wanted)
        left, chosen, gives = wanted, [], []
        for loader in self.loaders:
            still = _lacking(left, loader.supplies)
            if still != left:
                chosen.append(loader)
                gives.append(_without(left, still))
                left = still
        if len(chosen) < 2:
            return (chosen or self.loaders)[0].project(wanted)
        # Not projected: rows of the mapping are dicts, which can be one.
        return AlternativesLoader(chosen, self.coordinate, self.kind, gives)

    def describe(self) -> str:
        """How its answers are read, for people."""
        return " and ".join(f"{loader.source}: {loader.describe()}" for loader in self.loaders)

    async def load(
        self, parents: Sequence[Any], arguments: Mapping[str, Any], context: Context
    ) -> Sequence[Any]:
        """As `Loader.load`; a part that fails is the error of each member that is asked for of it."""
        columns = await gathered(
            [loader.load(parents, arguments, context) for loader in self.loaders]
        )
        spread = [[c] * len(parents) if isinstance(c, Exception) else c for c in columns]
        return [self._one(values) for values in zip(*spread, strict=True)]

    def _one(self, values: Sequence[Any]) -> Any:
        whole, held = None, LEAF
        failed: list[tuple[Exception, FieldTree]] = []
        try:
            for value, loader, gives in zip(values, self.loaders, self.gives, strict=True):
                if isinstance(value, Exception):
                    failed.append((value, gives or LEAF))
                    continue
                more = loader.supplies or LEAF
                whole = _merged(whole, value, held, more, gives or LEAF, self.kind)
                held = _union([held, more]) or LEAF
        except _UnlikeError as exc:
            return UpstreamError(
                "CONNECTOR_RESPONSE_INVALID",
                source=self.source,
                detail=f"the connectors of {self.coordinate} give {exc}",
            )
        if failed and whole is None:
            return failed[0][0]
        for error, gives in failed:
            whole = _with_error(whole, error, gives)
        return whole


def _with_error(whole: Any, error: Exception, gives: FieldTree) -> Any:
    """A value with an error in the place of each member that nothing else has given."""
    if isinstance(whole, list):
        return [_with_error(item, error, gives) for item in whole]
    if not isinstance(whole, dict):
        return whole
    lacking = {name: error for name in gives if name not in whole}
    below = {
        name: _with_error(whole[name], error, inner)
        for name, inner in gives.items()
        if inner and name in whole
    }
    return {**whole, **below, **lacking}


class _UnlikeError(Exception):
    """Two parts that cannot be one value; the text says why."""


def _lacking(wanted: FieldTree, supplies: FieldTree | None) -> FieldTree:
    """What of a tree is not supplied; what is supplied as it stands may hold anything."""
    left: dict[str, FieldTree] = {}
    if supplies is None:
        return LEAF
    for name, below in wanted.items():
        if name not in supplies:
            left[name] = below
        elif below and supplies[name] and (inner := _lacking(below, supplies[name])):
            left[name] = inner
    return FieldTree(left)


def _without(wanted: FieldTree, still: FieldTree) -> FieldTree:
    """What of a tree is not lacking any more."""
    given: dict[str, FieldTree] = {}
    for name, below in wanted.items():
        if name not in still:
            given[name] = below
        elif inner := _without(below, still[name]):
            given[name] = inner
    return FieldTree(given)


def _merged(
    left: Any, right: Any, held: FieldTree, more: FieldTree, gives: FieldTree, kind: Any
) -> Any:
    """Two parts of a value; what a part that is null would have held is null.

    Args:
        left, right: The parts.
        held, more: What they hold where they are objects.
        gives: What is asked for of the second.
        kind: The GraphQL type.

    Errors: _UnlikeError.
    """
    if left is None and right is None:
        return None
    if isinstance(left, list) or isinstance(right, list):
        one = [None] * len(right) if left is None else left
        other = [None] * len(left) if right is None else right
        if not isinstance(one, list) or not isinstance(other, list) or len(one) != len(other):
            raise _UnlikeError("lists of different lengths")
        pairs = list(zip(one, other, strict=True))
        if not all(_are_told_apart(first, second, kind) for first, second in pairs):
            raise _UnlikeError("lists whose rows have no ID in both")
        return [_merged(first, second, held, more, gives, kind) for first, second in pairs]
    first = left if isinstance(left, dict) else dict.fromkeys(held)
    second = right if isinstance(right, dict) else dict.fromkeys(more)
    whole = {**second, **first}
    fields = getattr(get_named_type(kind), "fields", {})
    for name in first.keys() & second.keys():
        below = get_named_type(fields[name].type) if name in fields else None
        if first[name] is None:
            whole[name] = second[name]
        elif below is GraphQLID:
            if not _is_one_id(first[name], second[name]):
                raise _UnlikeError(f"objects whose {name} differs in one place")
        elif is_leaf_type(below) or name not in gives:
            continue  # the first has it
        elif isinstance(first[name], dict | list) and isinstance(second[name], dict | list):
            whole[name] = _merged(
                first[name],
                second[name],
                held.get(name, LEAF),
                more.get(name, LEAF),
                gives[name],
                below,
            )
    return whole


def _are_told_apart(first: Any, second: Any, kind: Any) -> bool:
    """Whether two rows have an ID that can be compared: their place in two lists says nothing."""
    if not (isinstance(first, dict) and isinstance(second, dict)):
        return True
    fields = getattr(get_named_type(kind), "fields", {})
    return any(
        name in fields
        and get_named_type(fields[name].type) is GraphQLID
        and None not in (first[name], second[name])
        for name in first.keys() & second.keys()
    )


def _is_one_id(first: Any, second: Any) -> bool:
    """Whether two IDs are the same to a client; null is any, and a list is no object's own."""
    if second is None or isinstance(first, list) or isinstance(second, list):
        return True
    return str(integer_of(first)) == str(integer_of(second))


def _union(trees: Sequence[FieldTree | None]) -> FieldTree | None:
    """The members of all; None where one is not known."""
    whole: dict[str, FieldTree] = {}
    for tree in trees:
        if tree is None:
            return None
        for name, below in tree.items():
            before = whole.get(name)
            if before is None:
                whole[name] = below
            else:  # one that has it as it stands may hold anything
                whole[name] = (_union([before, below]) if before and below else None) or LEAF
    return FieldTree(whole)

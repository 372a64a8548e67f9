"""Keys: what a connector reads of an object, as a value that can be looked up and compared.

Two keys are equal when their JSON values are: 1, true and "1" are three keys. A Float 1.0 is a fourth, but where
the member is an ID or an Int it is 1, which is what the client sees of it. No I/O, no connector.

Source: connectors.md §15.3, §16.4, §16.5.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from operator import attrgetter
from typing import Any, Final

import msgspec
from graphql import GraphQLObjectType, get_named_type

from gateway.connectors.mapping.members import Members
from gateway.connectors.views import MISSING, is_whole, view_of
from gateway.errors import UpstreamError
from gateway.graph.resolvers import read_property

# Each object's key; the view of each distinct one; each key that is an error.
Keyed = tuple[list[Any], dict[Hashable, dict[str, Any]], dict[Hashable, Any]]
_TEXT, _INTEGERS = {str}, {int}
EXACT: Final = 2**53
"""Up to here a float is one integer only."""


class EntityKey:
    """The key fields of a type or of a field's parent.

    Args:
        wanted: Which members make the key, nested.
        owner: The GraphQL type that the members are fields of.
        required: Those without which there is no key; all of them by default.

    Attributes:
        single: The one member, where there is no more.
        is_text: Whether it matches by its string form too.
        integers: Its members that are IDs or Ints.
    """

    def __init__(
        self, wanted: Members, owner: GraphQLObjectType | None, required: Members | None = None
    ) -> None:
        self.wanted = wanted
        self._required = wanted if required is None else required
        self._names = tuple(sorted(wanted.members))
        self.single = (
            self._names[0]
            if len(self._names) == 1 and not wanted.members[self._names[0]].members
            else None
        )
        self.is_text = owner is not None and _all_text(wanted, owner)
        self.integers = Members() if owner is None else _integers(wanted, owner)

    def column(self, parents: Sequence[Any]) -> list[Any] | None:
        """The keys of many parents at once, as they are to be looked up; None where that is not simple.

        Simple is the usual case: one member, dicts, and all of its values text or all of them integers.
        """
        name = self.single
        kinds = set(map(type, parents))
        if name is None or len(kinds) != 1:
            return None
        (kind,) = kinds
        if kind is dict:
            values = [parent.get(name) for parent in parents]
        elif issubclass(kind, msgspec.Struct) and name in kind.__struct_fields__:
            values = list(map(attrgetter(name), parents))
        else:
            return None
        return values if set(map(type, values)) in (_TEXT, _INTEGERS) else None

    def item(self, value: Any) -> dict[str, Any]:
        """A key of `column` as an item of `$batch`."""
        assert self.single is not None
        return {self.single: value}

    def view(self, parent: Any) -> dict[str, Any] | None:
        """The key's members of `parent`, as `$this` or an item of `$batch`; None without a required one."""
        if self.single is not None:
            value = read_property(parent, self.single, None)
            kind = value.__class__
            if kind is str or kind is int:
                return {self.single: value}
        view = view_of(parent, self.wanted)
        if view.__class__ is not dict:
            return None
        if self.integers.members:
            view = _whole(view, self.integers)
        return view if not self._required.members or is_whole(view, self._required) else None

    def of(self, view: Mapping[str, Any]) -> Hashable:
        """What to look up for a view, or for a row of an answer; `MISSING` where a member is absent."""
        if self.single is not None:
            return exact(view.get(self.single, MISSING))
        return _frozen(view, self.wanted, exact)

    def text_of(self, view: Mapping[str, Any]) -> Hashable:
        """The same with every member by its string form."""
        if self.single is not None:
            return str(view.get(self.single, MISSING))
        return _frozen(view, self.wanted, str)


def keys_of(key: EntityKey, objects: Sequence[Any], source: str | None) -> Keyed:
    """Each object's key, `MISSING` without one; the view of each distinct key; and each key that is an error.

    A value that nests too deeply to be read is the error of its own object.
    """
    keys: list[Hashable] = []
    views: dict[Hashable, dict[str, Any]] = {}
    failed: dict[Hashable, Any] = {}
    for each in objects:
        try:
            view = key.view(each)
            own = MISSING if view is None else key.of(view)
        except RecursionError:
            detail = "a value that the request reads is nested too deeply"
            own = UpstreamError("INVALID_REQUEST_VALUE", source=source, detail=detail)
            view, failed[own] = None, own
        keys.append(own)
        if view is not None and own not in views:
            views[own] = view
    return keys, views, failed


def exact(value: Any) -> Hashable:
    """A stand-in that is equal exactly for equal JSON values."""
    kind = value.__class__
    if kind is str or kind is int or value is MISSING:
        return value  # type: ignore[no-any-return]
    if kind is dict:
        return ("object", *sorted((name, exact(item)) for name, item in value.items()))
    if kind is list:
        return ("list", *map(exact, value))
    return (kind, value)


def _frozen(view: Any, wanted: Members, leaf: Callable[[Any], Hashable]) -> Hashable:
    if not wanted.members:
        return leaf(view)
    if view.__class__ is list:
        return ("list", *[_frozen(item, wanted, leaf) for item in view])
    if not isinstance(view, Mapping):
        return leaf(view)
    members = sorted(wanted.members.items())
    return tuple([_frozen(view.get(name, MISSING), inner, leaf) for name, inner in members])


def integer_of(value: Any) -> Any:
    """The integer that a float is, for an ID or an Int; any other value as it is."""
    is_one = value.__class__ is float and value.is_integer() and -EXACT <= value <= EXACT
    return int(value) if is_one else value


def _whole(view: Any, integers: Members) -> Any:
    """A view with integers for the floats that are one: the text of an ID 1.0 is "1"."""
    if view.__class__ is list:
        return [_whole(item, integers) for item in view]
    if integers.whole:
        return integer_of(view)
    if view.__class__ is dict:
        return {
            name: _whole(value, integers.members[name]) if name in integers.members else value
            for name, value in view.items()
        }
    return view


def _integers(wanted: Members, owner: GraphQLObjectType) -> Members:
    """The members of a key that are IDs or Ints."""
    members = {}
    for name, inner in wanted.members.items():
        kind = get_named_type(owner.fields[name].type) if name in owner.fields else None
        if isinstance(kind, GraphQLObjectType):
            members[name] = _integers(inner, kind)
        elif kind is not None and kind.name in ("ID", "Int"):
            members[name] = Members(whole=True)
    return Members(members)


def _all_text(wanted: Members, owner: GraphQLObjectType) -> bool:
    """Whether every member of the key is an ID or a String, which match by their string form too."""
    for name, inner in wanted.members.items():
        field = owner.fields.get(name)
        if field is None:
            return False
        kind = get_named_type(field.type)
        if inner.members:
            if not isinstance(kind, GraphQLObjectType) or not _all_text(inner, kind):
                return False
        elif kind.name not in ("ID", "String"):
            return False
    return True

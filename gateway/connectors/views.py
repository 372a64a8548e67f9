"""What a connector sees of an object: the members that its mappings read of it, as plain JSON values.

Rows of an answer, dicts and objects of resolvers look the same in `$this`, `$batch` and a key. Lists are mapped over
wherever they stand, as the mapping language does (connectors.md §6.3). No I/O, no connector.

Source: connectors.md §3.7, §15.3, §15.6.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from gateway.connectors.mapping.members import Members
from gateway.graph.resolvers import read_property

MISSING: Final = object()
_SCALARS: Final = frozenset({str, int, float, bool, type(None)})


def view_of(value: Any, wanted: Members) -> Any:
    """What `wanted` names of a value.

    Shape: a member that is absent is left out, one that is null stays. What stands where an object was meant and
        has no members, a number or a text, is None.
    """
    if not wanted.members:
        return plain(value)
    if isinstance(value, list | tuple):
        return [view_of(item, wanted) for item in value]
    if value.__class__ in _SCALARS:
        return None
    found: dict[str, Any] = {}
    for name, inner in wanted.members.items():
        member = read_property(value, name, MISSING)
        if member.__class__ in _SCALARS:
            found[name] = None if inner.members else member
        elif member is not MISSING:
            found[name] = view_of(member, inner)
    return found


def is_whole(view: Any, wanted: Members) -> bool:
    """Whether every member that `wanted` names is there and not null; a list is, whatever it holds."""
    if view is None:
        return False
    if view.__class__ is not dict:
        return True
    return all(
        is_whole(view.get(name), inner) if inner.members else view.get(name) is not None
        for name, inner in wanted.members.items()
    )


def plain(value: Any) -> Any:
    """A value without rows in it: their members as those of dicts."""
    if value.__class__ in _SCALARS:
        return value
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, Mapping):
        return {name: plain(member) for name, member in value.items()}
    if isinstance(value, msgspec.Struct):
        names = [name for name in value.__struct_fields__ if not name.startswith("__")]
        return {name: plain(getattr(value, name)) for name in names}
    return value

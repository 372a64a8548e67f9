"""Values of JSON that functions of the user's may read and not change: what many requests share.

They are dicts and lists, so whatever reads or writes JSON takes them. Copies of them may be changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn


def _refuse(value: Any, *_given: Any, **_named: Any) -> NoReturn:
    kind = "dict" if isinstance(value, dict) else "list"
    raise TypeError(f"this {kind} is read-only: change a copy of it")


class ReadOnlyDict(dict[str, Any]):
    """A dict that refuses to be changed."""

    __slots__ = ()
    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy or pickle is a plain dict."""
        return (dict, (dict(self),))


class ReadOnlyList(list[Any]):
    """A list that refuses to be changed."""

    __slots__ = ()
    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse
    append = clear = extend = insert = pop = remove = reverse = sort = _refuse

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy or pickle is a plain list."""
        return (list, (list(self),))


def read_only(value: Any) -> Any:
    """The same value, its dicts and lists read-only; one that is already is taken as it is."""
    if isinstance(value, Mapping):
        return value if type(value) is ReadOnlyDict else read_only_members(value)
    if isinstance(value, list):
        return value if type(value) is ReadOnlyList else ReadOnlyList(map(read_only, value))
    return value


def read_only_members(members: Mapping[str, Any]) -> ReadOnlyDict:
    """The same of an object."""
    return ReadOnlyDict({name: read_only(value) for name, value in members.items()})


def plain(value: Any) -> Any:
    """A copy of a read-only value that may be changed, of the types that JSON is read as."""
    if isinstance(value, Mapping):
        return {name: plain(item) for name, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value

"""What a tree of settings dataclasses looks like: the fields of a table, and the type that stands at a key."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints


@cache
def field_hints(settings: type) -> dict[str, Any]:
    """The type of each field of a dataclass, bounds included, in order."""
    hints = get_type_hints(settings, include_extras=True)
    return {item.name: hints[item.name] for item in fields(settings)}


def plain(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    """A type without `None` and `Annotated`, and the marks that were on it."""
    if get_origin(hint) in (Union, UnionType):
        rest = [part for part in get_args(hint) if part is not NoneType]
        return plain(rest[0]) if len(rest) == 1 else (hint, ())
    if get_origin(hint) is Annotated:
        inner, *marks = get_args(hint)
        return inner, tuple(marks)
    return hint, ()


def table_of(hint: Any) -> type | None:
    """The dataclass that a type is."""
    inner = plain(hint)[0]
    return inner if isinstance(inner, type) and is_dataclass(inner) else None


def item_of(hint: Any) -> Any:
    """The type of a list's items or of a table's values under free names; None for what is neither."""
    inner = plain(hint)[0]
    if get_origin(inner) is tuple:
        return get_args(inner)[0]
    return get_args(inner)[1] if get_origin(inner) is dict else None


def is_list(hint: Any) -> bool:
    """Whether a type is a list."""
    return get_origin(plain(hint)[0]) is tuple


def is_open(hint: Any) -> bool:
    """Whether a type is a table whose names are free."""
    return get_origin(plain(hint)[0]) is dict


def hint_at(settings: type, key: Sequence[str]) -> Any:
    """The type at a key, `("sources", "api", "port")`; None where the settings have no such key."""
    hint: Any = settings
    for part in key:
        table = table_of(hint)
        hint = field_hints(table).get(part) if table is not None else item_of(hint)
        if hint is None:
            return None
    return hint


def tables_in(settings: type) -> Iterator[type]:
    """The dataclass and all that are inside of it, once each."""
    found: dict[type, None] = {}
    rest = [settings]
    while rest:
        table = rest.pop()
        if table in found:
            continue
        found[table] = None
        for hint in field_hints(table).values():
            inner = hint
            while inner is not None and table_of(inner) is None:
                inner = item_of(inner)
            if inner is not None and (one := table_of(inner)) is not None:
                rest.append(one)
    yield from found

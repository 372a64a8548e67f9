"""Arguments as a client wrote them: a Float argument `3`, which GraphQL makes 3.0, goes out as `3`.

Both are one number; many backends take only one of them where a whole number is meant.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from graphql import (
    GraphQLArgument,
    GraphQLFloat,
    GraphQLInputObjectType,
    get_named_type,
    get_nullable_type,
    is_list_type,
)

Written = Callable[[Any], Any]
EXACT: Final = 2**53
"""Up to here every whole number is a float, and one only."""


def written_arguments(arguments: Mapping[str, GraphQLArgument]) -> Written | None:
    """What makes a field's coerced arguments those that go out; None where no Float is in them."""
    found = _members(arguments, {})
    return partial(_write_members, found) if found else None


def _members(
    fields: Mapping[str, Any], objects: dict[str, dict[str, Written]]
) -> dict[str, Written]:
    return {
        field.out_name or name: _written(field.type, objects)
        for name, field in fields.items()
        if _has_float(field.type, set())
    }


def _written(kind: Any, objects: dict[str, dict[str, Written]]) -> Written:
    """What writes a value of a type that has a Float somewhere."""
    kind = get_nullable_type(kind)
    if is_list_type(kind):
        return partial(_write_items, _written(kind.of_type, objects))
    if not isinstance(kind, GraphQLInputObjectType):
        return _write_float
    if kind.name not in objects:
        members = objects[kind.name] = {}  # in it before its own fields ask for it
        members.update(_members(kind.fields, objects))
    return partial(_write_members, objects[kind.name])


def _has_float(kind: Any, seen: set[str]) -> bool:
    named: Any = get_named_type(kind)
    if not isinstance(named, GraphQLInputObjectType):
        return bool(named.name == GraphQLFloat.name)
    if named.name in seen:
        return False
    seen.add(named.name)
    return any(_has_float(field.type, seen) for field in named.fields.values())


def _write_members(writers: Mapping[str, Written], value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value  # null, or an object of the application's own
    return {name: writers[name](v) if name in writers else v for name, v in value.items()}


def _write_items(item: Written, value: Any) -> Any:
    return [item(each) for each in value] if isinstance(value, list) else value


def _write_float(value: Any) -> Any:
    is_whole = value.__class__ is float and value.is_integer() and -EXACT <= value <= EXACT
    return int(value) if is_whole else value

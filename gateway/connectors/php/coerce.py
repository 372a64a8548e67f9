"""Values of a mapping as their GraphQL types have them: PHP writes a number as text and false as `""`.

    Int, Float, BigInt    text of digits is the number
    Boolean               what filter_var() takes: 1, true, on, yes; 0, false, off, no, ""
    DateTime              MySQL's and PHP's dates, see `dates.py`; the zero date is null
    any type but String, ID and a scalar of your own: "" is null

An object's runtime type says what its members are; below an interface or union that is its `__typename`,
or what all types that have the member agree on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLUnionType,
    get_nullable_type,
    is_list_type,
)

from gateway.connectors.mapping.members import WHOLE, Members
from gateway.connectors.php.arrange import DICT, Misfit, is_gapped
from gateway.connectors.php.dates import date_time, day, zero_date
from gateway.graph.scalars import BUILT_IN

_INTEGER = re.compile(r"\s*[+-]?\d{1,19}\s*", re.ASCII)
_DIGITS = re.compile(r"\s*[+-]?\d{1,4000}\s*", re.ASCII)
_NUMBER = re.compile(r"\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\s*", re.ASCII)
_OURS: dict[Any, str] = {
    kind.serialize: name for name, kind in BUILT_IN.items() if hasattr(kind, "serialize")
}
_BOOLEANS = {
    **dict.fromkeys(("1", "true", "on", "yes"), True),
    **dict.fromkeys(("0", "false", "off", "no", ""), False),
}


@dataclass(slots=True)
class AnswerCoercion:
    """What coercing one answer shares.

    Attributes:
        misfit: Makes the error of a value that is not what is declared.
        seen: Objects that are passed on as they stand, by identity and type: serialize() may have
            references among them that go round.
    """

    misfit: Misfit
    seen: dict[tuple[int, str], tuple[Any, dict[str, Any]]] = field(default_factory=dict)


Coerce = Callable[[Any, AnswerCoercion], Any]


class Coercions:
    """Makes the coercion of each type of a schema.

    Args:
        schema: It knows which types an abstract one may be.
        time_zone: Of dates that have none.
        is_new: Whether the objects that a mapping makes may be changed in place.
    """

    def __init__(self, schema: GraphQLSchema, time_zone: str, *, is_new: bool) -> None:
        self._schema = schema
        self._is_new = is_new
        self._whole: dict[str, Coerce] = {}
        convert = date_time(time_zone)
        self._date_time: Coerce = lambda value, _: convert(value)

    def of(self, kind: GraphQLOutputType, supplied: Members) -> Coerce | None:
        """What makes the values of one field what its type asks for; None when nothing has to.

        Args:
            kind: The field's type.
            supplied: Which fields of its objects the mapping gives.
        """
        nullable: Any = get_nullable_type(kind)
        if is_list_type(nullable):
            return _list_of(self.of(nullable.of_type, supplied))
        if isinstance(nullable, GraphQLScalarType):
            return self._scalar(nullable)
        if isinstance(nullable, GraphQLEnumType):
            return _null_text
        if supplied.whole:
            # The backend's own object: its type has all fields, and may have itself among them.
            return lambda value, answer: self._of_whole(nullable)(value, answer)
        return self._object(nullable, supplied)

    def _of_whole(self, kind: GraphQLNamedType) -> Coerce:
        known = self._whole.get(kind.name)
        if known is None:
            known = self._whole[kind.name] = self._object(kind, WHOLE)
        return known

    def _object(self, kind: Any, supplied: Members) -> Coerce:
        if isinstance(kind, GraphQLObjectType):
            return self._object_of(kind.name, (kind,), supplied)
        assert isinstance(kind, GraphQLInterfaceType | GraphQLUnionType)
        types = self._schema.get_possible_types(kind)
        by_type = {type_.name: self._object(type_, supplied) for type_ in types}
        unknown = self._object_of(kind.name, types, supplied)

        def coerce(value: Any, answer: AnswerCoercion) -> Any:
            name = value.get("__typename") if value.__class__ is dict else ""
            return (by_type.get(str(name)) or unknown)(value, answer)

        return coerce

    def _object_of(
        self, name: str, types: Iterable[GraphQLObjectType], supplied: Members
    ) -> Coerce:
        members = self._members(types, supplied)
        if not members:
            return _any_object
        if supplied.whole:
            return _whole_of(name, members)
        return _new_of(members) if self._is_new else _made_of(members)

    def _members(
        self, types: Iterable[GraphQLObjectType], supplied: Members
    ) -> list[tuple[str, Coerce]]:
        """The fields that something is done to; of several types those that mean the same in all."""
        found: dict[str, Any] = {}
        for type_ in types:
            for name, item in type_.fields.items():
                if name in supplied.members or supplied.whole:
                    kind: Any = get_nullable_type(item.type)
                    other = found.setdefault(name, kind)
                    if str(other) != str(kind):
                        found[name] = None
        made = []
        for name, kind in found.items():
            coerce = self.of(kind, supplied.members.get(name, WHOLE)) if kind is not None else None
            if coerce is not None:
                made.append((name, coerce))
        return made

    def _scalar(self, kind: GraphQLScalarType) -> Coerce | None:
        known = _SCALARS.get(kind.name)
        if known is not None:
            return known
        meaning = _OURS.get(getattr(kind.serialize, "__wrapped__", None))
        if meaning == "DateTime":
            return self._date_time
        if meaning is not None:
            return _big_int if meaning == "BigInt" else _null_text
        if kind.name == "Date":
            return lambda value, _: day(value)
        return (lambda value, _: zero_date(value)) if "Date" in kind.name else None


def _list_of(inner: Coerce | None) -> Coerce:
    def coerce(value: Any, answer: AnswerCoercion) -> Any:
        if value.__class__ is dict and is_gapped(value):
            value = list(value.values())
        if value.__class__ is list:
            if inner is None or (inner is _any_object and set(map(type, value)) <= DICT):
                return value
            return [inner(item, answer) for item in value]
        if value is None or isinstance(value, Exception):
            return value
        return None if value == "" else answer.misfit(value, "a list")

    return coerce


def _new_of(members: list[tuple[str, Coerce]]) -> Coerce:
    """For objects that the mapping made: changed in place."""

    def coerce(value: Any, answer: AnswerCoercion) -> Any:
        if value.__class__ is not dict:
            return _no_object(value, answer)
        for member, change in members:
            old = value.get(member)
            if old is not None:
                value[member] = change(old, answer)
        return value

    return coerce


def _made_of(members: list[tuple[str, Coerce]]) -> Coerce:
    """For objects that the mapping may have made for several places: a copy where something changes."""

    def coerce(value: Any, answer: AnswerCoercion) -> Any:
        if value.__class__ is not dict:
            return _no_object(value, answer)
        made = value
        for member, change in members:
            old = value.get(member)
            if old is not None:
                new = change(old, answer)
                if new is not old:
                    if made is value:
                        made = dict(value)
                    made[member] = new
        return made

    return coerce


def _whole_of(name: str, members: list[tuple[str, Coerce]]) -> Coerce:
    """For objects of the answer as they stand, which may lead back to themselves."""

    def coerce(value: Any, answer: AnswerCoercion) -> Any:
        if value.__class__ is not dict:
            return _no_object(value, answer)
        seen = answer.seen.get((id(value), name))
        if seen is not None:
            return seen[1]
        copy = dict(value)
        answer.seen[id(value), name] = value, copy  # the first is kept so that its id stays its own
        for member, change in members:
            old = copy.get(member)
            if old is not None:
                copy[member] = change(old, answer)
        return copy

    return coerce


def _any_object(value: Any, answer: AnswerCoercion) -> Any:
    return value if value.__class__ is dict else _no_object(value, answer)


def _no_object(value: Any, answer: AnswerCoercion) -> Any:
    if value is None or isinstance(value, Exception):
        return value
    if value.__class__ is list and not value:
        return {}  # an empty map is `[]` in PHP
    if value is False or value == "":
        return None
    return answer.misfit(value, "an object")


def _int(value: Any, _: AnswerCoercion) -> Any:
    if value.__class__ is str:
        if _INTEGER.fullmatch(value):
            return int(value)
        return None if not value.strip() else value
    return int(value) if value.__class__ is bool else value


def _float(value: Any, _: AnswerCoercion) -> Any:
    if value.__class__ is str:
        if _NUMBER.fullmatch(value):
            return float(value)
        return None if not value.strip() else value
    return value


def _big_int(value: Any, _: AnswerCoercion) -> Any:
    if value.__class__ is str:
        if _DIGITS.fullmatch(value):
            return int(value)
        return None if not value.strip() else value
    return value


def _boolean(value: Any, _: AnswerCoercion) -> Any:
    if value.__class__ is str:
        return _BOOLEANS.get(value.strip().lower(), value)
    return bool(value) if value.__class__ is int and value in (0, 1) else value


def _null_text(value: Any, _: AnswerCoercion) -> Any:
    return None if value.__class__ is str and not value else value


_SCALARS: dict[str, Coerce] = {
    "Int": _int,
    "Float": _float,
    "Boolean": _boolean,
}

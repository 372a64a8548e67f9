"""The coercion of input types for values as JSON has them, by functions that are made when a type is first sent.

A function knows only the usual case and gives `WRONG` for anything else, null included where the type is not nullable:
graphql-core's own coercion then decides, and its errors are the client's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLNonNull,
    GraphQLSchema,
    Undefined,
    is_input_object_type,
    is_list_type,
    specified_scalar_types,
)

from gateway.graph.resolvers import fresh
from gateway.runtime import reference
from gateway.runtime.literals import MISSING, WRONG, default_of

Coerce = Callable[[Any, int], Any]
"""Takes a value, and how many lists and input objects it is in."""
DEEPEST: Final = 32
"""graphql-core has a limit of its own, and refuses in its own words."""
_EXACT: Final = 2**53
"""Whole numbers up to here are the same as floats."""


class Coercers:
    """Those of one schema."""

    def __init__(self) -> None:
        self._objects: dict[GraphQLInputObjectType, _InputObject] = {}

    def __reduce__(self) -> tuple[type, tuple[()]]:
        """Neither copies nor pickles of a schema have its coercers."""
        return (Coercers, ())

    def compile(self, type_: Any) -> Coerce:
        """The coercion of one input type."""
        if isinstance(type_, GraphQLNonNull):
            return self._compile(type_.of_type)
        coerce = self._compile(type_)
        return lambda value, depth: None if value is None else coerce(value, depth)

    def _compile(self, type_: Any) -> Coerce:
        if is_list_type(type_):
            return _list(self.compile(type_.of_type))
        if is_input_object_type(type_):
            known = self._objects.get(type_)
            if known is None:
                known = self._objects[type_] = _InputObject(type_, self.compile)
            return known.coerce
        if isinstance(type_, GraphQLEnumType):
            own = reference.own_enum_coercion(type_)
            if own is not None:
                return _leaf(own)
            values = {name: value.value for name, value in type_.values.items()}
            return lambda value, _: values.get(value, WRONG) if type(value) is str else WRONG
        name: str = type_.name
        if name in _SCALARS and specified_scalar_types.get(name) is type_:
            return _SCALARS[name]
        return _leaf(reference.value_coercion(type_))


def coercers_of(schema: GraphQLSchema) -> Coercers:
    """The coercers of a schema, on the schema itself."""
    known: Coercers = schema.__dict__.setdefault("_gateway_coercers", Coercers())
    return known


class _InputObject:
    """An input object type: it may reach hundreds of others, and itself, so its fields are made when one is sent."""

    __slots__ = ("_compile", "_fields", "_type")

    def __init__(self, type_: GraphQLInputObjectType, compile_: Callable[[Any], Coerce]) -> None:
        self._type = type_
        self._compile = compile_
        self._fields: list[tuple[str, str, Coerce, Any]] | None = None

    def coerce(self, value: Any, depth: int) -> Any:
        """An input object's members, in the order of their definition, by the names that resolvers have of them."""
        if type(value) is not dict or depth > DEEPEST:
            return WRONG
        coerced: dict[str, Any] = {}
        left = len(value)
        for name, out_name, coerce, absent in self._fields or self._make():
            if name in value:
                left -= 1
                member = coerce(value[name], depth + 1)
            elif absent is MISSING:
                continue
            else:
                member = fresh(absent)
            if member is WRONG:
                return WRONG
            coerced[out_name] = member
        if left:  # there is one that the type has not
            return WRONG
        return self._finish(value, coerced)

    def _make(self) -> list[tuple[str, str, Coerce, Any]]:
        self._fields = [
            (name, field.out_name or name, self._compile(field.type), default_of(field))
            for name, field in self._type.fields.items()
        ]
        return self._fields

    def _finish(self, value: dict[str, Any], coerced: dict[str, Any]) -> Any:
        type_ = self._type
        if type_.is_one_of and (
            len(value) != 1 or len(coerced) != 1 or next(iter(coerced.values())) is None
        ):
            return WRONG
        if type_.out_type is GraphQLInputObjectType.out_type:
            return coerced
        return _leaf(type_.out_type)(coerced, 0)


def _leaf(coerce: Callable[[Any], Any]) -> Coerce:
    """A function of the user's, which is asked again by graphql-core where it does not take a value."""

    def coerce_leaf(value: Any, _depth: int) -> Any:
        if value is None or value is Undefined:
            return WRONG
        try:
            coerced = coerce(value)
        except Exception:
            return WRONG
        return WRONG if coerced is Undefined else fresh(coerced)

    return coerce_leaf


def _list(item: Coerce) -> Coerce:
    def coerce(value: Any, depth: int) -> Any:
        if depth > DEEPEST:
            return WRONG
        if type(value) is not list:
            if type(value) not in _SINGLE:
                return WRONG
            value = (value,)  # a list of one
        coerced = []
        for element in value:
            member = item(element, depth + 1)
            if member is WRONG:
                return WRONG
            coerced.append(member)
        return coerced

    return coerce


_SINGLE = frozenset({dict, str, int, float, bool})


def _string(value: Any, _depth: int) -> Any:
    return value if type(value) is str else WRONG


def _int(value: Any, _depth: int) -> Any:
    return value if type(value) is int and -(2**31) <= value < 2**31 else WRONG


def _float(value: Any, _depth: int) -> Any:
    if type(value) is float:
        return value if value - value == 0.0 else WRONG
    return float(value) if type(value) is int and -_EXACT <= value <= _EXACT else WRONG


def _boolean(value: Any, _depth: int) -> Any:
    return value if type(value) is bool else WRONG


def _id(value: Any, _depth: int) -> Any:
    if type(value) is str:
        return value
    return str(value) if type(value) is int and -_EXACT <= value <= _EXACT else WRONG


_SCALARS: dict[str, Coerce] = {
    "String": _string,
    "ID": _id,
    "Int": _int,
    "Float": _float,
    "Boolean": _boolean,
}

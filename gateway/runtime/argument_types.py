"""What the type of an argument tells of its values: which custom scalars they hold, and whether calls may share one.

It must look at types alone: `arguments` evaluates.
"""

from __future__ import annotations

from enum import Enum
from typing import Any
from weakref import WeakKeyDictionary

from graphql import (
    FloatValueNode,
    GraphQLArgument,
    GraphQLEnumType,
    IntValueNode,
    StringValueNode,
    ValueNode,
    get_named_type,
    is_enum_type,
    is_input_object_type,
    is_non_null_type,
    is_scalar_type,
    specified_scalar_types,
)

from gateway.runtime import reference

# Of input objects, which can reach hundreds of others.
_scalars_of: WeakKeyDictionary[Any, frozenset[str]] = WeakKeyDictionary()
_KINDS: dict[str, Any] = {
    "String": StringValueNode,
    "ID": (StringValueNode, IntValueNode),
    "Float": (FloatValueNode, IntValueNode),
}
_IMMUTABLE = (str, int, float, bytes, Enum)


def custom_scalars(type_: Any) -> frozenset[str]:
    """The names of the scalars in an input type that are not GraphQL's own."""
    start: Any = get_named_type(type_)
    if is_scalar_type(start):
        is_own = specified_scalar_types.get(start.name) is start
        return frozenset() if is_own else frozenset({start.name})
    if not is_input_object_type(start):
        return frozenset()
    known = _scalars_of.get(start)
    if known is None:
        reached = {start.name: start}
        todo = [start]
        while todo:
            for field in todo.pop().fields.values():
                named = get_named_type(field.type)
                if named.name not in reached:
                    reached[named.name] = named
                    todo += [named] if is_input_object_type(named) else []
        scalars = [named for named in reached.values() if is_scalar_type(named)]
        known = _scalars_of[start] = frozenset[str]().union(*map(custom_scalars, scalars))
    return known


def is_plain(argument: GraphQLArgument) -> bool:
    """Whether a coerced value can be shared between calls: nothing in it can be changed."""
    type_: Any = argument.type
    if is_non_null_type(type_):
        type_ = type_.of_type
    if is_scalar_type(type_):
        return specified_scalar_types.get(type_.name) is type_
    return is_enum_type(type_) and _has_plain_values(type_)


def is_any_right(type_: Any, value: ValueNode) -> bool:
    """Whether all literals of a literal's kind are right for a built-in scalar: Int has a range, others have none."""
    return isinstance(value, _KINDS.get(get_named_type(type_).name, ()))


def is_own_leaf(type_: Any) -> bool:
    """Whether a leaf's literals are coerced without any function of the user's."""
    if is_enum_type(type_):
        return _has_plain_values(type_)
    return specified_scalar_types.get(type_.name) is type_ or reference.takes_any_literal(type_)


def _has_plain_values(type_: GraphQLEnumType) -> bool:
    """Whether an enum's values are the same objects each time, or such as nothing can change."""
    own = reference.own_enum_coercion(type_)
    try:
        return own is None or all(isinstance(own(name), _IMMUTABLE) for name in type_.values)
    except Exception:
        return False

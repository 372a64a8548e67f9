"""What is asked of the types of arguments and input fields."""

from __future__ import annotations

from typing import Any

from graphql import GraphQLInputObjectType, get_named_type, get_nullable_type, is_list_type

from gateway.cost.weights import Names


def named_input(type_: Any) -> GraphQLInputObjectType | None:
    """The input object at the bottom of a type; None where there is none."""
    named_type = get_named_type(type_)
    return named_type if isinstance(named_type, GraphQLInputObjectType) else None


def out_names(element: Any, path: Names) -> Names:
    """The keys of a coerced value that the names of a path stand for."""
    keys, type_ = [], named_input(element.type) if element is not None else None
    for name in path:
        field = type_.fields.get(name) if type_ is not None else None
        keys.append((field.out_name if field is not None else None) or name)
        type_ = named_input(field.type) if field is not None else None
    return tuple(keys)


def is_sized(type_: Any) -> bool:
    """Whether a value of an argument's type is a size: an Int, or a list that has a length."""
    type_ = get_nullable_type(type_)
    return is_list_type(type_) or getattr(type_, "name", "") == "Int"

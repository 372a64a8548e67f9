"""Literals of lists and input objects: what of them is known with the plan, and how the rest is filled in per run.

The functions know only the usual case and give `WRONG` for anything else: graphql-core's own coercion then decides.
Where a scalar, an enum or an input object runs a function of the user's, nothing is known with the plan.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLSchema,
    ListValueNode,
    NullValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    Undefined,
    ValueNode,
    VariableNode,
    is_input_object_type,
    is_list_type,
    is_non_null_type,
    is_required_input_field,
    specified_scalar_types,
    type_from_ast,
)

from gateway.graph.resolvers import fresh
from gateway.runtime import reference
from gateway.runtime.argument_types import is_own_leaf

Fill = Callable[[dict[str, Any]], Any]
"""A value from the coerced variables: `WRONG`, and `MISSING` for an absent variable."""

MISSING = object()  # the argument is left out
WRONG = object()  # graphql-core is asked for the error


def is_container(value: Any) -> bool:
    """Whether a coerced value is a list or an input object: what a resolver could change."""
    return type(value) is dict or type(value) is list


def is_settled(type_: Any, node: ValueNode) -> bool:
    """Whether a literal without variables has equal values each time, of which `fresh` makes one of a call's own."""
    if is_non_null_type(type_):
        type_ = type_.of_type
    if isinstance(node, NullValueNode):
        return True
    if is_list_type(type_):
        items = node.values if isinstance(node, ListValueNode) else (node,)
        return all(is_settled(type_.of_type, item) for item in items)
    if not is_input_object_type(type_):
        return is_own_leaf(type_)
    if type_.out_type is not GraphQLInputObjectType.out_type or not isinstance(
        node, ObjectValueNode
    ):
        return False
    given = {field.name.value: field.value for field in node.fields}
    return given.keys() <= type_.fields.keys() and all(
        is_settled(type_.fields[name].type, value) for name, value in given.items()
    )


def has_variable(value: ValueNode) -> bool:
    """Whether there is a variable anywhere in a literal."""
    return any(isinstance(node, VariableNode) for node in walk(value))


def walk(value: ValueNode) -> list[ValueNode]:
    """A literal, and all literals in it."""
    found = [value]
    for node in found:
        found += getattr(node, "values", None) or ()
        found += [field.value for field in getattr(node, "fields", None) or ()]
    return found


def compile_literal(type_: Any, node: ValueNode) -> Fill | None:
    """What fills the variables into a literal; None where only graphql-core can."""
    if isinstance(node, VariableNode):
        return _variable(node.name.value, is_non_null_type(type_))
    if not has_variable(node):
        return _constant(type_, node)
    if is_non_null_type(type_):
        type_ = type_.of_type
    if is_list_type(type_):
        return _list(type_, node)
    is_object = is_input_object_type(type_) and isinstance(node, ObjectValueNode)
    return _input_object(type_, node) if is_object else None  # type: ignore[arg-type]


def _constant(type_: Any, node: ValueNode) -> Fill | None:
    if not is_settled(type_, node):
        return None
    try:
        value = reference.constant(type_, node)
    except Exception:
        return None
    if value is Undefined:
        return None
    return (lambda _coerced: fresh(value)) if is_container(value) else lambda _coerced: value


def _variable(name: str, non_null: bool) -> Fill:
    def fill(coerced: dict[str, Any]) -> Any:
        value = coerced.get(name, MISSING)
        if value is Undefined or (non_null and (value is None or value is MISSING)):
            return WRONG
        return fresh(value)

    return fill


def _list(type_: Any, node: ValueNode) -> Fill | None:
    nodes = node.values if isinstance(node, ListValueNode) else (node,)
    fills = [compile_literal(type_.of_type, item) for item in nodes]
    if None in fills:
        return None

    def fill_list(coerced: dict[str, Any]) -> Any:
        # A variable that is absent is null in a list.
        items = [None if (item := fill(coerced)) is MISSING else item for fill in fills]  # type: ignore[misc]
        return WRONG if any(item is WRONG for item in items) else items

    return fill_list


def _input_object(type_: GraphQLInputObjectType, node: ObjectValueNode) -> Fill | None:
    given = {field.name.value: field.value for field in node.fields}
    is_own = type_.out_type is GraphQLInputObjectType.out_type and not type_.is_one_of
    if not is_own or not given.keys() <= type_.fields.keys():
        return None
    members: list[tuple[str, Fill | None, Any]] = []
    for name, field in type_.fields.items():
        fill = compile_literal(field.type, given[name]) if name in given else None
        if fill is None and name in given:
            return None
        absent = default_of(field)
        if fill is not None or absent is not MISSING:
            members.append((field.out_name or name, fill, absent))

    def fill_object(coerced: dict[str, Any]) -> Any:
        filled: dict[str, Any] = {}
        for name, fill, absent in members:
            value = MISSING if fill is None else fill(coerced)
            if value is MISSING:
                value = fresh(absent)
            if value is WRONG:
                return WRONG
            if value is not MISSING:
                filled[name] = value
        return filled

    return fill_object


def known_variables(
    schema: GraphQLSchema, operation: OperationDefinitionNode | None
) -> dict[str, bool]:
    """The variables without a default that may be wrong, each with whether its value is there and not null."""
    known = {}
    for node in (operation and operation.variable_definitions) or ():
        type_ = type_from_ast(schema, node.type)
        if node.default_value is None or compile_literal(type_, node.default_value) is not None:
            known[node.variable.name.value] = _is_never_null(type_)
    return known


def _is_never_null(type_: Any) -> bool:
    """Whether no right value of a type is coerced to null; a function of the user's may give it for any."""
    if not is_non_null_type(type_):
        return False
    type_ = type_.of_type
    return is_list_type(type_) or specified_scalar_types.get(type_.name) is type_


def default_of(field: GraphQLArgument | GraphQLInputField) -> Any:
    """What stands for an argument or input field that is not given: its default, or `MISSING`; `WRONG` where it must
    be given, or graphql-core has something to say of the default.
    """
    if is_required_input_field(field):  # type: ignore[arg-type]
        return WRONG
    try:
        value = reference.input_default(field)
    except Exception:
        return WRONG
    return MISSING if value is Undefined else value

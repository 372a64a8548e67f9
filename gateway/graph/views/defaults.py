"""Whether a view shows the default of an argument: one with a value or a field that it hides would tell of it."""

from __future__ import annotations

from typing import Any

from graphql import (
    EnumValueNode,
    GraphQLEnumType,
    GraphQLInputObjectType,
    ListValueNode,
    ObjectValueNode,
    get_named_type,
)

from gateway.graph.views.parts import ViewParts


def is_shown(parts: ViewParts, member: Any) -> bool:
    """Whether the default of an argument or input field, if there is one, names nothing that is hidden."""
    node = getattr(member.ast_node, "default_value", None)
    return node is None or _shows(parts, get_named_type(member.type), node)


def _shows(parts: ViewParts, type_: Any, node: Any) -> bool:
    if isinstance(node, ListValueNode):
        return all(_shows(parts, type_, item) for item in node.values)
    if isinstance(type_, GraphQLEnumType) and isinstance(node, EnumValueNode):
        return node.value in parts.members[type_.name]
    if isinstance(type_, GraphQLInputObjectType) and isinstance(node, ObjectValueNode):
        members = parts.members[type_.name]
        return all(
            field.name.value in members
            and _shows(parts, get_named_type(members[field.name.value].type), field.value)
            for field in node.fields
        )
    return True

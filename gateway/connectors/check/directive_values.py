"""Holds the values that a connector's directives are given against the types of their definitions.

GraphQL's own rules for schemas stop at the names of arguments: what stands inside them nobody else reads, and
a misspelt member would have no effect.
"""

from __future__ import annotations

from typing import Any, Final

from graphql import (
    BooleanValueNode,
    DirectiveNode,
    GraphQLInputObjectType,
    GraphQLSchema,
    IntValueNode,
    ListValueNode,
    NullValueNode,
    ObjectValueNode,
    StringValueNode,
    ValueNode,
    is_list_type,
    is_non_null_type,
    is_required_input_field,
)

from gateway.connectors.check.mappings import Findings
from gateway.graph.schema import find_directive
from gateway.settings.suggestions import suggest_or_list

LEAVES: Final[dict[str, tuple[type[ValueNode], str]]] = {
    "String": (StringValueNode, "a string"),
    "JSONSelection": (StringValueNode, "a mapping as a string"),
    "URLTemplate": (StringValueNode, "a URL as a string"),
    "Int": (IntValueNode, "an integer"),
    "Boolean": (BooleanValueNode, "true or false"),
}
CODE: Final = "InvalidArgument"
MAX_INT: Final = 2**31 - 1


def _is_count(digits: str) -> bool:
    """Whether an Int says how many: every one of these directives does."""
    return len(digits) <= 10 and 1 <= int(digits) <= MAX_INT


class DirectiveValueCheck:
    """Checks what `@source` and `@connect` are given."""

    def __init__(self, findings: Findings, schema: GraphQLSchema) -> None:
        self.findings = findings
        self.schema = schema

    def check(self, use: DirectiveNode) -> None:
        """Every argument of one use."""
        definition = find_directive(self.schema, use.name.value)
        for argument in use.arguments or ():
            known = definition.args.get(argument.name.value) if definition is not None else None
            if known is not None:
                self._value(argument.name.value, argument.value, known.type)

    def _value(self, name: str, node: ValueNode, kind: Any) -> None:
        if is_non_null_type(kind):
            kind = kind.of_type
        elif isinstance(node, NullValueNode):
            return
        if is_list_type(kind):
            items = node.values if isinstance(node, ListValueNode) else [node]
            for item in items:
                self._value(name, item, kind.of_type)
        elif isinstance(kind, GraphQLInputObjectType):
            self._members(name, node, kind)
        elif kind.name in LEAVES:
            needed, what = LEAVES[kind.name]
            if not isinstance(node, needed):
                self.findings.at(node, CODE, f"`{name}` must be {what}")
            elif isinstance(node, IntValueNode) and not _is_count(node.value):
                self.findings.at(node, CODE, f"`{name}` must be from 1 to {MAX_INT}")

    def _members(self, name: str, node: ValueNode, kind: GraphQLInputObjectType) -> None:
        if not isinstance(node, ObjectValueNode):
            self.findings.at(
                node, CODE, f"`{name}` must be an object: {{ {', '.join(kind.fields)} }}"
            )
            return
        for member in node.fields or ():
            known = kind.fields.get(member.name.value)
            if known is not None:
                self._value(f"{name}.{member.name.value}", member.value, known.type)
                continue
            hint = suggest_or_list(member.name.value, kind.fields)
            message = f"`{name}` has no member `{member.name.value}`"
            self.findings.at(member, CODE, message, hint)
        given = {member.name.value for member in node.fields or ()}
        for required, field in kind.fields.items():
            if required not in given and is_required_input_field(field):
                self.findings.at(node, CODE, f"`{name}` needs a member `{required}`")

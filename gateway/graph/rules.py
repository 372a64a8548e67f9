"""The directives of authorization as the SDL uses them: what a use means, and which uses mean nothing.

GraphQL's rules for schemas do not hold a directive's arguments against their types, and a schema may define a directive
of its own for other places. A rule that is not understood, or stands where nothing looks, would protect nothing: each
is an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from graphql import (
    DirectiveDefinitionNode,
    DirectiveNode,
    DocumentNode,
    EnumTypeDefinitionNode,
    EnumTypeExtensionNode,
    FieldDefinitionNode,
    InterfaceTypeDefinitionNode,
    InterfaceTypeExtensionNode,
    ListValueNode,
    Node,
    ObjectTypeDefinitionNode,
    ObjectTypeExtensionNode,
    ScalarTypeDefinitionNode,
    ScalarTypeExtensionNode,
    StringValueNode,
    UnionTypeDefinitionNode,
    UnionTypeExtensionNode,
    Visitor,
    print_ast,
    visit,
)

from gateway.auth.decisions import Rule
from gateway.errors import Diagnostic
from gateway.graph.sdl import keys_without, place_of

KINDS = {"requiresScopes": ("scopes", "scopes"), "policy": ("policies", "policies")}
PROTECTED = (
    FieldDefinitionNode,
    ObjectTypeDefinitionNode, ObjectTypeExtensionNode,
    InterfaceTypeDefinitionNode, InterfaceTypeExtensionNode,
    UnionTypeDefinitionNode, UnionTypeExtensionNode,
    ScalarTypeDefinitionNode, ScalarTypeExtensionNode,
    EnumTypeDefinitionNode, EnumTypeExtensionNode,
)  # fmt: skip


def rule_of(name: str, use: DirectiveNode) -> Rule:
    """One use of a directive. What it cannot mean is allowed to nobody."""
    if name == "authenticated":
        return Rule("authenticated")
    kind, argument = KINDS[name]
    value = next((a.value for a in use.arguments or () if a.name.value == argument), None)
    alternatives = (_names_in(item) for item in _items(value))
    return Rule(kind, frozenset(filter(None, alternatives)))  # type: ignore[arg-type]


def _names_in(value: Any) -> frozenset[str]:
    """What one alternative asks for; nothing where it is not understood as a whole."""
    names = [item.value if isinstance(item, StringValueNode) else "" for item in _items(value)]
    return frozenset(names) if all(names) else frozenset()


def _items(value: Any) -> Iterable[Any]:
    """The items of a list; one value stands for a list of it. §3.12"""
    return value.values if isinstance(value, ListValueNode) else () if value is None else (value,)


_TO_DIRECTIVES = keys_without(
    "name", "description", "type", "types", "interfaces", "default_value", "value", "locations"
)


def check_rules(
    document: DocumentNode, names: Mapping[str, str], *, is_decided: bool = True
) -> list[Diagnostic]:
    """An error for each use and each definition that would not protect what it seems to.

    Args:
        document: The SDL.
        names: What the directives are called.
        is_decided: Whether a function decides policies; else a warning says who is denied what.
    """
    found = _Guards(names)
    visit(document, found, _TO_DIRECTIVES)
    if found.findings or found.policy is None or is_decided:
        return found.findings
    message = "@policy is used, and no function decides policies: what is under it is denied to all"
    hint = "decide them in Python, by a function with @policy_resolver"
    warned = Diagnostic(message, "NobodyIsKnown", *place_of(found.policy), hint, "warning")
    return [*found.findings, warned]


class _Guards(Visitor):
    """Looks at every use, wherever it stands."""

    def __init__(self, names: Mapping[str, str]) -> None:
        super().__init__()
        self._names = names
        self.findings: list[Diagnostic] = []
        self.policy: DirectiveNode | None = None

    def enter_directive(
        self, use: DirectiveNode, _key: Any, _parent: Any, _path: Any, ancestors: list[Any]
    ) -> None:
        """Where it stands, and what it asks for."""
        name = self._names.get(use.name.value)
        if name is None:
            return
        if name == "policy" and self.policy is None:
            self.policy = use
        bearer = next(node for node in reversed(ancestors) if isinstance(node, Node))
        if not isinstance(bearer, PROTECTED):
            what = bearer.kind.replace("_", " ").removesuffix(" definition")
            hint = "put it on fields, or on object types, interfaces, unions, scalars or enums"
            self._add(use, f"@{use.name.value} protects nothing here: {what}", hint)
        for problem in _problems(name, use):
            self._add(use, f"@{use.name.value}: {problem}", f"write {_example(name)}")

    def enter_directive_definition(self, node: DirectiveDefinitionNode, *_: Any) -> None:
        """Whether a schema's own definition has the arguments that are read."""
        name = self._names.get(node.name.value)
        if name is None:
            return
        arguments = {one.name.value: print_ast(one.type) for one in node.arguments or ()}
        wanted = {KINDS[name][1]} if name in KINDS else set()
        if arguments.keys() != wanted or not all(t.startswith("[[") for t in arguments.values()):
            shown = f"({', '.join(f'{one}: [[String!]!]!' for one in wanted)})" if wanted else ""
            self._add(
                node,
                f"@{node.name.value} is defined with other arguments than those that are read",
                f"define it as `directive @{node.name.value}{shown} on …`, or leave the definition out",
            )

    def _add(self, node: Node, message: str, hint: str) -> None:
        file, line, column = place_of(node)
        self.findings.append(Diagnostic(message, "MeaninglessRule", file, line, column, hint))


def _problems(name: str, use: DirectiveNode) -> Iterator[str]:
    if name not in KINDS:
        return
    argument = KINDS[name][1]
    value = next((a.value for a in use.arguments or () if a.name.value == argument), None)
    if value is None:
        yield f"`{argument}` is missing"
        return
    alternatives = list(_items(value))
    if not alternatives:
        yield f"`{argument}` is empty"
    for alternative in alternatives:
        asked = list(_items(alternative))
        if not asked:
            yield f"an alternative of `{argument}` is empty: it would let everybody in"
        for item in asked:
            if not isinstance(item, StringValueNode) or not item.value.strip():
                yield f"`{argument}` holds {print_ast(item)}, which is not a name in quotes"
            elif argument == "scopes" and re.search(r"\s", item.value):  # RFC 6749 §3.3
                yield f"`{argument}` holds {print_ast(item)}, and a scope is one word: nobody has this one"


def _example(name: str) -> str:
    kind, argument = KINDS[name]
    one = "read" if kind == "scopes" else "owner"
    return f'@{name}({argument}: [["{one}"]])'

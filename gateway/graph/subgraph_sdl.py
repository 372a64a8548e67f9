"""What a subgraph tells its router: the schema as it was written, without what only the gateway reads.

Connectors and the gateway's own directives are taken out, a router composes none of them; a `@link` to federation 2
is put in where there is none, since a router takes the schema for federation 1 without it.

Source: Apollo Federation subgraph specification, "Query._service".
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from graphql import (
    REMOVE,
    DirectiveDefinitionNode,
    DirectiveNode,
    DocumentNode,
    Node,
    Visitor,
    parse,
    print_ast,
    specified_directives,
    visit,
)

from gateway.graph.accepted import linked, without_repeats
from gateway.graph.builtin import CONNECT_URL, FEDERATION_URL, connector_names, federation_names

VERSION = "v2.9"
# Of federation 2.9; `@link` is of its own specification.
IMPORTED = frozenset({
    "key", "shareable", "external", "requires", "provides", "extends", "interfaceObject", "composeDirective",
    "override", "tag", "inaccessible", "authenticated", "requiresScopes", "policy", "cost", "listSize",
})  # fmt: skip


def subgraph_sdl(document: DocumentNode, taken_out: Collection[DirectiveNode] = ()) -> str:
    """The text of a schema's document for a router, as it was written: `extend type User` says whose `User` is.

    Args:
        document: As it was written.
        taken_out: Uses that mean something to the gateway alone: its own `@override`s.
    """
    document = without_repeats(document)
    own = {
        node.name.value
        for node in document.definitions
        if isinstance(node, DirectiveDefinitionNode)
    }
    connectors = set(connector_names(document).values())
    is_linked = linked(document, (FEDERATION_URL,)) is not None
    known = {directive.name for directive in specified_directives} | {"link"} | IMPORTED
    known |= federation_names(document, IMPORTED).keys()
    kept = (own | known) - connectors
    stripped = _Stripped(kept, taken_out, keeps_prefixed=is_linked)
    shown: DocumentNode = visit(document, stripped)
    text = print_ast(shown)
    if is_linked:
        return text
    names = ", ".join(f'"@{name}"' for name in sorted(stripped.used & IMPORTED))
    link = f'extend schema @link(url: "{FEDERATION_URL}{VERSION}", import: [{names}])'
    return print_ast(parse(link)) + "\n\n" + text


class _Stripped(Visitor):
    """A document without the uses of directives that are not kept."""

    def __init__(
        self, kept: set[str], taken_out: Collection[DirectiveNode], *, keeps_prefixed: bool
    ) -> None:
        super().__init__()
        self._kept = kept
        self._taken_out = {id(use) for use in taken_out}
        self._keeps_prefixed = keeps_prefixed
        self.used: set[str] = set()

    def leave_directive(self, node: DirectiveNode, *_: Any) -> Any:
        """Take a use out."""
        name = node.name.value
        if id(node) in self._taken_out:
            return REMOVE
        if name == "link" and any(_starts(argument) for argument in node.arguments or ()):
            return REMOVE
        if name in self._kept or (self._keeps_prefixed and name.startswith("federation__")):
            self.used.add(name)
            return None
        return REMOVE

    def leave_schema_extension(self, node: Node, *_: Any) -> Any:
        """Take out an extension of which nothing is left."""
        parts = ("directives", "operation_types", "interfaces", "fields", "types", "values")
        return None if any(getattr(node, part, None) for part in parts) else REMOVE

    leave_scalar_type_extension = leave_object_type_extension = leave_schema_extension
    leave_interface_type_extension = leave_union_type_extension = leave_schema_extension
    leave_enum_type_extension = leave_input_object_type_extension = leave_schema_extension


def _starts(argument: Any) -> bool:
    return str(getattr(argument.value, "value", "")).startswith(CONNECT_URL)

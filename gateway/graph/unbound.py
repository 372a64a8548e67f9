"""What the schema asks for and nothing gives: directives that no class binds, abstract types that nobody tells apart.

It reads the schema and the marks, and changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from graphql import (
    DirectiveDefinitionNode,
    DirectiveNode,
    DocumentNode,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    ListValueNode,
    Node,
    SchemaDefinitionNode,
    SchemaExtensionNode,
    StringValueNode,
    Visitor,
    get_named_type,
    specified_directives,
    visit,
)

from gateway.errors import Diagnostic
from gateway.graph.builtin import built_in_definitions
from gateway.graph.register import Mark
from gateway.graph.sdl import place_of

OF_OPERATIONS = frozenset({
    "QUERY", "MUTATION", "SUBSCRIPTION", "FIELD", "FRAGMENT_DEFINITION", "FRAGMENT_SPREAD",
    "INLINE_FRAGMENT", "VARIABLE_DEFINITION",
})  # fmt: skip
OF_PYTHON = ("resolver", "batch_resolver", "subscription")


def unbound_directives(document: DocumentNode, marks: Sequence[Mark]) -> list[Diagnostic]:
    """A warning for each directive of the schema's own that is used, and that no class binds."""
    bound = {mark.name for mark in marks if mark.kind == "schema_directive"}
    known = {directive.name for directive in specified_directives}
    known |= {
        definition.name.value
        for definition in built_in_definitions(document)
        if isinstance(definition, DirectiveDefinitionNode)
    }
    own = (
        {
            node.name.value
            for node in document.definitions
            if isinstance(node, DirectiveDefinitionNode)
            and not {location.value for location in node.locations} <= OF_OPERATIONS
            and "__" not in node.name.value
        }
        - bound
        - known
        - _imported(document)
    )
    uses = _Uses(own)
    if own:  # a walk over a large schema takes a second
        visit(document, uses)
    found = []
    for name, nodes in uses.found.items():
        file, line, column = place_of(nodes[0])
        more = f", here and at {len(nodes) - 1} more places" if len(nodes) > 1 else ""
        message = f"@{name} does nothing{more}: no class is bound to it"
        hint = f'@schema_directive("{name}") binds one'
        found.append(Diagnostic(message, "UnboundDirective", file, line, column, hint, "warning"))
    return found


def _imported(document: DocumentNode) -> set[str]:
    """The directives that another specification gives: those that a `@link` imports."""
    names = _Imports()
    for node in document.definitions:
        if isinstance(node, SchemaDefinitionNode | SchemaExtensionNode):
            visit(node, names)
    return names.found


class _Imports(Visitor):
    """What `@link` imports."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def enter_directive(self, node: DirectiveNode, *_: object) -> None:
        """A use of `@link`: every text of its import list that is a directive's name."""
        imports = next((a.value for a in node.arguments or () if a.name.value == "import"), None)
        if node.name.value == "link" and isinstance(imports, ListValueNode):
            texts = _Texts()
            visit(imports, texts)
            self.found |= {text[1:] for text in texts.found if text.startswith("@")}


class _Texts(Visitor):
    """The texts of a value."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def enter_string_value(self, node: StringValueNode, *_: object) -> None:
        """A text."""
        self.found.append(node.value)


class _Uses(Visitor):
    """Where directives are used."""

    def __init__(self, names: set[str]) -> None:
        super().__init__()
        self.names = names
        self.found: dict[str, list[Node]] = {}

    def enter_directive(self, node: DirectiveNode, *_: object) -> None:
        """A use."""
        if node.name.value in self.names:
            self.found.setdefault(node.name.value, []).append(node)


def unresolved_types(schema: GraphQLSchema, marks: Sequence[Mark]) -> list[Diagnostic]:
    """A note for each interface and union whose values are Python's, and whose types only their `__typename` tells."""
    resolved = {mark.name for mark in marks if mark.kind == "type_resolver"}
    found: dict[str, Diagnostic] = {}
    for mark in marks:
        owner = schema.type_map.get(mark.name.partition(".")[0])
        if mark.kind not in OF_PYTHON or not isinstance(owner, GraphQLObjectType):
            continue
        field = owner.fields.get(mark.name.partition(".")[2])
        kind = get_named_type(field.type) if field is not None else None
        if not isinstance(kind, GraphQLInterfaceType | GraphQLUnionType):
            continue
        if kind.name in resolved or kind.name in found or kind.resolve_type is not None:
            continue
        file, line, column = place_of(kind.ast_node)
        message = (
            f"values of {kind.name} that {mark.name} gives have to say their type by `__typename`"
        )
        hint = f'@type_resolver("{kind.name}") says it for them'
        found[kind.name] = Diagnostic(message, "NoTypeResolver", file, line, column, hint, "note")
    return list(found.values())

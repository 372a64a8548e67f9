"""Holds a connector's `selection` against the GraphQL type that it makes.

Source: connectors.md §18: SelectedFieldNotFound, GroupSelection…, CircularReference, …
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphql import (
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    is_leaf_type,
)

from gateway.connectors.directives import SchemaText
from gateway.connectors.mapping.nodes import (
    Braces,
    Group,
    Inline,
    Input,
    MappedField,
    MappingSelection,
    MethodCall,
    Path,
)
from gateway.settings.suggestions import suggest

Report = Callable[..., None]
TYPENAME = "__typename"


class SelectionCheck:
    """Checks selections; findings go to `report(text, offset, code, message, hint, severity)`.

    What v0.1 and v0.2 do not check has the severity `mild`.
    """

    def __init__(self, schema: GraphQLSchema, report: Report, mild: str) -> None:
        self.schema = schema
        self.report = report
        self.mild = mild
        self.row_key: str | None = None

    def check(
        self,
        text: SchemaText,
        selection: MappingSelection,
        kind: GraphQLNamedType,
        row_key: str | None = None,
    ) -> None:
        """Check one selection against the named type of what it makes.

        Args:
            row_key: The member that `groupBy` names; the type need not have it.
        """
        self.row_key = row_key
        path = selection.value_path
        if is_leaf_type(kind):
            if path is None and kind.name in ("String", "ID", "Int", "Float", "Boolean"):
                hint = (
                    f"write `$.{text.value.strip()}`" if text.value.strip().isidentifier() else None
                )
                message = f"this gives an object, and {kind.name} is a value"
                code = "GroupSelectionIsNotObject"
                self.report(text, selection.start, code, message, hint, self.mild)
            return
        braces = selection.braces if path is None else path.braces
        if braces is not None:
            self._abstract(text, braces, kind)
            self._braces(text, braces, kind, (kind.name,))
        elif path is not None and _is_known(path):
            message = f"{kind.name} is an object: say which fields it takes"
            hint = "add `{ … }` with the fields"
            self.report(text, selection.start, "GroupSelectionRequiredForObject", message, hint)

    def _braces(
        self, text: SchemaText, braces: Braces, kind: GraphQLNamedType, around: tuple[str, ...]
    ) -> None:
        fields = self._fields(kind)
        for item in braces.items:
            if isinstance(item, Inline):
                if item.path.braces is not None:
                    self._braces(text, item.path.braces, kind, around)
                continue
            if item.name == TYPENAME:
                continue
            field = fields.get(item.name)
            if field is None:
                if item.name == self.row_key and len(around) == 1:
                    continue
                hint = suggest(item.name, fields)
                message = f"`{item.name}` is not a field of {kind.name}"
                self.report(text, item.start, "SelectedFieldNotFound", message, hint)
                continue
            if field.args:
                message = f"{kind.name}.{item.name} has arguments: no selection can supply it"
                hint = "give the field a @connect or a resolver of its own"
                self.report(text, item.start, "ConnectorsFieldWithArguments", message, hint)
            self._member(text, item, kind, get_named_type(field.type), around)

    def _member(
        self,
        text: SchemaText,
        item: MappedField | Group,
        owner: GraphQLNamedType,
        kind: GraphQLNamedType,
        around: tuple[str, ...],
    ) -> None:
        inner = item.braces if isinstance(item, Group) else item.path.braces
        if inner is None:
            if not is_leaf_type(kind) and isinstance(item, MappedField) and _is_known(item.path):
                message = f"{owner.name}.{item.name} is an object: say which fields it takes"
                hint = f"write `{item.name} {{ … }}`"
                self.report(text, item.start, "GroupSelectionRequiredForObject", message, hint)
            return
        if is_leaf_type(kind):
            if kind.name in ("String", "ID", "Int", "Float", "Boolean"):
                message = f"{owner.name}.{item.name} is a {kind.name}, not an object"
                code = "GroupSelectionIsNotObject"
                self.report(text, item.start, code, message, None, self.mild)
        elif kind.name in around and _descends(inner, kind, self._fields(kind)):
            message = f"{' → '.join((*around, kind.name))} contains itself in one selection"
            self.report(text, item.start, "CircularReference", message)
        else:
            self._abstract(text, inner, kind)
            self._braces(text, inner, kind, (*around, kind.name))

    def _abstract(self, text: SchemaText, braces: Braces, kind: GraphQLNamedType) -> None:
        """§17.4: a mapping must tell the type, where Python does not."""
        if not isinstance(kind, GraphQLInterfaceType | GraphQLUnionType):
            return
        if kind.resolve_type is None and not _names_type(braces):
            message = f"it is unknown which type of {kind.name} an object is"
            hint = "map `__typename`, for instance by ->match, or give the type a @type_resolver"
            code = "ConnectorsUnsupportedAbstractType"
            self.report(text, braces.start, code, message, hint)

    def _fields(self, kind: GraphQLNamedType) -> dict[str, Any]:
        if isinstance(kind, GraphQLObjectType):
            return dict(kind.fields)
        if isinstance(kind, GraphQLInterfaceType | GraphQLUnionType):
            return {
                name: field
                for member in self.schema.get_possible_types(kind)
                for name, field in member.fields.items()
            }
        return {}


def _is_known(path: Path) -> bool:
    """Whether a path only takes a value from the answer: what methods and literals make is not known."""
    return isinstance(path.origin, Input) and not any(isinstance(s, MethodCall) for s in path.steps)


def _names_type(braces: Braces) -> bool:
    """Whether braces give a `__typename`, or might: what an inlined path holds is not always known."""
    return any(
        (item.path.braces is None or _names_type(item.path.braces))
        if isinstance(item, Inline)
        else item.name == TYPENAME
        for item in braces.items
    )


def _descends(braces: Braces, kind: GraphQLNamedType, fields: dict[str, Any]) -> bool:
    """Whether the braces hold more of the type than a reference to it by its leaves."""
    return any(
        not isinstance(item, Inline)
        and (field := fields.get(item.name)) is not None
        and get_named_type(field.type).name == kind.name
        for item in braces.items
    )

"""A plain document's text to graphql-core's syntax tree, in less than half the time of graphql-core's parser.

It gives the tree that graphql-core gives, or none: then graphql-core's parser reads the text, and only it refuses.
Plain is what clients send: operations and fragments without descriptions, whose tokens `text` knows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from graphql import (
    ArgumentNode,
    BooleanValueNode,
    DirectiveNode,
    DocumentNode,
    EnumValueNode,
    FieldNode,
    FloatValueNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    IntValueNode,
    ListTypeNode,
    ListValueNode,
    NamedTypeNode,
    NameNode,
    NonNullTypeNode,
    NullValueNode,
    ObjectFieldNode,
    ObjectValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    StringValueNode,
    VariableDefinitionNode,
    VariableNode,
)

from gateway.language.quick.doubt import Doubt, doubt
from gateway.language.quick.text import (
    INTEGER,
    NUMBER,
    PlainLocation,
    PlainSource,
    PlainTokens,
    WholeLocation,
)

MAX_LEVELS = 60
"""Selections, values and types within each other; graphql-core ends at 200."""

OPERATIONS = {kind.value: kind for kind in OperationType}
KEYWORDS: dict[str, Callable[[PlainLocation], Any]] = {
    "true": lambda loc: BooleanValueNode(value=True, loc=loc),
    "false": lambda loc: BooleanValueNode(value=False, loc=loc),
    "null": lambda loc: NullValueNode(loc=loc),
}
NAME_STARTS = frozenset("_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
NUMBER_STARTS = frozenset("-0123456789")
T = TypeVar("T")
N = TypeVar("N", ArgumentNode, ObjectFieldNode)


def parse_plain(text: str, max_tokens: int) -> DocumentNode | None:
    """The syntax tree of a plain document; None where graphql-core has to look.

    Args:
        text: The document.
        max_tokens: How many it may have.
    """
    try:
        tokens = PlainTokens(text)
        if tokens.count > max_tokens:
            return None
        return PlainParser(tokens, PlainSource(text)).document()
    except Doubt:
        return None


class PlainParser:
    """Reads one document. Each method reads what its name says, from `at` on.

    Attributes:
        nodes: How many were made, the document among them.

    Errors: Doubt for whatever it does not expect.
    """

    def __init__(self, tokens: PlainTokens, source: PlainSource) -> None:
        self.texts = tokens.texts
        self.starts = tokens.starts
        self.ends = tokens.ends
        self.count = tokens.count
        self.source = source
        self.at = 0
        self.nodes = 1
        self.levels = MAX_LEVELS

    def document(self) -> DocumentNode:
        definitions: list[Any] = []
        while self.texts[self.at] or not definitions:
            definitions.append(self.definition())
        loc = WholeLocation(0, len(self.source.body), self.source)
        document = DocumentNode(definitions=tuple(definitions), loc=loc)
        object.__setattr__(document, "token_count", self.count)
        self.source.node_count = self.nodes
        return document

    def definition(self) -> OperationDefinitionNode | FragmentDefinitionNode:
        start, text = self.at, self.texts[self.at]
        if text == "fragment":
            self.at += 1
            name = self.fragment_name()
            self.expect("on")
            return FragmentDefinitionNode(
                description=None,
                name=name,
                variable_definitions=(),
                type_condition=self.named_type(),
                directives=self.directives(),
                selection_set=self.selection_set(),
                loc=self.loc(start),
            )
        if text == "{":
            return OperationDefinitionNode(
                operation=OperationType.QUERY,
                description=None,
                name=None,
                variable_definitions=None,
                directives=None,
                selection_set=self.selection_set(),
                loc=self.loc(start),
            )
        operation = OPERATIONS.get(text) or doubt()
        self.at += 1
        return OperationDefinitionNode(
            operation=operation,
            description=None,
            name=self.name() if self.texts[self.at][:1] in NAME_STARTS else None,
            variable_definitions=self.some("(", self.variable_definition, ")"),
            directives=self.directives(),
            selection_set=self.selection_set(),
            loc=self.loc(start),
        )

    def variable_definition(self) -> VariableDefinitionNode:
        start = self.at
        variable = self.variable()
        self.expect(":")
        type_ = self.type_reference()
        default = None
        if self.texts[self.at] == "=":
            self.at += 1
            default = self.value(is_const=True)
        return VariableDefinitionNode(
            description=None,
            variable=variable,
            type=type_,
            default_value=default,
            directives=self.directives(is_const=True),
            loc=self.loc(start),
        )

    def type_reference(self) -> Any:
        start = self.at
        type_: Any
        if self.texts[start] == "[":
            self.at += 1
            self.levels -= 1
            inner = self.type_reference() if self.levels else doubt()
            self.levels += 1
            self.expect("]")
            type_ = ListTypeNode(type=inner, loc=self.loc(start))
        else:
            type_ = self.named_type()
        if self.texts[self.at] == "!":
            self.at += 1
            return NonNullTypeNode(type=type_, loc=self.loc(start))
        return type_

    def named_type(self) -> NamedTypeNode:
        name = self.name()
        self.nodes += 1
        return NamedTypeNode(name=name, loc=name.loc)

    # Selections

    def selection_set(self) -> SelectionSetNode:
        start = self.at
        self.expect("{")
        self.levels -= 1
        if not self.levels or self.texts[self.at] == "}":
            doubt()
        texts, selections = self.texts, []
        while texts[self.at] != "}":
            is_spread = texts[self.at] == "..."
            selections.append(self.spread() if is_spread else self.field())
        self.at += 1
        self.levels += 1
        return SelectionSetNode(selections=tuple(selections), loc=self.loc(start))

    def field(self) -> FieldNode:
        texts, start = self.texts, self.at
        name, alias = self.name(), None
        if texts[self.at] == ":":
            self.at += 1
            name, alias = self.name(), name
        text = texts[self.at]
        arguments = directives = selection_set = None
        if text == "(":
            arguments = self.arguments()
            text = texts[self.at]
        if text == "@":
            directives = self.directives()
            text = texts[self.at]
        if text == "{":
            selection_set = self.selection_set()
        return FieldNode(
            alias=alias,
            name=name,
            arguments=arguments,
            directives=directives,
            selection_set=selection_set,
            loc=self.loc(start),
        )

    def spread(self) -> FragmentSpreadNode | InlineFragmentNode:
        start = self.at
        self.at += 1
        text = self.texts[self.at]
        if text != "on" and text[:1] in NAME_STARTS:
            return FragmentSpreadNode(
                name=self.name(), directives=self.directives(), loc=self.loc(start)
            )
        condition = None
        if text == "on":
            self.at += 1
            condition = self.named_type()
        return InlineFragmentNode(
            type_condition=condition,
            directives=self.directives(),
            selection_set=self.selection_set(),
            loc=self.loc(start),
        )

    def fragment_name(self) -> NameNode:
        return doubt() if self.texts[self.at] == "on" else self.name()

    # Arguments and values

    def directives(self, *, is_const: bool = False) -> Any:
        found = []
        while self.texts[self.at] == "@":
            start = self.at
            self.at += 1
            name, arguments = self.name(), self.arguments(is_const=is_const)
            found.append(DirectiveNode(name=name, arguments=arguments, loc=self.loc(start)))
        return tuple(found) if found else None

    def named_value(self, kind: type[N], *, is_const: bool = False) -> N:
        """An argument, or a field of an input object."""
        start = self.at
        name = self.name()
        self.expect(":")
        return kind(name=name, value=self.value(is_const=is_const), loc=self.loc(start))

    def arguments(self, *, is_const: bool = False) -> tuple[ArgumentNode, ...] | None:
        return self.some("(", lambda: self.named_value(ArgumentNode, is_const=is_const), ")")

    def value(self, *, is_const: bool = False) -> Any:
        text = self.texts[self.at]
        first = text[:1]
        if first == "$":
            return doubt() if is_const else self.variable()
        if first == "[" or first == "{":
            self.levels -= 1
            value = self.composite(first, is_const=is_const) if self.levels else doubt()
            self.levels += 1
            return value
        loc = self.next()
        if first == '"':
            return StringValueNode(value=text[1:-1], block=False, loc=loc)
        if first in NUMBER_STARTS:
            if INTEGER.fullmatch(text):
                return IntValueNode(value=text, loc=loc)
            return FloatValueNode(value=text, loc=loc) if NUMBER.fullmatch(text) else doubt()
        if first not in NAME_STARTS:
            doubt()
        keyword = KEYWORDS.get(text)
        return keyword(loc) if keyword is not None else EnumValueNode(value=text, loc=loc)

    def composite(self, first: str, *, is_const: bool) -> ListValueNode | ObjectValueNode:
        start = self.at
        self.at += 1
        items: list[Any] = []
        end = "]" if first == "[" else "}"
        while self.texts[self.at] != end:
            if first == "[":
                items.append(self.value(is_const=is_const))
            else:
                items.append(self.named_value(ObjectFieldNode, is_const=is_const))
        self.at += 1
        if first == "[":
            return ListValueNode(values=tuple(items), loc=self.loc(start))
        return ObjectValueNode(fields=tuple(items), loc=self.loc(start))

    def variable(self) -> VariableNode:
        start = self.at
        self.expect("$")
        return VariableNode(name=self.name(), loc=self.loc(start))

    # Tokens

    def name(self) -> NameNode:
        text = self.texts[self.at]
        if text[:1] not in NAME_STARTS:
            doubt()
        return NameNode(value=text, loc=self.next())

    def some(self, first: str, item: Callable[[], T], last: str) -> tuple[T, ...] | None:
        """At least one item in brackets; None where there are no brackets."""
        if self.texts[self.at] != first:
            return None
        self.at += 1
        items = [item()]
        while self.texts[self.at] != last:
            items.append(item())
        self.at += 1
        return tuple(items)

    def expect(self, text: str) -> None:
        if self.texts[self.at] != text:
            doubt()
        self.at += 1

    def next(self) -> PlainLocation:
        """Where the next token is, which is taken."""
        at = self.at
        self.at = at + 1
        self.nodes += 1
        return PlainLocation(self.starts[at], self.ends[at], self.source)

    def loc(self, start: int) -> PlainLocation:
        """From a token up to the last one that was taken."""
        self.nodes += 1
        return PlainLocation(self.starts[start], self.ends[self.at - 1], self.source)

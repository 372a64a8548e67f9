"""`@link`, `@source` and `@connect` as they stand in the schema, to plain data that knows its places.

It reads the AST and builds nothing: mappings stay text, and what is wrong with them is for `check`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from graphql import (
    BooleanValueNode,
    DirectiveNode,
    DocumentNode,
    IntValueNode,
    ListValueNode,
    Node,
    ObjectTypeDefinitionNode,
    ObjectTypeExtensionNode,
    ObjectValueNode,
    SchemaDefinitionNode,
    SchemaExtensionNode,
    StringValueNode,
    ValueNode,
)

from gateway.graph.builtin import CONNECT_URL, connect_link, connector_names

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
NEWEST = "0.3"
KNOWN_VERSIONS = ("0.1", "0.2", "0.3", "0.4")
UNTYPED = ("0.1", "0.2")
"""Versions whose mappings have no types: what is only left out at run time is a warning there."""


@dataclass(frozen=True, slots=True)
class SchemaText:
    """A string of the schema: its value, and the node that says where it stands."""

    value: str
    node: StringValueNode = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Header:
    """One entry of `headers`: `from_` names a header of the client, `value` is a template."""

    name: str
    from_: str | None
    value: SchemaText | None
    node: Node = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Errors:
    """`errors` and `isSuccess` of a source or a connector."""

    message: SchemaText | None = None
    extensions: SchemaText | None = None
    is_success: SchemaText | None = None


@dataclass(frozen=True, slots=True)
class SourceDirective:
    """One `@source`."""

    name: str
    base_url: SchemaText
    headers: tuple[Header, ...]
    path: SchemaText | None
    query_params: SchemaText | None
    errors: Errors
    node: DirectiveNode = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Connect:
    """One `@connect`.

    Attributes:
        coordinate: `Query.posts` for a field, `Post` for a type.
        index: Its number among those of the coordinate.
        methods: Every method that is given; a right one has one.
    """

    coordinate: str
    index: int
    source: str | None
    id: str | None
    methods: dict[str, SchemaText]
    body: SchemaText | None
    headers: tuple[Header, ...]
    path: SchemaText | None
    query_params: SchemaText | None
    errors: Errors
    selection: SchemaText | None
    entity: bool | None
    max_size: int | None
    group_by: str | None
    has_http: bool
    node: DirectiveNode = field(repr=False, compare=False)

    @property
    def on_type(self) -> bool:
        """Whether it stands on a type rather than on a field."""
        return "." not in self.coordinate

    @property
    def method(self) -> str:
        return next(iter(self.methods))

    @property
    def url(self) -> SchemaText:
        return self.methods[self.method]

    @property
    def name(self) -> str:
        """What diagnostics call it."""
        return f"{self.coordinate}#{self.index}" if self.index else self.coordinate


@dataclass(frozen=True, slots=True)
class Directives:
    """All of a schema's connector directives.

    Attributes:
        spec: "0.3": the version that the link names, and the one without a link: v0.4 is a preview.
        version_node: Where an unknown version stands.
    """

    spec: str
    sources: tuple[SourceDirective, ...]
    connects: tuple[Connect, ...]
    unknown_version: tuple[str, Node] | None = None


def read_directives(document: DocumentNode) -> Directives:
    """Read a schema's directives. Whatever is missing is left out: `check` says so."""
    names = connector_names(document)
    spec, unknown = _version(document)
    sources: list[SourceDirective] = []
    connects: list[Connect] = []
    counts: dict[str, int] = {}

    def add(coordinate: str, uses: Sequence[DirectiveNode] | None) -> None:
        for use in uses or ():
            if use.name.value == names["connect"]:
                index = counts.get(coordinate, 0)
                counts[coordinate] = index + 1
                connects.append(_connect(coordinate, index, use))

    for definition in document.definitions:
        if isinstance(definition, SchemaDefinitionNode | SchemaExtensionNode):
            for use in definition.directives or ():
                if use.name.value == names["source"]:
                    sources.append(_source(use))
        elif isinstance(definition, ObjectTypeDefinitionNode | ObjectTypeExtensionNode):
            owner = definition.name.value
            add(owner, definition.directives)
            for item in definition.fields or ():
                add(f"{owner}.{item.name.value}", item.directives)
    return Directives(spec, tuple(sources), tuple(connects), unknown)


def _version(document: DocumentNode) -> tuple[str, tuple[str, Node] | None]:
    link = connect_link(document)
    if link is None:
        return NEWEST, None
    url = _members(link)["url"]
    assert isinstance(url, StringValueNode)
    version = url.value.removeprefix(CONNECT_URL).strip("/").removeprefix("v")
    if version in KNOWN_VERSIONS:
        return version, None
    return NEWEST, (version, url)


def _source(use: DirectiveNode) -> SourceDirective:
    given = _members(use)
    http = _fields(given.get("http"))
    name = given.get("name")
    return SourceDirective(
        name=name.value if isinstance(name, StringValueNode) else "",
        base_url=_text(http.get("baseURL")) or SchemaText("", StringValueNode(value="")),
        headers=tuple(_headers(http.get("headers"))),
        path=_text(http.get("path")),
        query_params=_text(http.get("queryParams")),
        errors=_errors(given),
        node=use,
    )


def _connect(coordinate: str, index: int, use: DirectiveNode) -> Connect:
    given = _members(use)
    http = _fields(given.get("http"))
    batch = _fields(given.get("batch"))
    entity = given.get("entity")
    max_size = batch.get("maxSize")
    methods = {name: text for name in METHODS if (text := _text(http.get(name))) is not None}
    return Connect(
        coordinate=coordinate,
        index=index,
        source=_value(given.get("source")),
        id=_value(given.get("id")),
        methods=methods,
        body=_text(http.get("body")),
        headers=tuple(_headers(http.get("headers"))),
        path=_text(http.get("path")),
        query_params=_text(http.get("queryParams")),
        errors=_errors(given),
        selection=_text(given.get("selection")),
        entity=entity.value if isinstance(entity, BooleanValueNode) else None,
        max_size=_int(max_size),
        group_by=_value(batch.get("groupBy")),
        has_http="http" in given,
        node=use,
    )


def _int(node: ValueNode | None) -> int | None:
    """An Int; what is none, also by its size, is for `check`."""
    return int(node.value) if isinstance(node, IntValueNode) and len(node.value) <= 10 else None


def _errors(given: dict[str, ValueNode]) -> Errors:
    errors = _fields(given.get("errors"))
    return Errors(
        message=_text(errors.get("message")),
        extensions=_text(errors.get("extensions")),
        is_success=_text(given.get("isSuccess")),
    )


def _headers(node: ValueNode | None) -> Iterator[Header]:
    for item in node.values if isinstance(node, ListValueNode) else ():
        members = _fields(item)
        name = _value(members.get("name")) or ""
        yield Header(name, _value(members.get("from")), _text(members.get("value")), item)


def _members(use: DirectiveNode) -> dict[str, ValueNode]:
    return {argument.name.value: argument.value for argument in use.arguments or ()}


def _fields(node: ValueNode | None) -> dict[str, ValueNode]:
    if not isinstance(node, ObjectValueNode):
        return {}
    return {member.name.value: member.value for member in node.fields or ()}


def _text(node: ValueNode | None) -> SchemaText | None:
    return SchemaText(node.value, node) if isinstance(node, StringValueNode) else None


def _value(node: ValueNode | None) -> str | None:
    return node.value if isinstance(node, StringValueNode) else None

"""The definitions that every schema may use without writing them: connector directives and the gateway's own.

They are added to a schema's document before it is built, and taken out of what clients see. A definition
of the same name in the user's schema wins.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

from graphql import (
    DefinitionNode,
    DirectiveDefinitionNode,
    DirectiveNode,
    DocumentNode,
    ListValueNode,
    NameNode,
    ObjectValueNode,
    SchemaDefinitionNode,
    SchemaExtensionNode,
    StringValueNode,
    parse,
)

CONNECT_URL = "https://specs.apollo.dev/connect/"

# Source: Apollo Connectors specification v0.1 to v0.3; `groupBy` is an extension of the gateway.
CONNECTORS = """
directive @source(
  name: String!, http: SourceHTTP!, errors: ConnectorErrors, isSuccess: JSONSelection
) repeatable on SCHEMA

directive @connect(
  source: String, id: String, http: ConnectHTTP, batch: ConnectBatch, errors: ConnectorErrors,
  isSuccess: JSONSelection, selection: JSONSelection, entity: Boolean = false
) repeatable on FIELD_DEFINITION | OBJECT

input SourceHTTP {
  baseURL: String!, headers: [HTTPHeaderMapping!], path: JSONSelection, queryParams: JSONSelection
}
input ConnectHTTP {
  GET: URLTemplate, POST: URLTemplate, PUT: URLTemplate, PATCH: URLTemplate, DELETE: URLTemplate,
  body: JSONSelection, headers: [HTTPHeaderMapping!], path: JSONSelection, queryParams: JSONSelection
}
input HTTPHeaderMapping { name: String!, from: String, value: String }
input ConnectBatch { maxSize: Int, groupBy: String }
input ConnectorErrors { message: JSONSelection, extensions: JSONSelection }
scalar JSONSelection
scalar URLTemplate
"""

# The gateway's own, and those that are accepted so that schemas written for federation load.
COMMON = """
directive @link(
  url: String, import: [LinkImport], as: String, for: LinkPurpose
) repeatable on SCHEMA
scalar LinkImport
enum LinkPurpose { SECURITY EXECUTION }

directive @range(min: Int, max: Int) on ARGUMENT_DEFINITION | INPUT_FIELD_DEFINITION

directive @key(fields: FieldSet!, resolvable: Boolean = true) repeatable on OBJECT | INTERFACE
directive @shareable repeatable on OBJECT | FIELD_DEFINITION
directive @external(reason: String) on OBJECT | FIELD_DEFINITION
directive @requires(fields: FieldSet!) on FIELD_DEFINITION
directive @provides(fields: FieldSet!) on FIELD_DEFINITION
directive @extends on OBJECT | INTERFACE
directive @interfaceObject on OBJECT
directive @composeDirective(name: String!) repeatable on SCHEMA
directive @override(from: String!, label: String) on FIELD_DEFINITION
directive @tag(name: String!) repeatable on FIELD_DEFINITION | INTERFACE | OBJECT | UNION
  | ARGUMENT_DEFINITION | SCALAR | ENUM | ENUM_VALUE | INPUT_OBJECT | INPUT_FIELD_DEFINITION | SCHEMA
directive @inaccessible on FIELD_DEFINITION | INTERFACE | OBJECT | UNION | ARGUMENT_DEFINITION
  | SCALAR | ENUM | ENUM_VALUE | INPUT_OBJECT | INPUT_FIELD_DEFINITION
directive @cacheControl(
  maxAge: Int, scope: CacheControlScope, inheritMaxAge: Boolean
) on FIELD_DEFINITION | OBJECT | INTERFACE | UNION
enum CacheControlScope { PUBLIC PRIVATE }
scalar FieldSet
"""


def built_in_definitions(document: DocumentNode) -> list[DefinitionNode]:
    """The definitions that may be added to `document`.

    The connector directives bear the names under which the document's `@link` imports them:
    `import: [{name: "@connect", as: "@rest"}]` renames one. What a link does not import is `@connect` and
    `@connect__source`, or `@rest` and `@rest__source` by `as: "rest"`. Without a link they have their plain
    names.
    """
    definitions = list(_parsed(COMMON))
    names = connector_names(document)
    for definition in _parsed(CONNECTORS):
        if isinstance(definition, DirectiveDefinitionNode):
            name = names[definition.name.value]
            definitions.append(_renamed(definition, name))
        else:
            definitions.append(definition)
    return definitions


def connector_names(document: DocumentNode) -> dict[str, str]:
    """What `source` and `connect` are called in `document`, without the `@`."""
    link = connect_link(document)
    if link is None:
        return {"source": "source", "connect": "connect"}
    arguments = {argument.name.value: argument.value for argument in link.arguments or ()}
    prefix = _text(arguments.get("as")) or "connect"
    # The directive that bears the specification's own name is not prefixed.
    names = {"source": f"{prefix}__source", "connect": prefix}
    imports = arguments.get("import")
    for item in imports.values if isinstance(imports, ListValueNode) else ():
        if isinstance(item, ObjectValueNode):
            entry = {member.name.value: _text(member.value) for member in item.fields}
            name, alias = entry.get("name"), entry.get("as") or entry.get("name")
        else:
            name = alias = _text(item)
        if name and alias and name.lstrip("@") in names:
            names[name.lstrip("@")] = alias.lstrip("@")
    return names


def connect_link(document: DocumentNode) -> DirectiveNode | None:
    """The `@link` of the document that opts in to connectors."""
    for definition in document.definitions:
        if not isinstance(definition, SchemaDefinitionNode | SchemaExtensionNode):
            continue
        for use in definition.directives or ():
            url = next((a.value for a in use.arguments or () if a.name.value == "url"), None)
            if use.name.value == "link" and (_text(url) or "").startswith(CONNECT_URL):
                return use
    return None


def _text(node: Any) -> str | None:
    return node.value if isinstance(node, StringValueNode) else None


def _renamed(definition: DirectiveDefinitionNode, name: str) -> DirectiveDefinitionNode:
    return replace(definition, name=NameNode(value=name))


@cache
def _parsed(text: str) -> tuple[DefinitionNode, ...]:
    return parse(text, no_location=True).definitions

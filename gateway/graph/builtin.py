"""The definitions that every schema may use without writing them: connector directives and the gateway's own.

They are added to a schema's document before it is built, and taken out of what clients see. A definition
of the same name in the user's schema wins.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
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
directive @override(from: String!, label: String) on FIELD_DEFINITION | OBJECT
directive @shadow(
  percent: Float = 5, ignore: [String!], unordered: [String!], tolerance: Float = 0
) on FIELD_DEFINITION | OBJECT
directive @tag(name: String!) repeatable on FIELD_DEFINITION | INTERFACE | OBJECT | UNION
  | ARGUMENT_DEFINITION | SCALAR | ENUM | ENUM_VALUE | INPUT_OBJECT | INPUT_FIELD_DEFINITION | SCHEMA
directive @inaccessible on FIELD_DEFINITION | INTERFACE | OBJECT | UNION | ARGUMENT_DEFINITION
  | SCALAR | ENUM | ENUM_VALUE | INPUT_OBJECT | INPUT_FIELD_DEFINITION
directive @authenticated on FIELD_DEFINITION | OBJECT | INTERFACE | SCALAR | ENUM
directive @requiresScopes(scopes: [[federation__Scope!]!]!) on FIELD_DEFINITION | OBJECT | INTERFACE | SCALAR | ENUM
directive @policy(policies: [[federation__Policy!]!]!) on FIELD_DEFINITION | OBJECT | INTERFACE | SCALAR | ENUM
scalar federation__Scope
scalar federation__Policy
directive @cacheControl(
  maxAge: Int, scope: CacheControlScope, inheritMaxAge: Boolean
) on FIELD_DEFINITION | OBJECT | INTERFACE | UNION
directive @cacheTag(format: String!) repeatable on FIELD_DEFINITION | OBJECT | INTERFACE
enum CacheControlScope { PUBLIC PRIVATE }
directive @cost(weight: CostWeight!) on FIELD_DEFINITION | ARGUMENT_DEFINITION | INPUT_FIELD_DEFINITION
  | OBJECT | SCALAR | ENUM
directive @listSize(
  assumedSize: Int, slicingArguments: [String!], sizedFields: [String!], requireOneSlicingArgument: Boolean = true
) on FIELD_DEFINITION
scalar CostWeight
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
    by_name = {_written(one): one for one in definitions}
    every = authorization_names(document) | view_names(document) | cost_names(document)
    every |= subgraph_names(document)
    for name, meant in every.items():
        if name != meant:
            definition = by_name[meant]
            assert isinstance(definition, DirectiveDefinitionNode)
            definitions.append(_renamed(definition, name))
    names = connector_names(document)
    for definition in _parsed(CONNECTORS):
        if isinstance(definition, DirectiveDefinitionNode):
            name = names[definition.name.value]
            definitions.append(_renamed(definition, name))
        else:
            definitions.append(definition)
    return definitions


AUTHORIZATION = ("authenticated", "requiresScopes", "policy")
OF_VIEWS = ("tag", "inaccessible")
COSTS = ("cost", "listSize")
OF_SUBGRAPHS = (
    "key", "shareable", "external", "requires", "provides", "extends", "interfaceObject", "composeDirective"
)  # fmt: skip
FEDERATION_URL = "https://specs.apollo.dev/federation/"


def authorization_names(document: DocumentNode) -> dict[str, str]:
    """What the directives of authorization may be called in `document`, and which each of them is."""
    return federation_names(document, AUTHORIZATION)


def view_names(document: DocumentNode) -> dict[str, str]:
    """The same of the directives that say what is in a view."""
    return federation_names(document, OF_VIEWS)


def cost_names(document: DocumentNode) -> dict[str, str]:
    """The same of the directives of cost."""
    return federation_names(document, COSTS)


def subgraph_names(document: DocumentNode) -> dict[str, str]:
    """The same of the directives that say what a subgraph has of a type."""
    return federation_names(document, OF_SUBGRAPHS)


def federation_names(document: DocumentNode, plain: Collection[str]) -> dict[str, str]:
    """What some directives of federation may be called in `document`, and which each of them is.

    A renamed import, `{name: "@authenticated", as: "@auth"}`, and the prefixed name of what is not imported mean
    the same as the plain one, which always does: a directive that is not seen would protect nothing.
    """
    names = {name: name for name in plain}
    for link in links_of(document):
        arguments = {argument.name.value: argument.value for argument in link.arguments or ()}
        url = _text(arguments.get("url")) or ""
        own = url.removeprefix("https://specs.apollo.dev/").partition("/")[0]
        if url.startswith(FEDERATION_URL) or own in plain:
            prefix = _text(arguments.get("as")) or own
            names |= {f"{prefix}__{name}": name for name in plain}
            if own in plain:  # a specification of its own: the directive bears its name
                names[prefix] = own
        for name, alias in _imports(arguments.get("import")):
            if name in plain:
                names[alias] = name
    return names


def links_of(document: DocumentNode) -> Iterator[DirectiveNode]:
    """Each `@link` of a schema."""
    for definition in document.definitions:
        if isinstance(definition, SchemaDefinitionNode | SchemaExtensionNode):
            yield from (use for use in definition.directives or () if use.name.value == "link")


def _imports(imports: Any) -> Iterator[tuple[str, str]]:
    """What a link imports, and as what, without the `@`."""
    # One item stands for a list of it. §3.12
    for item in imports.values if isinstance(imports, ListValueNode) else (imports,):
        name = alias = _text(item)
        if isinstance(item, ObjectValueNode):
            entry = {member.name.value: _text(member.value) for member in item.fields}
            name, alias = entry.get("name"), entry.get("as") or entry.get("name")
        if name and alias:
            yield name.lstrip("@"), alias.lstrip("@")


def connector_names(document: DocumentNode) -> dict[str, str]:
    """What `source` and `connect` are called in `document`, without the `@`."""
    link = connect_link(document)
    if link is None:
        return {"source": "source", "connect": "connect"}
    arguments = {argument.name.value: argument.value for argument in link.arguments or ()}
    prefix = _text(arguments.get("as")) or "connect"
    # The directive that bears the specification's own name is not prefixed.
    names = {"source": f"{prefix}__source", "connect": prefix}
    for name, alias in _imports(arguments.get("import")):
        if name in names:
            names[name] = alias
    return names


def connect_link(document: DocumentNode) -> DirectiveNode | None:
    """The `@link` of the document that opts in to connectors."""
    for use in links_of(document):
        url = next((a.value for a in use.arguments or () if a.name.value == "url"), None)
        if (_text(url) or "").startswith(CONNECT_URL):
            return use
    return None


def _written(definition: DefinitionNode) -> str:
    """The name of a directive's definition; "" of any other."""
    return definition.name.value if isinstance(definition, DirectiveDefinitionNode) else ""


def _text(node: Any) -> str | None:
    return node.value if isinstance(node, StringValueNode) else None


def _renamed(definition: DirectiveDefinitionNode, name: str) -> DirectiveDefinitionNode:
    return replace(definition, name=NameNode(value=name))


@cache
def _parsed(text: str) -> tuple[DefinitionNode, ...]:
    return parse(text, no_location=True).definitions

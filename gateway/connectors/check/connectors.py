"""Holds a schema's connectors against the rules, before anything is bound: each finding with its place.

It sends nothing and changes nothing.

Source: connectors.md §18; the codes are the reference checker's.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from graphql import (
    DocumentNode,
    GraphQLSchema,
    InterfaceTypeDefinitionNode,
    InterfaceTypeExtensionNode,
    Node,
)

from gateway.connectors.check.call_paths import n_plus_one
from gateway.connectors.check.constants import Constants
from gateway.connectors.check.directive_values import DirectiveValueCheck
from gateway.connectors.check.mappings import Findings, MappingCheck
from gateway.connectors.check.one_connector import OF_THE_ANSWER, ConnectorCheck
from gateway.connectors.check.overrides import OverrideCheck
from gateway.connectors.check.reachable_fields import Supply, circular_reads, unresolved_fields
from gateway.connectors.check.requests import EVERYWHERE, RequestCheck
from gateway.connectors.check.shadows import check_shadows
from gateway.connectors.directives import KNOWN_VERSIONS, read_directives
from gateway.connectors.overrides import read_overrides
from gateway.connectors.shadow.uses import read_shadows
from gateway.errors import Diagnostic
from gateway.graph.accepted import COMPOSED_URLS, linked
from gateway.graph.builtin import connect_link, connector_names
from gateway.graph.sdl import place_of

HIDES_SUPPLY = frozenset({"UnknownConnectorsVersion", "MissingSchemaType", "InvalidSelection"})
"""Errors after which nobody knows what the selections supply."""
SOURCE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}", re.ASCII)


def check_connectors(
    schema: GraphQLSchema,
    document: DocumentNode,
    *,
    resolved: Collection[str],
    constants: Constants | None = None,
) -> list[Diagnostic]:
    """Everything that is wrong with the connectors of a schema.

    Args:
        schema: As built from `document`.
        document: The SDL.
        resolved: Coordinates with a Python resolver, which need no connector.
        constants: What `$env` and `$config` hold; None where that is not known.
    """
    return _Check(schema, document, resolved, constants).findings_of_all()


class _Check:
    def __init__(
        self,
        schema: GraphQLSchema,
        document: DocumentNode,
        resolved: Collection[str],
        constants: Constants | None,
    ) -> None:
        self.schema = schema
        self.document = document
        self.directives = read_directives(document)
        self.resolved = resolved
        self.uses = read_overrides(document, self.directives)
        self.findings = Findings()
        spec = self.directives.spec
        self.arguments = DirectiveValueCheck(self.findings, schema)
        self.mappings = MappingCheck(self.findings, spec, constants)
        self.constants = constants
        self.configured = constants.urls if constants is not None else {}
        self.requests = RequestCheck(self.findings, self.mappings)

    def findings_of_all(self) -> list[Diagnostic]:
        found = self.findings.found
        if self.directives.unknown_version is not None:
            version, node = self.directives.unknown_version
            message = f"the connectors' version v{version} is not known"
            self.findings.at(
                node,
                "UnknownConnectorsVersion",
                message,
                "known: " + ", ".join(f"v{known}" for known in KNOWN_VERSIONS),
            )
        self.sources()
        one = ConnectorCheck(
            self.findings, self.schema, self.directives, self.resolved, self.uses,
            self.arguments, self.mappings, self.requests,
        )  # fmt: skip
        for connect in self.directives.connects:
            one.check(connect)
        self.interfaces()
        self.missing_import()
        supply = Supply(self.schema, self.directives, self.resolved)
        overrides = (self.schema, self.directives, self.uses, self.resolved)
        placed = OverrideCheck(self.findings, *overrides).check(supply)
        check_shadows(self.findings, self.schema, read_shadows(self.document), placed)
        if not any(f.code in HIDES_SUPPLY and f.severity == "error" for f in found):
            found += self.unresolved(supply)
        found += circular_reads(supply)
        found += n_plus_one(self.schema, supply)
        return found

    def unresolved(self, supply: Supply) -> list[Diagnostic]:
        """The fields that nothing supplies; one finding where the whole schema is not for this gateway."""
        found = unresolved_fields(self.schema, supply)
        composed = linked(self.document, COMPOSED_URLS)
        if found and composed is not None:
            message = "this is a supergraph: it says which service has a field, and no connector"
            hint = "give the schema of the service itself, with its @source and @connect"
            return [_at(composed, "Supergraph", message, hint)]
        root = self.schema.query_type
        if not found or root is None or supply.connects or supply.resolved:
            return found
        message = (
            f"nothing supplies a field of {root.name}: there are no connectors and no resolvers"
        )
        hint = "bind fields by @connect or Python, or try `gateway serve --mock`"
        is_served = self.constants is None or self.constants.is_served
        severity = "error" if is_served else "warning"
        return [_at(root.ast_node, "ConnectorsUnresolvedField", message, hint, severity)]

    def interfaces(self) -> None:
        """A connector on an interface's field would never run: objects have the fields that run."""
        name = connector_names(self.document)["connect"]
        for definition in self.document.definitions:
            if not isinstance(definition, InterfaceTypeDefinitionNode | InterfaceTypeExtensionNode):
                continue
            for item in definition.fields or ():
                for use in item.directives or ():
                    if use.name.value == name:
                        message = f"@connect is not allowed on a field of the interface {definition.name.value}"
                        hint = "put it on the fields of the implementing types"
                        self.findings.at(use, "ConnectorsUnsupportedAbstractType", message, hint)

    def missing_import(self) -> None:
        """No source is known, connectors name one, and the link says why."""
        link = connect_link(self.document)
        name = connector_names(self.document)["source"]
        lacking = any(item.code == "NoSourcesDefined" for item in self.findings.found)
        if link is not None and lacking and name.endswith("__source"):
            hint = f'add "@source" to `import`, or write @{name}'
            self.findings.at(link, "NoSourceImport", "@source is not imported", hint, "warning")

    # Sources

    def sources(self) -> None:
        seen: set[str] = set()
        for source in self.directives.sources:
            self.arguments.check(source.node)
            if not source.name:
                self.findings.at(source.node, "EmptySourceName", "@source needs a name")
            elif not SOURCE_NAME.fullmatch(source.name):
                message = f"`{source.name}` is not a valid source name"
                hint = "a letter, then letters, digits, _ and -; 64 characters at most"
                self.findings.at(source.node, "InvalidSourceName", message, hint)
            elif source.name in seen:
                self.findings.at(
                    source.node,
                    "DuplicateSourceName",
                    f"the source `{source.name}` is declared twice",
                )
            seen.add(source.name)
            if source.name not in self.configured:
                self.requests.base_url(source)
            self.requests.headers(source.headers, EVERYWHERE, None)
            self.mappings.url_property(source.path, EVERYWHERE, None, "a list")
            self.mappings.url_property(source.query_params, EVERYWHERE, None, "an object")
            self.mappings.answer(source.errors, EVERYWHERE | OF_THE_ANSWER, None)


def _at(
    node: Node | None, code: str, message: str, hint: str, severity: str = "error"
) -> Diagnostic:
    file, line, column = place_of(node)
    return Diagnostic(message, code, file, line, column, hint, severity)

"""`@override` as it stands in the schema: which connectors of a field or type had it before, and which take it over.

It reads the AST and builds nothing. An `@override` of federation, `from` another subgraph, is left to the router.

Source: Apollo Federation 2.7, progressive `@override`, from whose subgraphs are sources here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from graphql import (
    DirectiveNode,
    DocumentNode,
    InterfaceTypeDefinitionNode,
    InterfaceTypeExtensionNode,
    ObjectTypeDefinitionNode,
    ObjectTypeExtensionNode,
    StringValueNode,
)

from gateway.connectors.directives import Connect, Directives
from gateway.graph.accepted import FEDERATION_URL, linked

NAME = "override"


@dataclass(frozen=True, slots=True)
class OverrideUse:
    """One `@override`.

    Attributes:
        coordinate: `Video.stats` for a field, `Video` for a type.
        from_: The source, or the id of the connector, that had it before.
        label: What decides for each request; None where the move is done.
        on_interface: Whether it stands where no connector may.
    """

    coordinate: str
    from_: str
    label: str | None
    on_interface: bool
    node: DirectiveNode = field(repr=False, compare=False)

    def is_before(self, connect: Connect) -> bool:
        """Whether a connector of the field is one that had it before."""
        return self.from_ in (connect.source, connect.id)


def read_overrides(document: DocumentNode, directives: Directives) -> dict[str, OverrideUse]:
    """The uses that are the gateway's own, by coordinate."""
    named = {source.name for source in directives.sources}
    named |= {connect.id for connect in directives.connects if connect.id is not None}
    is_subgraph = linked(document, (FEDERATION_URL,)) is not None
    return {use.coordinate: use for use in _uses(document) if use.from_ in named or not is_subgraph}


def _uses(document: DocumentNode) -> Iterator[OverrideUse]:
    interfaces = (InterfaceTypeDefinitionNode, InterfaceTypeExtensionNode)
    objects = (ObjectTypeDefinitionNode, ObjectTypeExtensionNode)
    for definition in document.definitions:
        if not isinstance(definition, (*interfaces, *objects)):
            continue
        owner, on_interface = definition.name.value, isinstance(definition, interfaces)
        places = [(owner, definition.directives)]
        places += [(f"{owner}.{f.name.value}", f.directives) for f in definition.fields or ()]
        for coordinate, uses in places:
            for use in uses or ():
                if use.name.value == NAME:
                    given = {a.name.value: a.value for a in use.arguments or ()}
                    from_, label = given.get("from"), given.get("label")
                    yield OverrideUse(
                        coordinate,
                        from_.value if isinstance(from_, StringValueNode) else "",
                        label.value if isinstance(label, StringValueNode) else None,
                        on_interface,
                        use,
                    )

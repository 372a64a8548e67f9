"""Whether a directive sends a backend a client's own value in a header that `[headers]` fills from the principal."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.connectors.directives import Directives, Header
from gateway.connectors.mapping.analyse import read_paths
from gateway.connectors.mapping.members import NOTHING
from gateway.connectors.request.header_rules import names_of_principal
from gateway.connectors.request.url import Expression, parse_template
from gateway.connectors.settings import HeaderSettings
from gateway.errors import Diagnostic
from gateway.graph.sdl import place_of
from gateway.settings.headers import folded

OPERATORS = frozenset({"principal", "config", "env", "context"})


def check_identity_headers(directives: Directives, settings: HeaderSettings) -> list[Diagnostic]:
    """An error for each header of a directive that a rule gives from the principal, and whose value is others'."""
    found = []
    for source, header in _headers(directives):
        if folded(header.name) not in names_of_principal(settings.rules(source)):
            continue
        if header.from_ is None and _is_the_operators(header, directives.spec):
            continue
        file, line, column = place_of(header.node)
        found.append(
            Diagnostic(
                f"the header {header.name} says who asks, by a rule of [headers], and here it is somebody else's word",
                code="IdentityHeader",
                file=file,
                line=line,
                column=column,
                hint="take it out of the directive: the rule gives it",
            )
        )
    return found


def _headers(directives: Directives) -> Iterator[tuple[str, Header]]:
    """Each header of a source and of a connector, with the name of the source."""
    for source in directives.sources:
        yield from ((source.name, header) for header in source.headers)
    for connect in directives.connects:
        yield from ((connect.source or "", header) for header in connect.headers)


def _is_the_operators(header: Header, spec: str) -> bool:
    """Whether a header's value is fixed, or made of the principal: nothing that a client or a backend has said."""
    assert header.value is not None
    for part in parse_template(header.value.value, spec):
        if isinstance(part, Expression):
            reads = read_paths(part.selection)
            asked = reads.pop("request", NOTHING)
            if asked.whole or asked.members.keys() - {"claims"} or reads.keys() - OPERATORS:
                return False
    return True

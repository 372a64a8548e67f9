"""Whether a directive gives a backend the client's own word under a name by which `[headers]` says who asks."""

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


def check_identity_headers(directives: Directives, settings: HeaderSettings) -> list[Diagnostic]:
    """An error for each header of a directive whose value is the client's, and which a rule gives."""
    found = []
    for source, header in _headers(directives):
        if folded(header.name) not in names_of_principal(settings.rules(source)):
            continue
        if header.from_ is None and not _is_the_clients(header, directives.spec):
            continue
        file, line, column = place_of(header.node)
        found.append(
            Diagnostic(
                f"the header {header.name} says who asks, by a rule of [headers], and here it is the client's own",
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


def _is_the_clients(header: Header, spec: str) -> bool:
    """Whether a header's value is made of the client's headers."""
    assert header.value is not None
    for part in parse_template(header.value.value, spec):
        if isinstance(part, Expression):
            asked = read_paths(part.selection).get("request", NOTHING)
            if asked.whole or "headers" in asked.members:
                return True
    return False

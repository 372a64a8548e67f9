"""Sources that no connector names: what is set for them changes nothing, and nobody is asked there."""

from __future__ import annotations

from gateway.connectors.directives import Directives
from gateway.errors import Diagnostic
from gateway.graph.sdl import place_of


def unused_sources(directives: Directives) -> list[Diagnostic]:
    """A warning for each. Python may ask any source, so that this is certain only where there is none."""
    used = {connect.source for connect in directives.connects}
    return [
        Diagnostic(
            f"no connector names the source `{source.name}`",
            "UnusedSource",
            *place_of(source.node),
            f'name it, @connect(source: "{source.name}"), or remove it',
            "warning",
        )
        for source in directives.sources
        if source.name not in used
    ]

"""Lays `@shadow` on the two loaders of a field or type that moves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from graphql import DocumentNode, GraphQLSchema

from gateway.connectors.directives import Directives
from gateway.connectors.shadow.compare import Comparing
from gateway.connectors.shadow.loader import ShadowLoader, ShadowMove
from gateway.connectors.shadow.uses import ShadowUse, fingerprint_of, read_shadows, spread
from gateway.graph.loader import Loader
from gateway.graph.overrides import add_shadow
from gateway.override.buckets import prefix_of
from gateway.override.evidence import Evidence

DRAW = "@shadow"
"""What requests are drawn by: no label has an @."""


class ShadowBinder:
    """Binds the shadows of one schema.

    Args:
        schema: Its evidence is kept with it.
        document: The SDL that it was built from.
        directives: Its connectors.
        salt: Of `[override]`.
        settings: Of a source, by its name: all that decides what it answers beside its connectors.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        document: DocumentNode,
        directives: Directives,
        salt: str,
        settings: Callable[[str], str],
    ) -> None:
        self._settings = settings
        self._schema = schema
        self._directives = directives
        self._uses: Mapping[str, ShadowUse] = read_shadows(document)
        self._prefix = prefix_of(salt, DRAW)
        self._moves: dict[str, ShadowMove] = {}
        self._pairs: dict[tuple[int, int], tuple[Loader, Loader]] = {}

    def pair(
        self, coordinate: str, kind: Any, before: Loader, after: Loader
    ) -> tuple[Loader, Loader]:
        """The old loader and the new one, each with the other as its shadow where there is a `@shadow`.

        One object for one pair: the fields that it supplies are one step.
        """
        use = self._uses.get(coordinate)
        if use is None:
            return before, after
        known = self._pairs.get((id(before), id(after)))
        if known is None:
            move = self._move(coordinate, kind, use)
            known = self._pairs[id(before), id(after)] = (
                ShadowLoader(before, after, move, is_live=False),
                ShadowLoader(after, before, move, is_live=True),
            )
        return known

    def _move(self, coordinate: str, kind: Any, use: ShadowUse) -> ShadowMove:
        move = self._moves.get(coordinate)
        if move is None:
            fingerprint = fingerprint_of(coordinate, self._directives, use, self._settings)
            evidence = Evidence(coordinate, fingerprint)
            make = partial(Comparing, self._schema, kind, spread(use, self._schema))
            share = round(use.percent * 100)
            move = ShadowMove(coordinate, share, self._prefix, make, evidence)
            self._moves[coordinate] = move
            add_shadow(self._schema, coordinate, evidence)
        return move

"""A field that another source has taken over, and that falls back on the one that had it: `override.on_error = "from"`.

The new source has half of the time that is left, so that the old one can answer within the deadline. Only what failed
is asked for again, and every time is counted.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gateway.client.vary import joined
from gateway.context import Context
from gateway.errors import UpstreamError
from gateway.graph.field_tree import FieldTree
from gateway.graph.loader import Loader, RowClasses, called_sources
from gateway.telemetry.catalogue import OVERRIDE_FALLBACKS
from gateway.telemetry.metrics import Sample

logger = logging.getLogger("gateway.override")
fallen_back: Counter[tuple[str, str]] = Counter()
"""How often the old source was asked, by field or type and error code."""


def override_fallback_samples() -> Iterator[Sample]:
    """The fallbacks, for metrics."""
    for labels, count in fallen_back.items():
        yield OVERRIDE_FALLBACKS, labels, count


class FallbackLoader:
    """As `Loader`, by two of them that supply the same.

    Args:
        candidate: What has taken the field over.
        before: What is asked where that fails.
    """

    def __init__(self, candidate: Loader, before: Loader) -> None:
        self.loaders = candidate, before
        self.coordinate = candidate.coordinate
        self.source = candidate.source
        self.sources = (*called_sources(candidate), *called_sources(before))
        self.reads = joined_tree(candidate.reads, before.reads)
        self.supplies = candidate.supplies
        self.vary = joined((candidate.vary, before.vary))

    @property
    def row_classes(self) -> RowClasses | None:
        """Of what the new source gives."""
        return getattr(self.loaders[0], "row_classes", None)

    def describe(self) -> str:
        """How its answers are read, for people."""
        candidate, before = (getattr(one, "describe", lambda: "Python")() for one in self.loaders)
        return f"{candidate}; where that fails: {before}"

    def project(self, wanted: FieldTree) -> Loader:
        """Both, projected."""
        return FallbackLoader(*(loader.project(wanted) for loader in self.loaders))

    async def load(
        self, parents: Sequence[Any], arguments: Mapping[str, Any], context: Context
    ) -> Sequence[Any]:
        """As `Loader.load`."""
        candidate, before = self.loaders
        values = await self._tried(candidate, parents, arguments, context)
        failed = [at for at, value in enumerate(values) if isinstance(value, UpstreamError)]
        if not failed:
            return values
        self._note(values[failed[0]])
        if context.stats.outward is not None:  # as fresh as until the new source answers again
            context.stats.outward.note(None, was_asked=True, why=f"{self.source}: it fails")
        whole = list(values)
        again = await before.load([parents[at] for at in failed], arguments, context)
        for at, value in zip(failed, again, strict=True):
            whole[at] = value
        return whole

    async def _tried(
        self,
        candidate: Loader,
        parents: Sequence[Any],
        arguments: Mapping[str, Any],
        context: Context,
    ) -> Sequence[Any]:
        """What the new source gives; its error for each parent where it gives nothing in time."""
        now = asyncio.get_running_loop().time()
        error: UpstreamError
        try:
            async with asyncio.timeout_at(now + (context.deadline - now) / 2):
                return await candidate.load(parents, arguments, context)
        except UpstreamError as exc:
            error = exc
        except TimeoutError:
            detail = "half of the request's time was left to it"
            error = UpstreamError("GATEWAY_TIMEOUT", source=self.source, detail=detail)
        return [error] * len(parents)

    def _note(self, error: UpstreamError) -> None:
        labels = self.coordinate, error.code
        fallen_back[labels] += 1
        if fallen_back[labels] == 1:
            logger.warning(
                "%s fails with %s (%s) and is answered by %s; more of it are only counted",
                self.coordinate,
                error.code,
                error.detail or error.message,
                self.loaders[1].source,
            )


def joined_tree(one: FieldTree | None, other: FieldTree | None) -> FieldTree | None:
    """What either of two reads; None where that may be anything."""
    return None if one is None or other is None else one.joined(other)

"""A field that moves, whose other source is asked too when the answer has gone: what both give is compared.

Clients wait for nothing here and see nothing of it. What is asked, and whether, is for `ShadowCalls` to say.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from time import perf_counter
from typing import TYPE_CHECKING, Any, cast

from gateway.client.vary import joined
from gateway.connectors.batch_loader import BatchLoader
from gateway.connectors.fallback_loader import joined_tree
from gateway.connectors.shadow.compare import Comparing
from gateway.connectors.shadow.found import Found
from gateway.connectors.shadow.pairs import errors_of, is_of_client, pairs_of
from gateway.connectors.shadow.seen import canonical
from gateway.connectors.shadow.size import size_of
from gateway.context import Context
from gateway.errors import UpstreamError
from gateway.graph.field_tree import LEAF, FieldTree
from gateway.graph.loader import Loader, RowClasses, called_sources
from gateway.override.buckets import bucket_of
from gateway.override.evidence import Evidence, MoveEvidence
from gateway.upstream.shadow import ShedError

if TYPE_CHECKING:
    from gateway.upstream.client import Upstream
    from gateway.upstream.shadow import ShadowCalls

ERROR = "error"
OVERLOADED = "UPSTREAM_OVERLOADED"  # the gateway's own refusal: the source was not asked
MOST_SHOWN = 200  # characters of a value in an example
_KEY = secrets.token_bytes(16)
"""A hash that is computed elsewhere does not say what the value was."""


@dataclass(frozen=True, slots=True)
class ShadowMove:
    """What the shadows of one field or type have in common.

    Attributes:
        coordinate: Of it.
        share: Of the requests, in hundredths of a percent.
        prefix: What stands before a request's id where it is drawn.
        make: Makes what compares.
        evidence: What was found.
    """

    coordinate: str
    share: int
    prefix: bytes
    make: partial[Comparing]
    evidence: Evidence


class ShadowLoader:
    """As `Loader`: gives what one of two gives, and asks the other one afterwards.

    Args:
        answering: What clients get.
        other: What is asked afterwards; it supplies the same.
        move: What is compared, and how often.
        is_live: Whether the new source answers, and the old one is the other.
        wanted: What was asked for of its values.
    """

    def __init__(
        self,
        answering: Loader,
        other: Loader,
        move: ShadowMove,
        *,
        is_live: bool,
        wanted: FieldTree | None = None,
    ) -> None:
        self.loaders = (answering,)  # what clients wait for
        self.coordinate = answering.coordinate
        self.source = answering.source
        self.sources = called_sources(answering)
        self.reads = joined_tree(answering.reads, other.reads)
        self.supplies = answering.supplies
        self.vary = joined((answering.vary, other.vary))
        self._other = other
        self._move = move
        self._is_live = is_live
        self._wanted = answering.supplies or LEAF if wanted is None else wanted

    @property
    def row_classes(self) -> RowClasses | None:
        """Of what answers."""
        return getattr(self.loaders[0], "row_classes", None)

    def describe(self) -> str:
        """How its answers are read, for people."""
        describe = getattr(self.loaders[0], "describe", lambda: "Python")
        return f"{describe()}; shadow of {self._move.share / 100:g} %: {self._other.source}"

    def project(self, wanted: FieldTree) -> Loader:
        """Both, projected."""
        answering, other = self.loaders[0].project(wanted), _alone(self._other.project(wanted))
        return ShadowLoader(answering, other, self._move, is_live=self._is_live, wanted=wanted)

    async def load(
        self, parents: Sequence[Any], arguments: Mapping[str, Any], context: Context
    ) -> Sequence[Any]:
        """As `Loader.load`; what is to be compared is kept with the execution."""
        answering, shadows = self.loaders[0], context.upstream.shadows
        if shadows is None or not self.is_drawn(context):
            return await answering.load(parents, arguments, context)
        begin = perf_counter()
        values: Sequence[Any]
        try:
            values = await answering.load(parents, arguments, context)
        except UpstreamError as exc:
            self._after(context, shadows, parents, arguments, [exc] * len(parents), begin)
            raise
        self._after(context, shadows, parents, arguments, values, begin)
        return values

    def is_drawn(self, context: Context) -> bool:
        """Whether a request is one of those that are compared: all of its fields by the same draw."""
        move = self._move
        return bucket_of(move.prefix, context.client.request_id) < move.share

    def _after(
        self,
        context: Context,
        shadows: ShadowCalls,
        parents: Sequence[Any],
        arguments: Mapping[str, Any],
        values: Sequence[Any],
        begin: float,
    ) -> None:
        run = ShadowRun(
            self, shadows, self._apart(context, shadows), parents, arguments, values, begin
        )
        stats = context.stats
        if stats.shadows is None:
            stats.shadows = []
        follow = partial(shadows.follow, self._other.source or "", run.compare, size_of(values))
        stats.shadows.append(follow)

    def _apart(self, context: Context, shadows: ShadowCalls) -> Context:
        """A state of its own, that sees no more of the client than the loader declares."""
        whole = context.whole.client
        client = whole if self.vary is None else whole.seeing(self.vary.view(whole))
        return Context(
            client,
            deadline=0.0,
            upstream=cast("Upstream", shadows),
            config=context.config,
            source_urls=context.source_urls,
            state=context.state,
        )


class ShadowRun:
    """One comparison.

    Args:
        loader: Whose it is.
        shadows: Within which it asks.
        context: Of its own.
        parents, arguments: What was asked.
        values: What clients got.
        begin: When that began.
    """

    def __init__(
        self,
        loader: ShadowLoader,
        shadows: ShadowCalls,
        context: Context,
        parents: Sequence[Any],
        arguments: Mapping[str, Any],
        values: Sequence[Any],
        begin: float,
    ) -> None:
        self._loader = loader
        self._move = loader._move
        self._settings = shadows.settings
        self._context = context
        self._asked = parents, arguments
        self._values = values
        self._took_s = perf_counter() - begin

    async def compare(self) -> None:
        """Ask the other source, and note what differs. Errors: ShedError."""
        try:
            await self._compared()
        except ShedError as exc:
            self._move.evidence.whole.left_out[exc.reason] += 1
            raise

    async def _compared(self) -> None:
        loader, found = self._loader, MoveEvidence(calls=1)
        begin = perf_counter()
        others = await self._ask(loader._other)
        if any(isinstance(one, UpstreamError) and one.code == OVERLOADED for one in others):
            raise ShedError("places")
        took_s = perf_counter() - begin
        if loader._is_live:
            before, after, took = others, self._values, (took_s, self._took_s)
        else:
            before, after, took = self._values, others, (self._took_s, took_s)
        found.live = int(loader._is_live)
        errors = list(errors_of(before, after))
        pairs = pairs_of(before, after)
        blamed = None
        if errors:
            error = next((one for one in errors if not is_of_client(one)), errors[0])
            blamed = self._context.client.client_key if is_of_client(error) else None
            found.errors[error.code] = 1
            self._note_error(found, error)
        elif not pairs:
            return  # the old source has failed, the new one too or not: there is nothing to compare with
        else:
            for latencies, seconds in zip((found.before, found.after), took, strict=True):
                latencies.add(seconds)
            await self._compare(found, pairs)
        now = asyncio.get_running_loop().time()
        self._move.evidence.note(found, self._settings.samples, now, blamed)

    async def _ask(self, loader: Loader) -> Sequence[Any]:
        """What a source gives; its error for each parent where it gives nothing."""
        parents, arguments = self._asked
        loop = asyncio.get_running_loop()
        self._context.deadline = loop.time() + self._settings.timeout_s
        self._context.memo.clear()
        self._context.stats.by_source.clear()
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                return await loader.load(parents, arguments, self._context)
        except UpstreamError as exc:
            return [exc] * len(parents)
        except TimeoutError:
            return [UpstreamError("GATEWAY_TIMEOUT", source=loader.source)] * len(parents)

    async def _compare(self, found: MoveEvidence, pairs: list[tuple[Any, Any]]) -> None:
        move, wanted = self._move, self._loader._wanted
        comparing: Comparing = move.make(max_rows=self._settings.max_rows)
        differences = await comparing.compare(pairs, wanted, move.coordinate)
        at = differences.coordinates
        if differences.is_given_up and not at:
            raise ShedError("size")
        found.matches = int(not at)
        found.compared.update(differences.compared)
        found.differing.update(at)
        found.lacking.update(differences.lacking)
        found.kinds.update(differences.kinds)
        self._show(found, differences)
        if not at and not move.evidence.whole.is_turn(self._settings.noise_ratio):
            return
        again = pairs_of(self._values, await self._ask(self._loader.loaders[0]))
        if again:
            found.seconds = 1
            noise = await comparing.compare(again, wanted, move.coordinate)
            found.noise.update(noise.coordinates)
            found.lacking_noise.update(noise.lacking)

    def _show(self, found: MoveEvidence, differences: Found) -> None:
        for key, (path, *values) in differences.examples.items():
            shown = [self._shown(value) for value in values]
            example = {"path": path, "before": shown[0], "after": shown[1]}
            found.examples[key] = [{**example, "request_id": self._context.request_id}]

    def _note_error(self, found: MoveEvidence, error: UpstreamError) -> None:
        key = self._move.coordinate, ERROR
        found.kinds = Counter({key: 1})
        about = {"path": "", "code": error.code, "request_id": self._context.request_id}
        found.examples[key] = [about]

    def _shown(self, value: Any) -> str:
        """A value as the configuration lets it be seen."""
        if self._settings.show_values:
            return canonical(value)[: 4 * MOST_SHOWN].decode(errors="ignore")[:MOST_SHOWN]
        return blake2b(canonical(value), key=_KEY, digest_size=6).hexdigest()


def _alone(loader: Loader) -> Loader:
    """The same loader, whose batches nobody joins."""
    parts = getattr(loader, "loaders", None)
    if parts is None and not isinstance(loader, BatchLoader):
        return loader
    own: Any = copy(loader)
    if parts is None:
        own.batches = None
    else:
        own.loaders = tuple(map(_alone, parts))
    return cast("Loader", own)

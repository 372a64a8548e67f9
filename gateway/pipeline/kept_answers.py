"""Whole answers of operations whose every part was found in the response cache: given again without an execution.

A row is stored for whoever asks for it; an answer is kept for who would share the execution (`dedupe`): the same plan,
text, variables and partition. It is no fresher than each of its parts, and purged by all that they are purged by.
One that was asked for once only is not kept: its rows are. It must know no header and no directive.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Hashable, Iterator
from dataclasses import dataclass
from functools import partial

from msgspec.structs import replace

from gateway.codings.encode import Encoded
from gateway.concurrency.awaitable import AwaitableOrValue, then
from gateway.context import Context
from gateway.pipeline.dedupe import Execute, ShareKey
from gateway.pipeline.operation import Operation
from gateway.response.record import Answer, OperationRecord
from gateway.telemetry.catalogue import CACHE_ANSWERS
from gateway.telemetry.metrics import Sample
from gateway.upstream.cache.keys import base_key
from gateway.upstream.cache.memory import MemoryCache
from gateway.upstream.cache.outward import OutwardFreshness
from gateway.upstream.caller import CallStats
from gateway.upstream.policy.counters import Counters

MOST_SEEN = 4096
"""Answers that are remembered to have been asked for once; the oldest is forgotten."""
MOST_TAGS = 1000
"""Tags of an answer that is kept: more of them would have to be looked at whenever something is purged."""
LARGEST = 16
"""An answer that takes more than this part of the memory is not kept: it would take the place of too many rows."""
OVERHEAD_BYTES = 1500
TAG_BYTES = 60


@dataclass(slots=True)
class KeptAnswer:
    """One answer.

    Attributes:
        answer: As it is given.
        freshness: What its parts say.
        until: Given until then; on the wall clock.
        began: The number of purges when it was made.
        tags: What it is purged by.
        exposed: The flags that it depends on: whoever is given it has met them.
        size_bytes: What it takes: its body, which may be there compressed too.
    """

    answer: Answer
    freshness: OutwardFreshness
    until: float
    began: int
    tags: Collection[str]
    size_bytes: int
    exposed: frozenset[str] | None

    def stale_from(self, _at: float) -> bool:
        """False: it is of no use when one of its parts is stale."""
        return False


class KeptAnswers:
    """The answers that are kept of one schema.

    Args:
        memory: Where they are, beside the rows.
        cached: Names of sources whose answers are kept.
        counters: Where look-ups are counted.
        is_of_client: Whether an operation's answer depends on who asks.
        now: The wall clock.

    Attributes:
        hits: Operations that were answered by one.
        misses: Operations of plans whose answers may be kept, for which there was none.
    """

    def __init__(
        self,
        memory: MemoryCache,
        cached: Collection[str],
        counters: Counters,
        is_of_client: Callable[[Operation], bool],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._memory = memory
        self._cached: frozenset[str | None] = frozenset(cached)
        self._counters = counters
        self._is_of_client = is_of_client
        self._now = now
        self._seen: dict[bytes, None] = {}
        self.hits = self.misses = 0

    def samples(self) -> Iterator[Sample]:
        """What was counted, for metrics."""
        yield CACHE_ANSWERS, ("hit",), self.hits
        yield CACHE_ANSWERS, ("miss",), self.misses

    def may_keep(self, key: ShareKey) -> bool:
        """Whether answers of a plan are kept: where all that has a part in them may be."""
        return key.plan.is_of_sources and key.plan.sources <= self._cached

    def lookup(self, key: ShareKey, operation: Operation) -> Answer | None:
        """The answer that is kept for an operation.

        Args:
            key: With whom its execution may be shared.
            operation: Whose answer it will be.
        """
        now = self._now()
        self._memory.note_time(now)
        kept: KeptAnswer | None = self._memory.get(self._digest(key))
        if kept is None or kept.until <= now:
            self.misses += 1
            return None
        self.hits += 1
        stats, freshness = operation.context.stats, kept.freshness
        stats.cached += len(freshness.looked_up)
        for source, endpoint in freshness.looked_up:
            self._counters.cache_lookups[source, endpoint, "hit"] += 1
        operation.record.is_kept = True
        operation.record.exposed = kept.answer.record.exposed
        if kept.exposed is not None:
            stats.expose(kept.exposed)
        lines = None
        if stats.outward is not None:
            lines = freshness.lines(now, is_of_client=self._is_of_client(operation))
        return replace(kept.answer, record=operation.record, freshness=lines)

    def keeping(self, key: ShareKey, execute: Execute) -> Execute:
        """An execution whose answer is kept, if it may be."""

        def execute_and_keep(record: OperationRecord, context: Context) -> AwaitableOrValue[Answer]:
            stats = context.stats
            if stats.outward is None:
                stats.outward = OutwardFreshness(is_told=False)
            keep = partial(self._keep, key, stats, stats.outward, self._memory.purges)
            return then(execute(record, context), keep)

        return execute_and_keep

    def _keep(
        self,
        key: ShareKey,
        stats: CallStats,
        freshness: OutwardFreshness,
        purges: int,
        answer: Answer,
    ) -> Answer:
        """Keep an answer that was made of stored parts alone, while nothing was purged.

        Where something was, a part may be from before and its tags from after: the next execution is as good.
        """
        if not freshness.is_all_stored or self._memory.purges != purges:
            return answer
        if answer.headers is not None or answer.record.error_codes or not answer.has_data:
            return answer
        digest, until = self._digest(key), freshness.settled_until()
        if until <= self._now() or len(freshness.tags) > MOST_TAGS or not self._is_known(digest):
            return answer
        tags = tuple(freshness.tags)
        size = 2 * len(answer.body) + OVERHEAD_BYTES + sum(map(len, tags)) + TAG_BYTES * len(tags)
        if size * LARGEST <= self._memory.max_bytes:
            # Its record knows the plan, which is not to be held by what is kept.
            record = OperationRecord()
            record.exposed = answer.record.exposed
            given = replace(answer, record=record, encoded=Encoded(answer.body))
            kept = KeptAnswer(given, freshness, until, purges, tags, size, stats.exposed)
            self._memory.set(digest, kept)
        return answer

    def _is_known(self, digest: bytes) -> bool:
        """Whether an answer was asked for before."""
        if digest in self._seen:
            del self._seen[digest]
            return True
        self._seen[digest] = None
        if len(self._seen) > MOST_SEEN:
            del self._seen[next(iter(self._seen))]
        return False

    @staticmethod
    def _digest(key: ShareKey) -> bytes:
        text: Hashable
        _, text, asked, partition = key.key
        return base_key("answer", key.plan.number, text, asked, partition)

"""Where stored answers are looked up and kept: this worker's memory first, then Redis, where there is one.

What is looked up in Redis by several at once is looked up once. It decides nothing about freshness but which of two
answers is the fresher one.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import NamedTuple

from gateway.concurrency.singleflight import Singleflight
from gateway.upstream.cache.keys import keys_of
from gateway.upstream.cache.memory import MemoryCache
from gateway.upstream.cache.shared_tier import SharedTier
from gateway.upstream.cache.stored import StoredResponse
from gateway.upstream.cache.wire import PurgeNumber
from gateway.upstream.transport import Fetched, UpstreamRequest


class Begin(NamedTuple):
    """When fetching an answer began: what is purged from then on is purged of it too.

    Attributes:
        purges: The number of purges of this worker.
        shared: The last purge of all pods that was heard of.
        at: On the wall clock, seconds.
    """

    purges: int
    shared: PurgeNumber
    at: float


class Tiers:
    """Memory and Redis, for one source.

    Args:
        memory: Of the worker.
        shared: Redis; None without.
        now: The wall clock.

    Attributes:
        refusals: By endpoint, why an answer of it was not kept the last time.
    """

    def __init__(
        self, memory: MemoryCache, shared: SharedTier | None, now: Callable[[], float]
    ) -> None:
        self.memory = memory
        self.shared = shared
        self._now = now
        self._lookups: Singleflight[StoredResponse | None] = Singleflight()
        self._kept: set[str] = set()
        self.refusals: dict[str, str] = {}
        self._last: Fetched | None = None
        memory.watch(self._lookups.close)

    def begin(self) -> Begin:
        """Fetching begins now."""
        shared = (0, 0) if self.shared is None else self.shared.log.last
        return Begin(self.memory.purges, shared, self._now())

    async def lookup_shared(
        self, request: UpstreamRequest, known: StoredResponse | None
    ) -> StoredResponse | None:
        """What Redis has for a request that memory has no fresh answer for; `known` where that is not older.

        Where neither may be given, one of all workers and pods is to ask: the others wait here for what it gets, if
        what this endpoint answered the last time was kept.
        """
        shared = self.shared
        if shared is None or not shared.is_usable:
            return known
        began = self.memory.purges

        async def look() -> StoredResponse | None:
            found = await shared.lookup(request, began)
            is_kept = request.endpoint in self._kept
            if is_kept and self._is_led(found) and self._is_led(known):
                return await shared.lead(request, began) or found
            return found

        found = await self._lookups.call_once(keys_of(request).who, look, inf, lambda _: None)
        if found is None or (known is not None and found.fresh_until <= known.fresh_until):
            return known
        return found if self.memory.put(request, found) else None

    def _is_led(self, entry: StoredResponse | None) -> bool:
        """Whether one is to ask for all where this is known: not where it is given, nor where each has to ask."""
        if entry is None:
            return True
        if entry.needs_validation or entry.fresh_until <= entry.born:
            return False
        return entry.fresh_until + entry.stale_while_revalidate_s <= self._now()

    def end_lease(self, request: UpstreamRequest) -> None:
        """A request has its answer, or has failed: whoever waits for what it would have kept waits no longer."""
        if self.shared is not None:
            self.shared.end_lease(request, is_kept=False)

    async def is_leader(self, request: UpstreamRequest) -> bool:
        """Whether it is this worker that refreshes an answer which may still be used meanwhile."""
        return self.shared is None or await self.shared.may_refresh(request)

    def keep(
        self,
        request: UpstreamRequest,
        response: Fetched,
        entry: StoredResponse | str,
        begin: Begin,
    ) -> None:
        """Keep an answer.

        Args:
            request: As it was sent.
            response: As it came; several that have shared a call have the same.
            entry: As it is kept; or why not: what was kept for the request is not used any more in this worker.
            begin: When fetching it began.
        """
        if isinstance(entry, str):
            self.refusals[request.endpoint] = entry
            self._kept.discard(request.endpoint)
            self.memory.remove(request)
            return
        if response is self._last and self.memory.lookup(request) is not None:
            request.cache_lease = None
            return  # it was shared, and another has kept it
        self._last = response
        if self.memory.put(request, entry) and self.shared is not None:
            self._kept.add(request.endpoint)
            self.shared.put(request, entry, begin.shared)
            self.shared.end_lease(request, is_kept=True)

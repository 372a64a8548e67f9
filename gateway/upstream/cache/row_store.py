"""Stored rows of batches: one entry for each key, so that a batch asks its backend for what is missing alone.

A row is kept as the bytes that the answer has of it, whatever was selected of it. It has the freshness of its answer
and tags of its own; it cannot be asked about by itself, so an answer that has to be is not kept in rows. A key
that the answer has no row for is kept too, for `negative_ttl_s`. It must not know what a row or a key means.

Source: RFC 9111 by `stored`; RFC 5861.
"""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from gateway.errors import UpstreamError
from gateway.upstream.cache.keys import row_key
from gateway.upstream.cache.response_cache import MOST_REFRESHES
from gateway.upstream.cache.settings import SourceCacheSettings
from gateway.upstream.cache.stored import StoredResponse
from gateway.upstream.cache.storing import stored_response
from gateway.upstream.cache.tags import source_tag, url_tag
from gateway.upstream.cache.tiers import Begin, Tiers
from gateway.upstream.transport import Fetched, UpstreamRequest, header_value

ABSENT = b""
"""The body of a key without a row: no row is empty."""


@dataclass(slots=True)
class FoundRows:
    """What is known of some keys.

    Attributes:
        rows: The rows that may be given, by key; ABSENT for a key that has none.
        old: Rows that may stand in where the backend fails.
        due: Keys whose rows are given, and to be asked for anew meanwhile.
        given: The stored rows that are given, by key.
        kept: Those that were asked for, as they are kept.
        result: As it is counted.
    """

    rows: dict[Hashable, bytes] = field(default_factory=dict)
    old: dict[Hashable, bytes] = field(default_factory=dict)
    due: list[Hashable] = field(default_factory=list)
    given: dict[Hashable, StoredResponse] = field(default_factory=dict)
    kept: dict[Hashable, StoredResponse] = field(default_factory=dict)
    result: str = "miss"


class RowStore:
    """The rows of one source in one worker.

    Args:
        source: Its name.
        rules: What its configuration adds to its headers.
        tiers: Where rows are.
        counts: `(source, endpoint, result) → number`. Results: `hit`, `shared_hit`, `partial_hit`, `stale`,
            `stale_if_error`, `miss`.
        now: The wall clock, seconds; for tests.
        rng: A number from 0 to 1; for tests.
    """

    def __init__(
        self,
        source: str,
        rules: SourceCacheSettings,
        tiers: Tiers,
        counts: Counter[tuple[str, str, str]],
        *,
        now: Callable[[], float] = time.time,
        rng: Callable[[], float] = random.random,
    ) -> None:
        self.source = source
        self.tiers = tiers
        self._rules = rules
        self._counts = counts
        self._now = now
        self._rng = rng
        self._asked: dict[Hashable, asyncio.Future[None]] = {}
        self._kept: set[str] = set()
        self._refreshes: set[asyncio.Task[None]] = set()
        tiers.memory.watch(self.close)

    async def lookup(self, base: bytes, keys: Sequence[Hashable], endpoint: str) -> FoundRows:
        """What is known of keys: in memory, then those that are not there in Redis, by one round trip.

        Args:
            base: Of whatever answers the same for the same key.
            keys: Which.
            endpoint: For the count.
        """
        memory, shared = self.tiers.memory, self.tiers.shared
        found, now = FoundRows(), self._now()
        memory.note_time(now)
        missing = []
        for key in keys:
            entry = memory.get((base, key))
            if entry is None or not self._use(found, key, entry, now):
                missing.append(key)
        result = "hit"
        if missing and shared is not None and shared.is_usable:
            began = memory.purges
            entries = await shared.get_many([row_key(base, key) for key in missing], began)
            for key, entry in zip(missing, entries, strict=True):
                if entry is not None:
                    memory.set((base, key), entry)
                    if not memory.is_purged(entry) and self._use(found, key, entry, now):
                        result = "shared_hit"
        if len(found.rows) < len(keys):
            result = "partial_hit" if found.rows else "miss"
        elif found.due and result == "hit":
            result = "stale"
        found.result = result
        self._counts[self.source, endpoint, result] += 1
        return found

    def _use(self, found: FoundRows, key: Hashable, entry: StoredResponse, now: float) -> bool:
        """Whether a stored row may be given."""
        left = entry.fresh_until - now
        if left > 0:
            if left < -math.log(self._rng() or 1e-9) * entry.took_s:  # Vattani et al., XFetch
                found.due.append(key)
        elif -left < entry.stale_while_revalidate_s:
            found.due.append(key)
        else:
            if -left < entry.stale_if_error_s:
                found.old[key] = entry.body
            return False
        found.rows[key] = entry.body
        found.given[key] = entry
        return True

    def keep(
        self,
        base: bytes,
        request: UpstreamRequest,
        response: Fetched,
        rows: Mapping[Hashable, bytes],
        tags: Callable[[Hashable], Collection[str]],
        begin: Begin,
        kept: dict[Hashable, StoredResponse],
    ) -> bool | None:
        """Keep the rows of an answer, where it may be. False where only the whole of it can, None where nothing can.

        Args:
            base: As for `lookup`.
            request: As it was sent.
            response: The answer.
            rows: Of each key that was asked for; ABSENT for those without one.
            tags: Of a key's row.
            begin: When fetching began.
            kept: Gets the rows that are kept, by key.
        """
        now = self._now()
        whole = stored_response(
            request, response, self._rules, now=now, took_s=max(0.0, now - begin.at), tags=(),
            began=begin.purges,
        )  # fmt: skip
        if not isinstance(whole, str) and (whole.needs_validation or whole.fresh_until <= now):
            self.tiers.refusals[request.endpoint] = "stale at once"
            return False if whole.validators() else None
        if isinstance(whole, str):
            self.tiers.refusals[request.endpoint] = whole
            self._kept.discard(request.endpoint)
            return None
        self._kept.add(request.endpoint)
        kind = header_value(response.headers, "content-type")
        whole.names = ("content-type",) if kind else ()
        whole.values = f"{kind}\n".encode("latin-1") if kind else b""
        of_all = {*whole.tags, url_tag(request.url), source_tag(self.source)}
        for key, row in rows.items():
            until = whole.fresh_until
            if row == ABSENT:
                until = min(until, now + self._rules.negative_ttl_s)
                if until <= now:
                    continue
            entry = replace(whole, body=row, fresh_until=until, tags=tuple(of_all.union(tags(key))))
            self.tiers.memory.set((base, key), entry)
            if self.tiers.memory.is_purged(entry):
                continue
            kept[key] = entry
            if self.tiers.shared is not None:
                self.tiers.shared.put_digest(row_key(base, key), entry, begin.shared)
        return True

    def claim(
        self, base: bytes, keys: Iterable[Hashable], endpoint: str
    ) -> tuple[list[Hashable], set[asyncio.Future[None]], asyncio.Future[None]]:
        """The missing keys that no call asks for yet, the calls that ask for the rest, and what ends this claim.

        Nobody waits at an endpoint whose answers are not kept.
        """
        mine: list[Hashable] = []
        others: set[asyncio.Future[None]] = set()
        own: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        for key in keys:
            other = self._asked.get((base, key))
            if other is not None and endpoint in self._kept:
                others.add(other)
            else:
                mine.append(key)
                self._asked[base, key] = own
        return mine, others, own

    def end_claim(self, base: bytes, keys: Iterable[Hashable], own: asyncio.Future[None]) -> None:
        """The keys have been asked for, with or without an answer: whoever waits looks again."""
        for key in keys:
            if self._asked.get((base, key)) is own:
                del self._asked[base, key]
        if not own.done():
            own.set_result(None)

    def close(self) -> None:
        """Let nobody wait for what has been asked for until now."""
        self._asked.clear()

    def count(self, endpoint: str, result: str) -> None:
        """Count what became of a look-up."""
        self._counts[self.source, endpoint, result] += 1

    def refresh(self, base: bytes, keys: Sequence[Hashable], ask: Callable[[list[Hashable]], Awaitable[None]]) -> None:  # fmt: skip
        """Ask for keys anew while nobody waits, once at a time."""
        if len(self._refreshes) >= MOST_REFRESHES:
            return
        due = [key for key in keys if (base, key) not in self._asked]
        if not due:
            return
        own: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        for key in due:
            self._asked[base, key] = own

        async def refresh_due() -> None:
            try:
                await ask(due)
            except UpstreamError:
                pass  # the policies have counted it, and the next look-up asks again
            finally:
                self.end_claim(base, due, own)

        task = asyncio.create_task(refresh_due())
        self._refreshes.add(task)
        task.add_done_callback(self._refreshes.discard)

    async def aclose(self) -> None:
        """End what is being refreshed."""
        for task in list(self._refreshes):
            task.cancel()
        await asyncio.gather(*self._refreshes, return_exceptions=True)

"""What happens to a read of a source that is cached: given from memory, asked again whether it holds, or fetched.

    fresh → given      stale, and its origin allows it → given, and refreshed meanwhile
    else → the origin, with the stored answer's validators; 304 → given; error, and it may stand in → given

A write makes what is stored of its URL unusable. It must know nothing of GraphQL, and of a request only what it sends.

Source: RFC 9111 §4, RFC 5861.
"""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Hashable

from msgspec.structs import replace

from gateway.errors import UpstreamError
from gateway.upstream.cache.directives import Directives, groups_of, seconds_in
from gateway.upstream.cache.keys import keys_of
from gateway.upstream.cache.memory import MemoryCache
from gateway.upstream.cache.settings import SourceCacheSettings
from gateway.upstream.cache.shared_tier import SharedTier
from gateway.upstream.cache.stored import StoredResponse, request_directives
from gateway.upstream.cache.storing import stored_response
from gateway.upstream.cache.tags import named_tag, source_tag, url_tag
from gateway.upstream.cache.tiers import Begin, Tiers
from gateway.upstream.cache.urls import target_of
from gateway.upstream.transport import Fetched, UpstreamRequest, UpstreamResponse, header_value

Fetch = Callable[[UpstreamRequest], Awaitable[Fetched]]
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
MOST_REFRESHES = 64
"""Refreshes of one source at a time that nobody waits for; what would be one more is refreshed later."""
_ASKING = frozenset({"cache-control", "pragma"})
_CONDITIONS = frozenset({"if-modified-since", "if-none-match"})
_NOT_READ = frozenset({"if-match", "if-range", "if-unmodified-since", "range"})
_ERRORS = frozenset({500, 502, 503, 504})


class ResponseCache:
    """The cache of one source in one worker.

    Args:
        source: Its name, which is a tag of every answer.
        rules: What its configuration adds to its headers.
        memory: Where answers are; shared between sources.
        shared: Redis, behind it; None without.
        counts: `(source, endpoint, result) → number`. Results: `hit`, `shared_hit`, `stale`, `stale_if_error`,
            `revalidated`, `miss`, `bypass`.
        now: The wall clock, seconds; for tests.
        rng: A number from 0 to 1; for tests.
    """

    def __init__(
        self,
        source: str,
        rules: SourceCacheSettings,
        memory: MemoryCache,
        counts: Counter[tuple[str, str, str]],
        *,
        shared: SharedTier | None = None,
        now: Callable[[], float] = time.time,
        rng: Callable[[], float] = random.random,
    ) -> None:
        self.source = source
        self.rules = rules
        self.rules_digest = rules.digest()
        self.memory = memory
        self.counts = counts
        self.tiers = Tiers(memory, shared, now)
        self._now = now
        self._rng = rng
        self._refreshes: dict[Hashable, asyncio.Task[None]] = {}

    async def answer(self, request: UpstreamRequest, fetch: Fetch, refresh: Fetch) -> Fetched:
        """The answer to a read.

        Args:
            request: As it would be sent.
            fetch: Asks the origin for the client that waits.
            refresh: Asks it for nobody, when the client has its answer.

        Errors: those of `fetch`.
        """
        hints = request.hints
        request.cache_keys = request.cache_entry = request.cache_lease = None
        request.cache_rules = self.rules_digest + (hints.digest if hints is not None else "")
        names = {name.lower() for name, _ in request.headers}
        asks = {} if names.isdisjoint(_ASKING) else request_directives(request.headers)
        if not names.isdisjoint(_NOT_READ) or "no-store" in asks:
            self._count(request, "bypass")
            return await fetch(request)
        is_conditional = not names.isdisjoint(_CONDITIONS)
        plain = _unconditional(request) if is_conditional else request
        self.memory.note_time(self._now())
        entry = self.memory.lookup(plain)
        hit = "hit"
        if self.tiers.shared is not None and not self._is_fresh(entry):
            known, entry = entry, await self.tiers.lookup_shared(plain, entry)
            hit = "hit" if entry is known else "shared_hit"
        if entry is None:
            if "only-if-cached" in asks:
                self.tiers.end_lease(plain)
                self._count(request, "miss")
                return Fetched(504, [], b"")
            return await self._fill(request, fetch, plain)
        now = self._now()
        left = entry.fresh_until - now
        if not entry.needs_validation and _is_enough(entry, asks, left, now):
            if left < -math.log(self._rng() or 1e-9) * entry.took_s:  # Vattani et al., XFetch
                self._refresh(plain, refresh, entry)
            answer = self._given(request, entry, hit if left > 0 else "stale")
            if is_conditional and entry.is_held_by(request.headers):
                return Fetched(304, answer.headers, b"")
            return answer
        if is_conditional:  # its own condition is asked, and the answer is its own
            return await self._fill(request, fetch, plain)
        may_refresh = not entry.needs_validation and not asks
        if may_refresh and -left < entry.stale_while_revalidate_s:
            self._refresh(plain, refresh, entry)
            return self._given(request, entry, "stale")
        return await self._validate(request, fetch, entry)

    def write(self, request: UpstreamRequest, response: Fetched | UpstreamResponse) -> None:
        """A write has ended with an answer: what is stored of its URLs and groups is not used any more. §4.4"""
        if request.method in SAFE_METHODS or not 200 <= response.status < 400:
            return
        tags = [url_tag(request.url)]
        for name in ("location", "content-location"):
            given = header_value(response.headers, name)
            if given and (url := target_of(request.url, given)):
                tags.append(url_tag(url))
        groups = groups_of(response.headers, "cache-group-invalidation")  # RFC 9875
        tags += [named_tag(self.source, name) for name in groups]
        self.memory.purge(tags)

    async def aclose(self) -> None:
        """End what is being refreshed."""
        tasks = list(self._refreshes.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _count(self, request: UpstreamRequest, result: str) -> None:
        request.cache_result = result
        self.counts[self.source, request.endpoint, result] += 1

    async def _fill(
        self, request: UpstreamRequest, fetch: Fetch, plain: UpstreamRequest
    ) -> Fetched:
        """Ask for an answer, and keep it for who asks on no condition."""
        self._count(request, "miss")
        begin = self.tiers.begin()
        try:
            response = await fetch(request)
            request.cache_entry = self._keep(plain, response, begin)
            return response
        finally:
            self.tiers.end_lease(plain)

    def _given(self, request: UpstreamRequest, entry: StoredResponse, result: str) -> Fetched:
        """A stored answer, which whoever asks is given."""
        self._count(request, result)
        request.cache_entry = entry
        return entry.answer(self._now())

    def _keep(
        self, request: UpstreamRequest, response: Fetched, begin: Begin
    ) -> StoredResponse | None:
        """Store an answer, where it may be; where it may not, what was stored for the request is gone, and None."""
        if response.status == 304:
            return None
        now = self._now()
        entry = stored_response(
            request,
            response,
            self.rules,
            now=now,
            took_s=max(0.0, now - begin.at),
            tags=(),
            began=begin.purges,
        )
        if not isinstance(entry, str):
            entry.tags = (*entry.tags, url_tag(request.url), source_tag(self.source))
        self.tiers.keep(request, response, entry, begin)
        return None if isinstance(entry, str) or self.memory.is_purged(entry) else entry

    async def _validate(
        self, request: UpstreamRequest, fetch: Fetch, entry: StoredResponse
    ) -> Fetched:
        """Ask whether a stored answer still holds."""
        try:
            return await self._validated(request, fetch, entry)
        finally:
            self.tiers.end_lease(request)

    async def _validated(
        self, request: UpstreamRequest, fetch: Fetch, entry: StoredResponse
    ) -> Fetched:
        """The answer that holds. §4.3"""
        begin = self.tiers.begin()
        headers = [*request.headers, *entry.validators()]
        asked = replace(request, headers=headers, cache_keys=None)
        try:
            response = await fetch(asked)
        except UpstreamError:
            if self._may_stand_in(entry):
                return self._stand_in(request, entry)
            raise
        if response.status == 304 and asked.headers != request.headers:
            response = entry.confirmed(response)
            self._count(request, "revalidated")
        elif response.status in _ERRORS and self._may_stand_in(entry):
            return self._stand_in(request, entry)
        else:
            self._count(request, "miss")
        request.cache_entry = self._keep(request, response, begin)
        return response

    def _is_fresh(self, entry: StoredResponse | None) -> bool:
        if entry is None or entry.needs_validation:
            return False
        return entry.fresh_until > self._now()

    def _may_stand_in(self, entry: StoredResponse) -> bool:
        """Whether a stale answer may be given where the origin fails. RFC 5861 §4"""
        return self._now() - entry.fresh_until < entry.stale_if_error_s

    def _stand_in(self, request: UpstreamRequest, entry: StoredResponse) -> Fetched:
        return self._given(request, entry, "stale_if_error")

    def _refresh(self, request: UpstreamRequest, fetch: Fetch, entry: StoredResponse) -> None:
        """Bring an answer up to date while nobody waits, once at a time."""
        key = keys_of(request).who
        if key in self._refreshes or len(self._refreshes) >= MOST_REFRESHES:
            return

        async def refresh() -> None:
            asked = replace(request)
            try:
                if await self.tiers.is_leader(asked):
                    await self._validate(asked, fetch, entry)
            except UpstreamError:
                pass  # the policies have counted it, and the next request asks again
            finally:
                self._refreshes.pop(key, None)

        self._refreshes[key] = asyncio.create_task(refresh())


def _unconditional(request: UpstreamRequest) -> UpstreamRequest:
    """A request as it is without the condition of whoever has an answer already."""
    headers = [header for header in request.headers if header[0].lower() not in _CONDITIONS]
    if len(headers) == len(request.headers):
        return request
    return replace(request, headers=headers, cache_keys=None)


def _is_enough(entry: StoredResponse, asks: Directives, left: float, now: float) -> bool:
    """Whether a stored answer is as fresh as a request asks for. §5.2.1"""
    if not asks:
        return left > 0
    if "no-cache" in asks:
        return False
    most = seconds_in(asks, "max-age")
    if most is not None and now - entry.born > most:
        return False
    left -= seconds_in(asks, "min-fresh") or 0
    if "max-stale" in asks and entry.may_be_stale:
        stale = seconds_in(asks, "max-stale") if asks["max-stale"] else math.inf
        return left + (stale or 0) > 0
    return left > 0


def is_kept_whole(request: UpstreamRequest) -> bool:
    """Whether the answer to a request may be stored as it comes."""
    hints, body = request.hints, request.body
    return (
        request.is_read
        and not request.may_change
        and (body is None or isinstance(body, bytes))
        and not (hints is not None and hints.in_rows)
    )

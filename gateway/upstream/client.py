"""The backends of one worker: every upstream call of connectors and resolvers goes through here.

It knows sources by name and nothing of GraphQL.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Collection, Coroutine, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from gateway.concurrency.singleflight import FollowerTimeoutError
from gateway.errors import UpstreamError
from gateway.telemetry.catalogue import CACHE_REDIS_FAILURES
from gateway.telemetry.metrics import Sample
from gateway.telemetry.trace import CURRENT, clock
from gateway.upstream.cache.memory import MemoryCache
from gateway.upstream.cache.response_cache import ResponseCache, is_kept_whole
from gateway.upstream.cache.row_store import RowStore
from gateway.upstream.cache.settings import ResponseCacheSettings
from gateway.upstream.cache.shared_tier import SharedTier
from gateway.upstream.cache.tags import named_tag
from gateway.upstream.caller import Caller, CallStats
from gateway.upstream.policy.counters import Counters
from gateway.upstream.policy.policy import Policy
from gateway.upstream.reads import Reads
from gateway.upstream.settings import SourceSettings
from gateway.upstream.source import UpstreamSource
from gateway.upstream.transport import Fetched, Transport, UpstreamRequest, UpstreamResponse

if TYPE_CHECKING:
    import httpx

    from gateway.upstream.shadow import ShadowCalls

R = TypeVar("R", Fetched, UpstreamResponse)


class Upstream:
    """All sources, for one worker's event loop.

    Args:
        settings: By source name, one worker's part. A request with another name, or none, gets the
            defaults.
        counters: To be told.
        cache: How much of answers is kept.
        transports: By source name, in place of those that lead to the network: for tests.
        before: What these sources take the place of: one whose settings are equal goes on, with its connections, the
            state of its breakers and what is kept of it.

    Attributes:
        counters: What the policies decided.
        reads: Those under way; `close` them where a write begins or ends.
        memory: What is kept.
        shared: Where it is kept for all workers and pods; None without. Set before `open`.
        shadows: What is compared after the answers; None where nothing is.
    """

    def __init__(
        self,
        settings: Mapping[str, SourceSettings],
        counters: Counters | None = None,
        cache: ResponseCacheSettings | None = None,
        transports: Mapping[str, Transport] | None = None,
        before: Upstream | None = None,
    ) -> None:
        self.memory = MemoryCache((cache or ResponseCacheSettings()).max_bytes)
        self.shared: SharedTier | None = None
        self.shadows: ShadowCalls | None = None
        self._settings = settings
        self._transports = transports or {}
        self._sources: dict[str, UpstreamSource] = {}
        self.counters = counters or Counters()
        self.reads = Reads()
        self._successor: Upstream | None = None
        self._known: dict[str, UpstreamSource] = {}
        if before is not None:
            self.memory, self.counters = before.memory, before.counters
            self.shared, self.reads = before.shared, before.reads
            self._transports, self._known = before._transports, before._sources
        else:
            self.memory.watch(self.reads.close)

    async def open(self) -> None:
        """Make the transports; call it in the event loop that will use them."""
        for name, settings in {"": SourceSettings(), **self._settings}.items():
            known = self._known.get(name)
            if known is not None and known.settings == settings:
                known.users += 1
                self._sources[name] = known
                continue
            self._sources[name] = UpstreamSource(
                name,
                settings,
                self.counters,
                self.memory,
                self.shared,
                self.transport_of(name, settings),
            )
        self._known = {}

    def successor(self, settings: Mapping[str, SourceSettings]) -> Upstream:
        """What takes the place of these sources, by other settings."""
        return Upstream(settings, before=self)

    def apart(self, settings: Mapping[str, SourceSettings]) -> Upstream:
        """The same sources with nothing of these: their own breakers, places and connections, and nothing kept."""
        return Upstream(settings, transports=self._transports)

    def transport_of(self, name: str, settings: SourceSettings) -> Transport | None:
        """What a source's calls go through; None for what its settings say."""
        del settings
        return self._transports.get(name)

    async def aclose(self, used: Upstream | None = None) -> None:
        """Close every connection, but of the sources that others have too, whichever of them is closed first.

        What still holds this one, the source stream of a subscription, calls what is used instead.
        """
        if self.shadows is not None:
            await self.shadows.aclose()
        sources, self._sources = self._sources, {}
        self._successor = used
        for source in sources.values():
            await source.leave()

    def hand_over(self, after: Upstream) -> None:
        """Others take the place of these sources: what those that do not go on have counted stays counted."""
        kept = set(after._sources.values())
        for source in self._sources.values():
            if source not in kept:
                source.policy.leave_counts()

    @property
    def names(self) -> Collection[str]:
        """The sources that have a name."""
        return [name for name in self._sources if name]

    @property
    def policies(self) -> Collection[Policy]:
        """The policies of each source: state of breakers, places in use."""
        return [source.policy for source in self._sources.values()]

    def samples(self) -> Iterator[Sample]:
        """What was counted, for metrics."""
        yield from self.counters.samples()
        for policy in self.policies:
            yield from policy.samples()
        yield from self.memory.samples()
        if self.shared is not None:
            for operation, count in self.shared.lines.failures.items():
                yield CACHE_REDIS_FAILURES, (operation,), count

    def fetch(self, request: UpstreamRequest, caller: Caller) -> Coroutine[Any, Any, Fetched]:
        """Call a backend and read the whole answer. Errors: UpstreamError."""
        source = self._source(request.source)
        source.add_headers(request, caller)
        if source.cache is not None and is_kept_whole(request):
            return self._cached(source, source.cache, request, caller)
        if caller.stats.outward is not None:
            caller.stats.outward.note_call(request)
        if request.is_read and source.settings.dedupe_enabled and not request.may_change:
            return self._share(source, request, caller)
        call = source.policy.fetch(request, caller.deadline, caller.stats)
        return call if request.is_read else self._write(source, request, call)

    async def _write(
        self, source: UpstreamSource, request: UpstreamRequest, call: Awaitable[R]
    ) -> R:
        """Send a write; what it makes unusable of what is kept is purged."""
        # What is read from now on, and what is read when it has ended, must not be from before.
        self.reads.close()
        try:
            response = await call
        finally:
            self.reads.close()
        if source.cache is not None:
            source.cache.write(request, response)
        if isinstance(response, Fetched):
            self._purge(request, response)
        return response

    def _purge(self, request: UpstreamRequest, response: Fetched) -> None:
        """What the schema says that a write makes unusable, whichever source it is of."""
        hints = request.hints
        if hints is None or hints.purges is None or not 200 <= response.status < 400:
            return
        names = hints.purges(response)
        cached = [name for name, source in self._sources.items() if source.cache is not None]
        if names and cached:
            self.memory.purge([named_tag(source, name) for source in cached for name in names])

    def row_store(self, source: str | None) -> RowStore | None:
        """Where the rows of a source's batches are kept; None where they are not."""
        found = self._sources.get(source or "")
        return None if found is None else found.rows

    async def refresh(self, request: UpstreamRequest, caller: Caller) -> Fetched:
        """Call a backend for what is kept, by a client's headers. Errors: UpstreamError."""
        self._source(request.source).add_headers(request, caller)
        return await self.fetch_unasked(request)

    async def fetch_unasked(self, request: UpstreamRequest) -> Fetched:
        """Call a backend in nobody's name: in the time that its source has. Errors: UpstreamError."""
        source = self._source(request.source)
        deadline = asyncio.get_running_loop().time() + source.settings.timeout_s
        return await source.policy.fetch(request, deadline, CallStats())

    async def _cached(
        self, source: UpstreamSource, cache: ResponseCache, request: UpstreamRequest, caller: Caller
    ) -> Fetched:
        stats, step = caller.stats, CURRENT.get()
        calls = stats.calls + stats.shared

        def fetch(asked: UpstreamRequest) -> Awaitable[Fetched]:
            return self._share(source, asked, caller)

        response = await cache.answer(request, fetch, self.fetch_unasked)
        was_asked = stats.calls + stats.shared != calls
        stats.cached += not was_asked
        if step is not None:
            step.looked_up(request.cache_result)
        if stats.outward is not None:
            stats.outward.looked_up.append((request.source, request.endpoint))
            why = f"{request.source}: {cache.tiers.refusals.get(request.endpoint, 'not kept')}"
            stats.outward.note(request.cache_entry, was_asked=was_asked, why=why)
        return response

    async def _share(
        self, source: UpstreamSource, request: UpstreamRequest, caller: Caller
    ) -> Fetched:
        stats, step = caller.stats, CURRENT.get()
        begin_ns = clock() if step is not None else 0

        def tell(what: str) -> None:
            self.counters.add(what, request.source, request.endpoint)
            stats.shared += what == "shared"
            if step is None:
                return
            if what == "shared":
                step.shared += 1
                step.waits = [*step.waits, (begin_ns, clock())]
            else:
                step.led += 1

        def call() -> Awaitable[Fetched]:
            return source.policy.fetch(request, caller.deadline, stats)

        try:
            return await self.reads.call_once(source, request, call, caller.deadline, tell)
        except FollowerTimeoutError as exc:
            raise UpstreamError(
                "GATEWAY_TIMEOUT", source=request.source, detail="while it shared a call"
            ) from exc

    async def send(self, request: UpstreamRequest, caller: Caller) -> UpstreamResponse:
        """Call a backend and give the answer's head, its body still on the wire. Errors: UpstreamError."""
        if caller.stats.outward is not None:
            caller.stats.outward.note_call(request)
        source = self._source(request.source)
        source.add_headers(request, caller)
        call = source.policy.send(request, caller.deadline, caller.stats)
        return await (call if request.is_read else self._write(source, request, call))

    def max_response_size_bytes(self, source: str) -> int:
        """What a source may answer at most."""
        return self._source(source).settings.max_response_size_bytes

    def is_post_read(self, source: str) -> bool:
        """Whether a source's POSTs may be repeated like a GET."""
        return self._source(source).settings.post_is_safe

    def http_client(self, caller: Caller) -> httpx.AsyncClient:
        """httpx's interface over our own pool, with the request's deadline."""
        import httpx  # with the command line that it brings along 5 MB: for those who call

        from gateway.upstream.httpx_bridge import UpstreamTransport

        return httpx.AsyncClient(
            transport=UpstreamTransport(self, caller),
            trust_env=False,
            follow_redirects=False,
            timeout=None,  # noqa: S113 - the request's deadline bounds every call of the pool
        )

    def _source(self, name: str) -> UpstreamSource:
        """The source of a name; the one of all others where there is none."""
        found = self._sources.get(name) or self._sources.get("")
        if found is None:
            assert self._successor is not None, "its worker has ended"
            while self._successor._successor is not None:
                self._successor = self._successor._successor
            return self._successor._source(name)
        return found

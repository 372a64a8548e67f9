"""One backend of one worker: its transport, the policies around it, and what is kept of it.

It must not choose between them: the client says which way a call goes.
"""

from __future__ import annotations

from gateway.auth.cookies import find_cookie
from gateway.upstream.build_transport import build_transport
from gateway.upstream.cache.memory import MemoryCache
from gateway.upstream.cache.response_cache import ResponseCache
from gateway.upstream.cache.row_store import RowStore
from gateway.upstream.cache.shared_tier import SharedTier
from gateway.upstream.caller import Caller
from gateway.upstream.policy.counters import Counters
from gateway.upstream.policy.policy import Policy
from gateway.upstream.settings import SourceSettings
from gateway.upstream.transport import Transport, UpstreamRequest


class UpstreamSource:
    """One backend: its transport, and the policies around it.

    Attributes:
        users: How many revisions have it; the last one closes it.
    """

    def __init__(
        self,
        name: str,
        settings: SourceSettings,
        counters: Counters,
        memory: MemoryCache,
        shared: SharedTier | None = None,
        transport: Transport | None = None,
    ) -> None:
        self.users = 1
        self.settings = settings
        self.transport = transport or build_transport(settings)
        self.policy = Policy(name, settings, self.transport, counters)
        self.cache: ResponseCache | None = None
        self.rows: RowStore | None = None
        if settings.cache.enabled and settings.dedupe_enabled:
            self.cache = ResponseCache(
                name, settings.cache, memory, counters.cache_lookups, shared=shared
            )
            self.rows = RowStore(name, settings.cache, self.cache.tiers, counters.cache_lookups)
        self._headers = [(name.lower(), value) for name, value in (settings.headers or {}).items()]

    async def leave(self) -> None:
        """One revision less has it."""
        self.users -= 1
        if not self.users:
            await self.aclose()

    async def aclose(self) -> None:
        """Close every connection."""
        if self.rows is not None:
            await self.rows.aclose()
        if self.cache is not None:
            await self.cache.aclose()
        await self.transport.aclose()

    def add_headers(self, request: UpstreamRequest, caller: Caller) -> None:
        """The configured headers, where the request does not set them itself, and the session's cookie."""
        if self._headers:
            own = {name.lower() for name, _ in request.headers}
            added = [header for header in self._headers if header[0] not in own]
            request.headers = [*request.headers, *added]
        name = self.settings.session_cookie
        if name is not None and (value := find_cookie(caller.headers.get("cookie", ""), name)):
            request.headers = [*request.headers, ("cookie", f"{name}={value}")]

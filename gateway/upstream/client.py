"""The backends of one worker: every upstream call of connectors and resolvers goes through here.

It knows sources by name and nothing of GraphQL.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from gateway.errors import UpstreamError
from gateway.upstream.aiohttp_transport import AiohttpTransport
from gateway.upstream.settings import SourceSettings
from gateway.upstream.transport import Header, Request, Response, Transport

if TYPE_CHECKING:
    from gateway.context import Context


@dataclass(slots=True)
class Fetched:
    """A whole answer.

    Attributes:
        status: HTTP status code.
        headers: In order, names in lower case.
        body: Decompressed.
    """

    status: int
    headers: Sequence[Header]
    body: bytes


class Source:
    """One backend: its transport, and the places for calls in flight."""

    def __init__(self, settings: SourceSettings) -> None:
        self.settings = settings
        self.transport: Transport = AiohttpTransport(
            max_connections=settings.max_concurrency,
            connect_timeout_s=settings.connect_timeout_s,
            keepalive_s=settings.keepalive_s,
        )
        self.places = asyncio.Semaphore(settings.max_concurrency)
        self._headers = [(name.lower(), value) for name, value in (settings.headers or {}).items()]

    def add_headers(self, request: Request, context: Context) -> None:
        """The configured headers, where the request does not set them itself, and the session's cookie."""
        if self._headers:
            own = {name.lower() for name, _ in request.headers}
            added = [header for header in self._headers if header[0] not in own]
            request.headers = [*request.headers, *added]
        name = self.settings.session_cookie
        if name is not None and (value := find_cookie(context.headers.get("cookie", ""), name)):
            request.headers = [*request.headers, ("cookie", f"{name}={value}")]


def find_cookie(header: str, name: str) -> str | None:
    """The value of one cookie of a `Cookie` header, as it was sent; the first where it stands twice."""
    for pair in header.split(";"):
        key, equals, value = pair.strip().partition("=")
        if equals and key == name:
            return value
    return None


class Upstream:
    """All sources, for one worker's event loop.

    Args:
        settings: By source name. A request with another name, or none, gets the defaults.
    """

    def __init__(self, settings: Mapping[str, SourceSettings]) -> None:
        self._settings = settings
        self._sources: dict[str, Source] = {}

    async def start(self) -> None:
        """Make the transports; call it in the event loop that will use them."""
        for name, settings in self._settings.items():
            self._sources[name] = Source(settings)
        self._sources.setdefault("", Source(SourceSettings()))

    async def aclose(self) -> None:
        """Close every connection."""
        for source in self._sources.values():
            await source.transport.aclose()
        self._sources.clear()

    async def fetch(self, request: Request, context: Context) -> Fetched:
        """Call a backend and read the whole answer. Errors: UpstreamError."""
        source = self._source(request)
        now = asyncio.get_running_loop().time()
        deadline = min(context.deadline, now + source.settings.timeout_s)
        begin = time.perf_counter()
        source.add_headers(request, context)
        stats = context.stats
        stats.calls += 1
        try:
            await take_place(source, request, deadline)
            try:
                response = await source.transport.send(request, deadline)
                body = await response.read(source.settings.max_response_size_bytes)
            finally:
                source.places.release()
            return Fetched(response.status, response.headers, body)
        finally:
            stats.wait_s += time.perf_counter() - begin

    async def send(self, request: Request, context: Context) -> Response:
        """Call a backend and give the answer's head, its body still on the wire. Errors: UpstreamError."""
        source = self._source(request)
        begin = asyncio.get_running_loop().time()
        deadline = min(context.deadline, begin + source.settings.timeout_s)
        source.add_headers(request, context)
        context.stats.calls += 1
        await take_place(source, request, deadline)
        try:
            return await source.transport.send(request, deadline)
        finally:
            source.places.release()

    def http_client(self, context: Context) -> httpx.AsyncClient:
        """httpx's interface over our own pool, with the request's deadline."""
        from gateway.upstream.httpx_bridge import UpstreamTransport

        return httpx.AsyncClient(
            transport=UpstreamTransport(self, context),
            trust_env=False,
            follow_redirects=False,
            timeout=None,  # noqa: S113 - the request's deadline bounds every call of the pool
        )

    def _source(self, request: Request) -> Source:
        return self._sources.get(request.source) or self._sources[""]


async def take_place(source: Source, request: Request, deadline: float) -> None:
    """Wait for a place among the source's calls in flight. Errors: UpstreamError(GATEWAY_TIMEOUT)."""
    if not source.places.locked():
        await source.places.acquire()  # returns at once: no timer has to be set
        return
    try:
        async with asyncio.timeout_at(deadline):
            await source.places.acquire()
    except TimeoutError as exc:
        raise UpstreamError(
            "GATEWAY_TIMEOUT", source=request.source, detail="no place among calls in flight"
        ) from exc

"""httpx's transport interface over our own pool: what `context.http` rides on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import httpx

from gateway.errors import UpstreamError
from gateway.upstream.transport import Request, Response

if TYPE_CHECKING:
    from gateway.context import Context
    from gateway.upstream.client import Upstream

# What our transport sets itself, or what belongs to one hop only.
DROPPED = frozenset({"connection", "content-length", "host", "transfer-encoding", "keep-alive"})


class UpstreamTransport(httpx.AsyncBaseTransport):
    """Sends httpx's requests through `Upstream`, in the name of one request's context."""

    def __init__(self, upstream: Upstream, context: Context) -> None:
        self._upstream = upstream
        self._context = context

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send. Errors: httpx.TimeoutException, httpx.TransportError."""
        stream = request.stream
        body = stream if isinstance(stream, httpx.AsyncByteStream) else None
        content: bytes | AsyncIterator[bytes] | None
        if isinstance(stream, httpx.ByteStream):
            content = b"".join(stream) or None
        else:
            content = aiter(body) if body is not None else None
        headers = [
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in request.headers.raw
            if name.lower().decode("latin-1") not in DROPPED
        ]
        url = str(request.url)
        # A resolver's own URLs have any number of paths: they are one endpoint of their source.
        ours = Request(
            request.method,
            url,
            headers,
            content,
            self._source_of(url),
            endpoint=f"{request.method} (context.http)",
            is_read=request.method in ("GET", "HEAD"),
        )
        try:
            response = await self._upstream.send(ours, self._context)
        except UpstreamError as exc:
            raise _as_httpx(exc, request) from exc
        return httpx.Response(
            response.status,
            headers=[(n, v) for n, v in response.headers if n != "content-encoding"],
            stream=_Body(response, request),
            request=request,
        )

    def _source_of(self, url: str) -> str:
        """The source whose base URL `url` is under, so that it gets that source's policies."""
        for name, base in self._context.source_urls.items():
            root = base.rstrip("/")
            if url == root or url.startswith((root + "/", root + "?")):
                return name
        return ""


class _Body(httpx.AsyncByteStream):
    def __init__(self, response: Response, request: httpx.Request) -> None:
        self._response = response
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._response.aiter_bytes():
                yield chunk
        except UpstreamError as exc:
            raise _as_httpx(exc, self._request) from exc

    async def aclose(self) -> None:
        await self._response.aclose()


def _as_httpx(exc: UpstreamError, request: httpx.Request) -> httpx.TransportError:
    text = exc.detail or exc.message
    if exc.code == "GATEWAY_TIMEOUT":
        return httpx.ReadTimeout(text, request=request)
    return httpx.ConnectError(text, request=request)

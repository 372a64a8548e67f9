"""httpx's transport interface over our own pool: what `context.http` rides on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import httpx

from gateway.errors import UpstreamError
from gateway.upstream.transport import UpstreamRequest, UpstreamResponse

if TYPE_CHECKING:
    from gateway.upstream.caller import Caller
    from gateway.upstream.client import Upstream

# What our transport sets itself, or what belongs to one hop only.
DROPPED = frozenset({"connection", "content-length", "host", "transfer-encoding", "keep-alive"})
# Repeated and hedged, where they have no body.
READS = frozenset({"GET", "HEAD", "OPTIONS"})


class UpstreamTransport(httpx.AsyncBaseTransport):
    """Sends httpx's requests through `Upstream`, in the name of one request."""

    def __init__(self, upstream: Upstream, caller: Caller) -> None:
        self._upstream = upstream
        self._caller = caller

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
        # httpx has made a header of its user name and password; they never stand in a log.
        url = str(request.url.copy_with(userinfo=b"") if request.url.userinfo else request.url)
        # A resolver's own URLs have any number of paths: they are one endpoint of their source.
        ours = UpstreamRequest(
            request.method,
            url,
            headers,
            content,
            self._source_of(url),
            endpoint=f"{request.method} (context.http)",
        )
        # The body of a read that is said to be one may be sent again; a stream never.
        ours.is_read = (request.method in READS and content is None) or (
            request.method == "POST" and self._upstream.is_post_read(ours.source)
        )
        try:
            response = await self._upstream.send(ours, self._caller)
        except UpstreamError as exc:
            raise _as_httpx(exc, request) from exc
        return httpx.Response(
            response.status,
            # As bytes: httpx takes text for ASCII, and a backend's headers may be any bytes.
            headers=[
                (name.encode("latin-1"), value.encode("latin-1"))
                for name, value in response.headers
                if name != "content-encoding"
            ],
            stream=_Body(
                response,
                request,
                ours.source,
                self._upstream.max_response_size_bytes(ours.source),
            ),
            request=request,
        )

    def _source_of(self, url: str) -> str:
        """The source whose base URL `url` is under, so that it gets that source's policies."""
        for name, base in self._caller.source_urls.items():
            root = base.rstrip("/")
            if url == root or url.startswith((root + "/", root + "?")):
                return name
        return ""


class _Body(httpx.AsyncByteStream):
    def __init__(
        self, response: UpstreamResponse, request: httpx.Request, source: str, max_bytes: int
    ) -> None:
        self._response = response
        self._source = source
        self._request = request
        self._max_bytes = max_bytes

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        try:
            async for chunk in self._response.aiter_bytes():
                size += len(chunk)
                self._check_size(size)
                yield chunk
        except UpstreamError as exc:
            raise _as_httpx(exc, self._request) from exc

    def _check_size(self, size: int) -> None:
        if size > self._max_bytes:
            detail = f"over {self._max_bytes} bytes"
            raise UpstreamError("RESPONSE_TOO_LARGE", source=self._source, detail=detail)

    async def aclose(self) -> None:
        await self._response.aclose()


class FailedCallError(UpstreamError, httpx.ConnectError):
    """httpx's error for who catches that; where nobody does, the client sees its code and source."""


class LateCallError(UpstreamError, httpx.ReadTimeout):
    """The same of a call that was cut at its time."""


def _as_httpx(exc: UpstreamError, request: httpx.Request) -> httpx.TransportError:
    kind = LateCallError if exc.code == "GATEWAY_TIMEOUT" else FailedCallError
    error = kind(exc.code, source=exc.source, detail=exc.detail, was_sent=exc.was_sent)
    error.request = request
    return error

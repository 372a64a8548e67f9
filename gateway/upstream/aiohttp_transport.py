"""The port to the network over aiohttp's client: the baseline that the native transport is measured by.

It maps aiohttp's exceptions to ours at this edge, and keeps nothing of an answer but its connection.
"""

from __future__ import annotations

import asyncio
import io
import ssl
from collections.abc import AsyncIterator, Sequence
from math import inf

import aiohttp
import yarl
from aiohttp import http_parser

from gateway.errors import UpstreamError
from gateway.upstream.decompress import decoded
from gateway.upstream.h1_request import check_parts, parse_origin, split_url
from gateway.upstream.transport import Header, Request

CHUNK_BYTES = 64 * 1024
# aiohttp warns of plain bytes above this.
LARGE_BYTES = 1024 * 1024


class AiohttpTransport:
    """Sends requests by one `aiohttp.ClientSession`.

    Args:
        max_connections: To one host.
        connect_timeout_s: For making a connection.
        keepalive_s: How long an idle connection is kept.
        pool_timeout_s: For waiting until a connection is free. aiohttp has one time for this and the
            making of a connection together: it is the sum.
        tls: For https; aiohttp's own by default.
        unix_socket: Every connection leads there, whatever the URL's host.

    Errors: RuntimeError when aiohttp's C parser is not there: the pure Python one costs several times.
    """

    def __init__(
        self,
        *,
        max_connections: int,
        connect_timeout_s: float,
        keepalive_s: float,
        pool_timeout_s: float = 5.0,
        tls: ssl.SSLContext | None = None,
        unix_socket: str | None = None,
    ) -> None:
        if http_parser.HttpResponseParser is http_parser.HttpResponseParserPy:
            raise RuntimeError("aiohttp runs without its C parser: install a wheel of it")
        self._connect_timeout_s = connect_timeout_s
        self._pool_timeout_s = pool_timeout_s
        connector: aiohttp.BaseConnector
        if unix_socket is not None:
            connector = aiohttp.UnixConnector(
                unix_socket, limit=0, limit_per_host=max_connections, keepalive_timeout=keepalive_s
            )
        else:
            connector = aiohttp.TCPConnector(
                limit=0,
                limit_per_host=max_connections,
                keepalive_timeout=keepalive_s,
                ttl_dns_cache=10,
                ssl=tls if tls is not None else True,
            )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,  # it takes a body that was cut short for a whole one
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            requote_redirect_url=False,
        )

    async def send(self, request: Request, deadline: float) -> AiohttpResponse:
        """As the port says."""
        left_s = deadline - asyncio.get_running_loop().time()
        if left_s <= 0:
            raise UpstreamError(
                "GATEWAY_TIMEOUT", source=request.source, detail="no time was left", was_sent=False
            )
        body = request.body
        timeout = aiohttp.ClientTimeout(
            total=left_s if left_s < inf else None,
            connect=self._pool_timeout_s + self._connect_timeout_s,
            sock_connect=self._connect_timeout_s,
        )
        try:
            base, _ = split_url(request.url)
            parse_origin(base)
            check_parts(request)
            response = await self._session.request(
                request.method,
                yarl.URL(request.url, encoded=True),
                # aiohttp joins repeated names only where their letter case is the same.
                headers=[(name.lower(), value) for name, value in request.headers],
                data=io.BytesIO(body)
                if isinstance(body, bytes) and len(body) > LARGE_BYTES
                else body,
                allow_redirects=False,
                timeout=timeout,
            )
        except Exception as exc:
            raise mapped(exc, request.source) from exc
        if response.status == 101:
            response.close()
            detail = "the backend switched protocols unasked"
            raise UpstreamError("HTTP_CLIENT_ERROR", source=request.source, detail=detail)
        return AiohttpResponse(response, request.source)

    async def aclose(self) -> None:
        """As the port says."""
        await self._session.close()


class AiohttpResponse:
    """As the port's `Response`."""

    def __init__(self, response: aiohttp.ClientResponse, source: str) -> None:
        self._response = response
        self._source = source
        self.status = response.status

    @property
    def headers(self) -> Sequence[Header]:
        """In order, names in lower case."""
        return [
            (name.decode("latin-1").lower(), value.decode("latin-1"))
            for name, value in self._response.raw_headers
        ]

    async def aiter_bytes(self) -> AsyncIterator[bytes]:
        """As the port says."""
        codings = self._response.headers.getall("content-encoding", ())
        try:
            raw = self._response.content.iter_chunked(CHUNK_BYTES)
            async for piece in decoded(raw, ", ".join(codings)):
                yield piece
        except Exception as exc:
            raise mapped(exc, self._source) from exc

    async def read(self, max_bytes: int) -> bytes:
        """As the port says."""
        parts: list[bytes] = []
        size = 0
        try:
            async for piece in self.aiter_bytes():
                size += len(piece)
                if size > max_bytes:
                    break
                parts.append(piece)
        except BaseException:
            self._response.close()
            raise
        if size > max_bytes:
            self._response.close()
            detail = f"over {max_bytes} bytes"
            raise UpstreamError("RESPONSE_TOO_LARGE", source=self._source, detail=detail)
        self._response.release()
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def aclose(self) -> None:
        """As the port says."""
        if self._response.content.at_eof():
            self._response.release()
        else:
            self._response.close()


def mapped(exc: Exception, source: str) -> UpstreamError:
    """A foreign exception as ours."""
    detail = f"{type(exc).__name__}: {exc}"[:500]
    code = "GATEWAY_TIMEOUT" if isinstance(exc, TimeoutError) else "HTTP_CLIENT_ERROR"
    was_sent = not isinstance(exc, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError)
    return UpstreamError(code, source=source, detail=detail, was_sent=was_sent)

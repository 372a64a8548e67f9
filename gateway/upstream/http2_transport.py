"""The port to the network over HTTP/2, by httpx's own transport (httpcore and h2): for sources that ask for it.

Over TLS both sides agree by ALPN, on HTTP/1.1 where the backend has no other; to an `http:` URL it is HTTP/2
with prior knowledge. It costs several times what the native transport does: it is for backends that speak
HTTP/2 only, or are far away. It maps httpx's exceptions to ours at this edge.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from math import inf
from typing import cast

import httpx

from gateway.errors import ConfigError, UpstreamError
from gateway.upstream.decompress import decoded
from gateway.upstream.h1_pool import Limits
from gateway.upstream.h1_request import check_parts, parse_origin, split_url
from gateway.upstream.transport import Header, Request

NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class Http2Transport:
    """Sends requests by one httpx transport for each scheme.

    Args:
        limits: Of connections; `max_age_s` is not looked at.
        tls: The TLS context; None for the system's.
        unix_socket: Path of a socket that every connection leads to.

    Errors: ConfigError when h2 is not installed.
    """

    def __init__(
        self, limits: Limits, *, tls: ssl.SSLContext | None, unix_socket: str | None
    ) -> None:
        try:
            import h2  # noqa: F401 - httpx says so only when it connects
        except ImportError as exc:
            raise ConfigError(
                'transport = "http2" needs h2',
                key="sources",
                hint="pip install 'compiled-graphql-gateway[http2]'",
            ) from exc
        self._timeout = {
            "connect": limits.connect_timeout_s,
            "pool": limits.pool_timeout_s,
            "read": None,
            "write": None,
        }
        pool = httpx.Limits(
            max_connections=limits.max_connections,
            max_keepalive_connections=limits.max_connections,
            keepalive_expiry=limits.keepalive_s,
        )
        self._transports = {
            is_tls: httpx.AsyncHTTPTransport(
                verify=tls if tls is not None else True,
                http1=is_tls,
                http2=True,
                limits=pool,
                trust_env=False,
                uds=unix_socket,
            )
            for is_tls in (True, False)
        }

    async def send(self, request: Request, deadline: float) -> Http2Response:
        """As the port says."""
        source = request.source
        if deadline <= asyncio.get_running_loop().time():
            raise UpstreamError(
                "GATEWAY_TIMEOUT", source=source, detail="no time was left", was_sent=False
            )
        try:
            base, target = split_url(request.url)
            origin = parse_origin(base)
            check_parts(request)
            asked = httpx.Request(
                request.method,
                base,
                headers=[
                    (name.encode("latin-1"), v.encode("latin-1")) for name, v in request.headers
                ],
                content=request.body,
                extensions={"timeout": self._timeout, "target": target.encode("ascii")},
            )
            async with asyncio.timeout_at(None if deadline == inf else deadline):
                answer = await self._transports[origin.is_tls].handle_async_request(asked)
        except Exception as exc:
            raise mapped(exc, source) from exc
        return Http2Response(answer, source, deadline)

    async def aclose(self) -> None:
        """As the port says."""
        for transport in self._transports.values():
            await transport.aclose()


class Http2Response:
    """As the port's `Response`."""

    def __init__(self, answer: httpx.Response, source: str, deadline: float) -> None:
        self._answer = answer
        self._source = source
        self._deadline = deadline
        self.status = answer.status_code

    @property
    def headers(self) -> Sequence[Header]:
        """In order, names in lower case."""
        return [
            (name.decode("latin-1").lower(), value.decode("latin-1"))
            for name, value in self._answer.headers.raw
        ]

    async def aiter_bytes(self) -> AsyncIterator[bytes]:
        """As the port says."""
        codings = ", ".join(value for name, value in self.headers if name == "content-encoding")
        raw = aiter(cast("httpx.AsyncByteStream", self._answer.stream))
        pieces = decoded(raw, codings)
        try:
            while True:
                async with asyncio.timeout_at(None if self._deadline == inf else self._deadline):
                    try:
                        piece = await anext(pieces)
                    except StopAsyncIteration:
                        return
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
                    detail = f"over {max_bytes} bytes"
                    raise UpstreamError("RESPONSE_TOO_LARGE", source=self._source, detail=detail)
                parts.append(piece)
        finally:
            await self._answer.aclose()
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def aclose(self) -> None:
        """As the port says: of a body that was not read the stream is left, its connection kept."""
        await self._answer.aclose()


def mapped(exc: Exception, source: str) -> UpstreamError:
    """A foreign exception as ours."""
    if isinstance(exc, UpstreamError):
        return exc
    detail = f"{type(exc).__name__}: {exc}"[:500]
    is_late = isinstance(exc, TimeoutError | httpx.TimeoutException)
    code = "GATEWAY_TIMEOUT" if is_late else "HTTP_CLIENT_ERROR"
    was_sent = not isinstance(exc, (*NOT_SENT, ValueError))
    return UpstreamError(code, source=source, detail=detail, was_sent=was_sent)

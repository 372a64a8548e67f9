"""The port to the network over HTTP/2, on the h2 package: for sources that ask for it.

Over TLS both sides agree by ALPN, on HTTP/1.1 where the backend has no other, which the native transport
then speaks; to an `http:` URL it is HTTP/2 with prior knowledge. It costs several times what the native
transport does: it is for backends that speak HTTP/2 only, or are far away.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, nullcontext

from gateway.errors import UpstreamError
from gateway.upstream.dial import Dialler
from gateway.upstream.http1.pool import PoolLimits
from gateway.upstream.http1.request_head import (
    BadRequest,
    UrlOrigin,
    check_parts,
    parse_origin,
    split_url,
)
from gateway.upstream.http1.transport import MAX_POOLS, H1Transport, end, may_repeat
from gateway.upstream.http2.connection import H2Connection
from gateway.upstream.http2.pool import H2Pool
from gateway.upstream.http2.protocol import NoHttp2
from gateway.upstream.http2.stream import H2Stream
from gateway.upstream.transport import UpstreamRequest, UpstreamResponse

Fields = list[tuple[bytes, bytes]]


class H2Transport:
    """Sends requests as streams of few connections. Made in the event loop that uses it.

    Args:
        limits: Of connections to each origin.
        tls: For https; it offers h2.
        older: For origins that chose HTTP/1.1.
        unix_socket: Every connection leads there, whatever the URL's host.
    """

    def __init__(
        self,
        limits: PoolLimits,
        *,
        tls: ssl.SSLContext,
        older: H1Transport,
        unix_socket: str | None = None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._limits = limits
        self._tls = tls
        self._older = older
        self._unix_socket = unix_socket
        # By the URL's text before its path; None for an origin that chose HTTP/1.1.
        self._pools: dict[str, tuple[H2Pool, UrlOrigin] | None] = {}

    async def send(self, request: UpstreamRequest, deadline: float) -> UpstreamResponse:
        """As the port says."""
        source = request.source
        if deadline <= self._loop.time():
            raise UpstreamError(
                "GATEWAY_TIMEOUT", source=source, detail="no time was left", was_sent=False
            )
        try:
            base, target = split_url(request.url)
            found = self._pools[base] if base in self._pools else self._add_pool(base)
            if found is None:
                return await self._older.send(request, deadline)
            pool, origin = found
            fields = request_fields(request, target, origin)
        except BadRequest as exc:
            raise UpstreamError(
                "INVALID_REQUEST_VALUE", source=source, detail=str(exc), was_sent=False
            ) from exc
        try:
            return await self._send(pool, request, fields, deadline)
        except NoHttp2:
            self._pools[base] = None
            return await self._older.send(request, deadline)

    async def aclose(self) -> None:
        """As the port says."""
        for found in list(self._pools.values()):
            if found is not None:
                await found[0].aclose()
        await self._older.aclose()

    async def _send(
        self, pool: H2Pool, request: UpstreamRequest, fields: Fields, deadline: float
    ) -> H2Stream:
        """Send, and once more where the backend has not processed it. Errors: NoHttp2, UpstreamError."""
        connection = await pool.acquire(deadline, request.source)
        stream = await exchange(connection, request, fields, deadline)
        is_whole = request.body is None or isinstance(request.body, bytes)
        if (stream.may_repeat and is_whole) or (stream.is_stale and may_repeat(request)):
            connection = await pool.acquire(deadline, request.source)
            stream = await exchange(connection, request, fields, deadline)
        if stream.error is not None:
            raise stream.error
        return stream

    def _add_pool(self, base: str) -> tuple[H2Pool, UrlOrigin]:
        """The pool of an origin not seen before. Errors: BadRequest."""
        origin = parse_origin(base)
        if len(self._pools) >= MAX_POOLS:
            self._pools = {
                key: kept
                for key, kept in self._pools.items()
                if kept is not None and not kept[0].is_unused
            }
        dialler = Dialler(origin, self._tls, self._unix_socket, self._loop)
        made = self._pools[base] = H2Pool(self._limits, dialler, base), origin
        return made


def request_fields(request: UpstreamRequest, target: str, origin: UrlOrigin) -> Fields:
    """A request's head as HTTP/2 has it: pseudo fields first, names in lower case.

    Errors: BadRequest.
    """
    check_parts(request)
    own = [(name.lower(), value) for name, value in (*request.headers, *request.added)]
    authority = next((value for name, value in own if name == "host"), origin.authority)
    fields = [
        (":method", request.method),
        (":scheme", "https" if origin.is_tls else "http"),
        (":authority", authority),
        (":path", target),
        *(field for field in own if field[0] != "host"),
    ]
    if isinstance(request.body, bytes):
        fields.append(("content-length", str(len(request.body))))
    elif request.body is None and request.method in ("POST", "PUT", "PATCH"):
        fields.append(("content-length", "0"))
    return [(name.encode("ascii"), value.strip(" \t").encode("latin-1")) for name, value in fields]


async def exchange(
    connection: H2Connection, request: UpstreamRequest, fields: Fields, deadline: float
) -> H2Stream:
    """Write, and wait for the head of the answer; a failure stands in the stream.

    Errors: UpstreamError(GATEWAY_TIMEOUT); what the body's iterator raises.
    """
    body = request.body
    stream = connection.begin(fields, request.source, deadline, has_body=bool(body))
    sender = None
    if isinstance(body, bytes):
        connection.send_whole(stream, body)
    elif body is not None:
        sender = asyncio.ensure_future(send_stream(connection, stream, body))
    try:
        await stream.head()
    finally:
        failure = await end(sender) if sender is not None else None
    if failure is not None:
        raise failure
    return stream


async def send_stream(
    connection: H2Connection, stream: H2Stream, body: AsyncIterator[bytes]
) -> None:
    """Write a body as it comes, while its answer is awaited elsewhere. Its own error ends the exchange."""
    try:
        async with aclosing(body) if isinstance(body, AsyncGenerator) else nullcontext():
            async for data in body:
                if data:
                    await connection.send_body(stream, data, is_last=False)
                if stream.connection is None:
                    return
        await connection.send_body(stream, b"", is_last=True)
    except Exception:
        connection.abandon(stream)
        stream.wake()
        raise

"""The port to the network on asyncio and httptools: HTTP/1.1, one pool an origin, no task a call.

A call on an idle connection is one write, one future and the parser's callbacks. It keeps nothing of
an answer but its connection.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, nullcontext
from functools import partial

from gateway.errors import UpstreamError
from gateway.upstream.dial import Dialler
from gateway.upstream.http1.connection import Http1Connection
from gateway.upstream.http1.exchange import H1Response
from gateway.upstream.http1.pool import Pool, PoolLimits
from gateway.upstream.http1.request_head import (
    SAFE,
    BadRequest,
    encode_head,
    parse_origin,
    split_url,
)
from gateway.upstream.transport import UpstreamRequest

# Above this a body is not copied behind its head.
JOINED_BYTES = 64 * 1024
# Pools with nothing open are dropped when there are more: a host may come from a template.
MAX_POOLS = 1024


class H1Transport:
    """Sends requests over kept-alive HTTP/1.1 connections. Made in the event loop that uses it.

    Args:
        limits: For each origin.
        tls: For https.
        unix_socket: Every connection leads there, whatever the URL's host.
    """

    def __init__(
        self, limits: PoolLimits, *, tls: ssl.SSLContext, unix_socket: str | None = None
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._limits = limits
        self._tls = tls
        self._unix_socket = unix_socket
        # By the URL's text before its path: the pool, and the Host header.
        self._pools: dict[str, tuple[Pool, str]] = {}
        self._is_closed = False

    async def send(self, request: UpstreamRequest, deadline: float) -> H1Response:
        """As the port says."""
        source = request.source
        now = self._loop.time()
        if deadline <= now:
            raise UpstreamError(
                "GATEWAY_TIMEOUT", source=source, detail="no time was left", was_sent=False
            )
        try:
            base, target = split_url(request.url)
            found = self._pools.get(base)
            pool, authority = found if found is not None else self._add_pool(base)
            head = encode_head(request, target, authority)
        except BadRequest as exc:
            code = "HTTP_CLIENT_ERROR" if self._is_closed else "INVALID_REQUEST_VALUE"
            raise UpstreamError(code, source=source, detail=str(exc), was_sent=False) from exc
        connection = None if request.is_again else pool.take_idle(now)
        if connection is None:
            connection = await pool.acquire(deadline, source, fresh=request.is_again)
        if connection.used and not may_repeat(request):
            while connection.used and connection.is_hung_up():
                connection.abort()
                connection = await pool.acquire(deadline, source)
        body = request.body
        if isinstance(body, bytes) and len(body) <= JOINED_BYTES:
            head, body = head + body, None
        is_head = request.method == "HEAD"
        is_again = False
        while True:
            response = connection.begin_exchange(head, source, deadline, is_head=is_head)
            sender = None if body is None else self._send_body(connection, response, body)
            waiter = response.waiter
            assert waiter is not None
            try:
                await waiter
            except BaseException:
                connection.abandon(response)
                if sender is not None:
                    await end(sender)
                raise
            response.waiter = None
            if sender is not None and (failure := await end(sender)) is not None:
                raise failure
            if is_again or not response.is_stale or not may_repeat(request):
                break
            # The backend closed a kept-alive connection while we wrote on it: once more, on a new one.
            is_again = True
            connection = await pool.acquire(deadline, source, fresh=True)
        if response.error is not None:
            response.error.sends += is_again
            raise response.error
        return response

    async def aclose(self) -> None:
        """As the port says."""
        self._is_closed = True
        for pool, _ in list(self._pools.values()):
            await pool.aclose()

    def _send_body(
        self, connection: Http1Connection, response: H1Response, body: bytes | AsyncIterator[bytes]
    ) -> asyncio.Task[None] | None:
        """Write a body behind its head; what sends one that is streamed."""
        if isinstance(body, bytes):
            connection.write(response, body)
            return None
        return self._loop.create_task(send_stream(connection, response, body))

    def _add_pool(self, base: str) -> tuple[Pool, str]:
        """The pool of an origin not seen before. Errors: BadRequest."""
        if self._is_closed:
            raise BadRequest("the transport is closed")
        if len(self._pools) >= MAX_POOLS:
            self._pools = {key: kept for key, kept in self._pools.items() if not kept[0].is_unused}
        origin = parse_origin(base)
        dialler = Dialler(origin, self._tls, self._unix_socket, self._loop)

        async def connect(pool: Pool) -> Http1Connection:
            return await dialler.dial(partial(Http1Connection, pool, self._loop))

        made = Pool(self._limits, connect, self._loop, base), origin.authority
        self._pools[base] = made
        return made


def may_repeat(request: UpstreamRequest) -> bool:
    """Whether a request that may have been processed can be sent again: no write, and all there."""
    return (request.method in SAFE or request.is_read) and (
        request.body is None or isinstance(request.body, bytes)
    )


async def send_stream(
    connection: Http1Connection, response: H1Response, body: AsyncIterator[bytes]
) -> None:
    """Write a body as chunks while its answer is awaited elsewhere. Its own error ends the exchange."""
    connection.is_sending = True
    try:
        async with aclosing(body) if isinstance(body, AsyncGenerator) else nullcontext():
            async for data in body:
                if data:
                    await connection.drain()
                    connection.write(response, b"%x\r\n%b\r\n" % (len(data), data))
                if response.connection is None:
                    return
        connection.write(response, b"0\r\n\r\n")
        connection.is_sending = False
    except Exception:
        response.wake()
        connection.abandon(response)
        raise


async def end(sender: asyncio.Task[None]) -> BaseException | None:
    """Stop sending: its answer came, or is not wanted. Gives the error of the body's iterator."""
    sender.cancel()
    await asyncio.wait([sender])
    return None if sender.cancelled() else sender.exception()

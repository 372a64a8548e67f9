"""The HTTP/2 connections to one origin: which takes the next stream, who waits, when one more is made.

One connection is made at a time, and those who wait share it: a burst opens one, not as many as it has calls.
"""

from __future__ import annotations

import asyncio

from gateway.errors import UpstreamError
from gateway.upstream.dial import Dialler
from gateway.upstream.http1.pool import PoolLimits
from gateway.upstream.http2.connection import H2Connection
from gateway.upstream.http2.stream import explained


class H2Pool:
    """The connections to one origin.

    Attributes:
        connections: Every open one.
    """

    def __init__(self, limits: PoolLimits, dialler: Dialler, name: str) -> None:
        self.connections: list[H2Connection] = []
        self._limits = limits
        self._dialler = dialler
        self._loop = dialler.loop
        self._name = name
        self._making: asyncio.Task[None] | None = None
        self._changed = self._loop.create_future()
        self._is_closed = False

    @property
    def is_unused(self) -> bool:
        """Nothing open, nothing being made."""
        return not self.connections and self._making is None

    async def acquire(self, deadline: float, source: str) -> H2Connection:
        """A connection with room for a stream, which must be begun before anything is awaited.

        Errors: NoHttp2; UpstreamError(GATEWAY_TIMEOUT) when none has room in time,
            UpstreamError(HTTP_CLIENT_ERROR) when none can be made.
        """
        until = min(deadline, self._loop.time() + self._limits.pool_timeout_s)
        while True:
            if self._is_closed:
                raise self._error("HTTP_CLIENT_ERROR", source, "the pool is closed")
            for connection in self.connections:
                if connection.has_room:
                    return connection
            making = self._making
            if making is None and len(self.connections) < self._limits.max_connections:
                making = self._making = self._loop.create_task(self._make())
                making.add_done_callback(self._made)
            waited = [self._changed] if making is None else [self._changed, making]
            left_s = until - self._loop.time()
            done = (
                left_s > 0
                and (
                    await asyncio.wait(waited, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
                )[0]
            )
            if not done:
                detail = f"pool: no connection to {self._name} had room in time"
                raise self._error("GATEWAY_TIMEOUT", source, detail)
            if making is not None and making.done():
                self._check(making, source)

    async def aclose(self) -> None:
        """Close every connection; what is in flight or waits fails."""
        self._is_closed = True
        if self._making is not None:
            self._making.cancel()
            await asyncio.wait([self._making])
        self._tell()
        for connection in list(self.connections):
            connection.close()
            await connection.wait_closed()

    async def _make(self) -> None:
        limits = self._limits
        connection = None
        try:
            async with asyncio.timeout(limits.connect_timeout_s):
                connection = await self._dialler.dial(
                    lambda: H2Connection(
                        self._loop, limits.keepalive_s, limits.max_age_s, self._tell
                    )
                )
                # Its settings say how many streams it takes: guessing would have some refused.
                await connection.ready
        except BaseException:
            if connection is not None:
                connection.close()
            raise
        self.connections.append(connection)

    def _made(self, making: asyncio.Task[None]) -> None:
        self._making = None
        if not making.cancelled():
            making.exception()  # those who waited have it; where all were cancelled, nobody asks
        self._tell()

    def _tell(self) -> None:
        """Something has changed: whoever waits looks again."""
        self.connections = [each for each in self.connections if not each.is_closed]
        if not self._changed.done():
            self._changed.set_result(None)
            self._changed = self._loop.create_future()

    def _check(self, making: asyncio.Task[None], source: str) -> None:
        """Errors: those of a connection that could not be made, as `acquire` says."""
        if making.cancelled() or (exc := making.exception()) is None:
            return
        if isinstance(exc, TimeoutError):
            detail = f"connecting to {self._name} took too long"
            raise self._error("GATEWAY_TIMEOUT", source, detail) from exc
        if isinstance(exc, OSError | ValueError):  # ValueError: a name that IDNA or TLS cannot say
            detail = f"no connection to {self._name}: {explained(exc)}"
            raise self._error("HTTP_CLIENT_ERROR", source, detail) from exc
        raise exc

    def _error(self, code: str, source: str, detail: str) -> UpstreamError:
        return UpstreamError(code, source=source, detail=detail[:500], was_sent=False)

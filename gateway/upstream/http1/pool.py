"""The connections to one origin: which is lent next, who waits, what is too old.

The newest idle connection is lent first, so that the others may go; who waits is served in order. A
place (the right to one connection) is given on with every end, so none is lost to a cancelled caller.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from gateway.errors import UpstreamError
from gateway.upstream.http1.connection import Http1Connection

Connect = Callable[["Pool"], Awaitable[Http1Connection]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolLimits:
    """What bounds the connections to one origin.

    Attributes:
        max_connections: Open or being made.
        pool_timeout_s: For waiting until one is free.
        connect_timeout_s: For making one: name, TCP and TLS.
        keepalive_s: An idle one is closed after this.
        max_age_s: One is not used again after this, so that a change in DNS is followed.
    """

    max_connections: int
    pool_timeout_s: float
    connect_timeout_s: float
    keepalive_s: float
    max_age_s: float


class Pool:
    """The connections to one origin.

    Args:
        connect: Makes a connection. Errors: OSError, ssl.SSLError among them.
        name: The origin, for messages.

    Attributes:
        connections: Every open one, lent or idle.
    """

    def __init__(
        self, limits: PoolLimits, connect: Connect, loop: asyncio.AbstractEventLoop, name: str
    ) -> None:
        self.connections: set[Http1Connection] = set()
        self._limits = limits
        self._connect = connect
        self._loop = loop
        self._name = name
        self._idle: list[Http1Connection] = []
        self._places = 0
        self._waiters: deque[asyncio.Future[Http1Connection | None]] = deque()
        self._sweep: asyncio.TimerHandle | None = None
        self._is_closed = False

    def __repr__(self) -> str:
        return f"<Pool {self._name} places={self._places} idle={len(self._idle)} waiting={len(self._waiters)}>"

    @property
    def is_unused(self) -> bool:
        """Nothing open, nobody waiting."""
        return self._places == 0

    def take_idle(self, now: float) -> Http1Connection | None:
        """The connection used last, if it is young enough."""
        idle = self._idle
        if not idle:
            return None
        connection = idle.pop()
        if now - connection.idle_since < self._limits.keepalive_s:
            return connection
        connection.close()
        while idle:  # the others have been idle for longer
            idle.pop().close()
        return None

    async def acquire(
        self, deadline: float, source: str, *, fresh: bool = False
    ) -> Http1Connection:
        """A connection, idle or new; a new one only where `fresh`.

        Errors: UpstreamError(GATEWAY_TIMEOUT) when none is free or made in time,
            UpstreamError(HTTP_CLIENT_ERROR) when none can be made.
        """
        wait_until = min(deadline, self._loop.time() + self._limits.pool_timeout_s)
        is_next = False
        while True:
            if self._is_closed:
                raise UpstreamError(
                    "HTTP_CLIENT_ERROR", source=source, detail="the pool is closed", was_sent=False
                )
            if fresh and self._idle and self._places >= self._limits.max_connections:
                self._idle.pop(0).close()  # its place is free with that
            if not fresh and (connection := self.take_idle(self._loop.time())) is not None:
                return connection
            if self._places < self._limits.max_connections:
                self._places += 1
                return await self._make(deadline, source)
            found = await self._wait(wait_until, source, is_next=is_next)
            is_next = True
            if found is None:  # a place to fill
                return await self._make(deadline, source)
            if not found.is_closed and not fresh:
                return found
            found.abort()

    def release(self, connection: Http1Connection) -> None:
        """As `Owner`."""
        now = self._loop.time()
        if now >= connection.retires_at or self._is_closed:
            connection.close()
            return
        connection.idle_since = now
        if self._waiters and self._serve(connection):
            return
        self._idle.append(connection)
        if self._sweep is None:
            self._sweep = self._loop.call_at(now + self._limits.keepalive_s, self._close_idle)

    def forget(self, connection: Http1Connection) -> None:
        """As `Owner`."""
        if connection not in self.connections:
            return  # never lent: `_make` has its place
        self.connections.remove(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        self._give_place()

    async def aclose(self) -> None:
        """Close every connection; what is in flight or waits fails."""
        self._is_closed = True
        if self._sweep is not None:
            self._sweep.cancel()
        while self._waiters:
            refuse(self._waiters.popleft(), "HTTP_CLIENT_ERROR", "", "the pool is closed")
        open_now = list(self.connections)
        for connection in open_now:
            connection.fail(
                UpstreamError("HTTP_CLIENT_ERROR", source="", detail="the transport was closed")
            )
        for connection in open_now:
            await connection.wait_closed()

    def _serve(self, what: Http1Connection | None) -> bool:
        """Give a connection, or a place, to who has waited longest."""
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(what)
                return True
        return False

    def _give_place(self) -> None:
        if not self._serve(None):
            self._places -= 1

    async def _wait(self, until: float, source: str, *, is_next: bool) -> Http1Connection | None:
        """Stand in line. Errors: UpstreamError(GATEWAY_TIMEOUT) at `until`."""
        waiter: asyncio.Future[Http1Connection | None] = self._loop.create_future()
        if is_next:
            self._waiters.appendleft(waiter)
        else:
            self._waiters.append(waiter)
        detail = f"pool: none of {self._limits.max_connections} connections to {self._name} was free in time"
        timer = self._loop.call_at(until, refuse, waiter, "GATEWAY_TIMEOUT", source, detail)
        try:
            return await waiter
        except asyncio.CancelledError:
            # Served in the same turn of the loop as cancelled: pass it on.
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                connection = waiter.result()
                if connection is None:
                    self._give_place()
                elif not connection.is_closed:
                    self.release(connection)
            raise
        finally:
            timer.cancel()

    async def _make(self, deadline: float, source: str) -> Http1Connection:
        """A new connection, on a place that is ours; the place is given on where that fails."""
        until = min(deadline, self._loop.time() + self._limits.connect_timeout_s)
        try:
            async with asyncio.timeout_at(until):
                connection = await self._connect(self)
        except BaseException as exc:
            self._give_place()
            if isinstance(exc, TimeoutError):
                detail = f"connecting to {self._name} took too long"
                raise UpstreamError(
                    "GATEWAY_TIMEOUT", source=source, detail=detail, was_sent=False
                ) from exc
            if isinstance(
                exc, OSError | ValueError
            ):  # ValueError: a name that IDNA or TLS cannot say
                detail = f"no connection to {self._name}: {type(exc).__name__}: {exc}"[:500]
                raise UpstreamError(
                    "HTTP_CLIENT_ERROR", source=source, detail=detail, was_sent=False
                ) from exc
            raise
        if self._is_closed or connection.is_closed:
            connection.abort()
            self._give_place()
            detail = "closed as soon as it was made"
            raise UpstreamError("HTTP_CLIENT_ERROR", source=source, detail=detail, was_sent=False)
        self.connections.add(connection)
        # Connections made in one burst do not end in one burst.
        age_s = self._limits.max_age_s * random.uniform(0.9, 1.0)  # noqa: S311
        connection.retires_at = self._loop.time() + age_s
        return connection

    def _close_idle(self) -> None:
        """Close what has been idle for too long, the oldest of which stands first."""
        self._sweep = None
        idle = self._idle
        while idle:
            due = idle[0].idle_since + self._limits.keepalive_s
            if due > self._loop.time():
                self._sweep = self._loop.call_at(due, self._close_idle)
                return
            idle.pop(0).close()


def refuse(
    waiter: asyncio.Future[Http1Connection | None], code: str, source: str, detail: str
) -> None:
    """End a wait with an error, unless it has ended."""
    if not waiter.done():
        waiter.set_exception(UpstreamError(code, source=source, detail=detail, was_sent=False))

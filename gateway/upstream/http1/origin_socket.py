"""One socket to an origin: written to, paused, watched until a deadline, and closed once.

It must know no HTTP: what arrives, and what a deadline that has passed means, is its subclass's to say.
"""

from __future__ import annotations

import asyncio
import select
from abc import ABC, abstractmethod
from math import inf

HUNG_UP = select.POLLHUP | select.POLLERR | getattr(select, "POLLRDHUP", 0)  # which Linux alone has


class OriginSocket(asyncio.Protocol, ABC):
    """A socket, and what its pool has to know of it.

    Attributes:
        retires_at: Not to be used again from then on, on the loop's clock.
        idle_since: When it was given back last.
        is_closed: Nothing may be sent any more.
    """

    __slots__ = (
        "__weakref__",
        "_can_write",
        "_closed",
        "_deadline",
        "_is_paused",
        "_poll",
        "_timer",
        "_timer_at",
        "_transport",
        "idle_since",
        "is_closed",
        "loop",
        "retires_at",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.retires_at = inf
        self.idle_since = 0.0
        self.is_closed = False
        self._deadline = inf
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = inf
        self._is_paused = False
        self._can_write: asyncio.Future[None] | None = None
        self._poll: select.poll | None = None
        self._closed = loop.create_future()

    @abstractmethod
    def _is_awaited(self) -> bool:
        """Whether somebody waits for what arrives."""

    @abstractmethod
    def _on_deadline(self) -> None:
        """It has passed, and somebody waits."""

    @abstractmethod
    def _on_closed(self) -> None:
        """Nothing may be sent any more; said once."""

    async def drain(self) -> None:
        """Until the socket takes more."""
        if self._can_write is not None:
            await self._can_write

    def resume(self) -> None:
        """The caller took what was buffered: read on."""
        if self._is_paused:
            self._is_paused = False
            self._transport.resume_reading()

    def is_hung_up(self) -> bool:
        """Whether the backend has closed, though the event loop has not told yet: a system call."""
        if self._transport.is_closing():
            return True  # on this side: its descriptor may be another's by now
        if self._poll is None:
            self._poll = select.poll()
            self._poll.register(self._transport.get_extra_info("socket").fileno(), HUNG_UP)
        return bool(self._poll.poll(0))

    def close(self) -> None:
        """Close an idle connection with its farewells (TLS close_notify)."""
        self._forget()
        self._transport.close()

    def abort(self) -> None:
        """Close at once; what was not yet sent is dropped."""
        self._forget()
        self._transport.abort()

    async def wait_closed(self) -> None:
        """Until the socket is gone."""
        await asyncio.shield(self._closed)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """As asyncio says."""
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio gives it
        """As asyncio says."""
        if not self._closed.done():
            self._closed.set_result(None)

    def pause_writing(self) -> None:
        """As asyncio says."""
        self._can_write = self.loop.create_future()

    def resume_writing(self) -> None:
        """As asyncio says."""
        if self._can_write is not None and not self._can_write.done():
            self._can_write.set_result(None)
        self._can_write = None

    def _arm(self, deadline: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = deadline
        self._timer = self.loop.call_at(deadline, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self._timer_at = inf
        if not self._is_awaited():
            return
        if self._deadline <= self.loop.time():
            self._on_deadline()
        elif self._deadline < inf:
            self._arm(self._deadline)

    def _forget(self) -> None:
        if not self.is_closed:
            self.is_closed = True
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if self._can_write is not None:
                self.resume_writing()
            self._on_closed()

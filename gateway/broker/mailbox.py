"""A bounded queue between what publishes and one that listens.

Whoever puts never waits: a listener that falls behind by more than its bound is ended with an error, so
that one slow reader costs neither memory without end nor anybody else's events.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Any, Generic, TypeVar

from gateway.error_codes import CODES
from gateway.errors import ClientError

T = TypeVar("T")


class EventsLostError(ClientError):
    """Events were lost on their way to a listener."""

    def __init__(self, code: str = "EVENTS_LOST") -> None:
        super().__init__(CODES[code].message, code=code)


class SlowConsumerError(EventsLostError):
    """A listener fell behind by more than its queue holds."""

    def __init__(self) -> None:
        super().__init__("SLOW_CONSUMER")


class Mailbox(AsyncIterator[T], Generic[T]):
    """An asynchronous iterator that is fed by `put`. For one reader.

    Args:
        max_items: What may wait.
        on_close: Called once, with the mailbox, when it takes nothing any more.
    """

    __slots__ = ("_error", "_items", "_max_items", "_on_close", "_open", "_waiter")

    def __init__(self, max_items: int, on_close: Callable[[Mailbox[T]], Any] | None = None) -> None:
        self._items: deque[T] = deque()
        self._max_items = max_items
        self._on_close = on_close
        self._open = True
        self._error: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None

    def put(self, item: T) -> None:
        """Give the reader an item; after the end it is dropped."""
        if not self._open:
            return
        if len(self._items) >= self._max_items:
            self.fail()
            return
        self._items.append(item)
        self._wake()

    def fail(self, error: EventsLostError | None = None) -> None:
        """End it without what still waits: the reader has missed something. A slow reader is what it is by default."""
        self._items.clear()
        self.end(error or SlowConsumerError())

    def end(self, error: Exception) -> None:
        """Take nothing any more, and end it with an error when what waits is read."""
        if self._open:
            self._error = error
            self.close()

    def close(self) -> None:
        """Take nothing any more; what waits is still read."""
        if not self._open:
            return
        self._open = False
        self._wake()
        if self._on_close is not None:
            self._on_close(self)

    async def aclose(self) -> None:
        """Leave: the reader's own end."""
        self._items.clear()
        self.close()

    async def __anext__(self) -> T:
        while not self._items:
            if self._error is not None:
                raise self._taken_error()
            if not self._open:
                raise StopAsyncIteration
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        return self._items.popleft()

    def _taken_error(self) -> Exception:
        """What it ends with; once. No frame that it is raised through holds it: that would be a circle."""
        error, self._error = self._error, None
        assert error is not None
        return error

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

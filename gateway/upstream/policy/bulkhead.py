"""The bulkhead of one source: so many calls in flight, so many more waiting, and no one else.

A place is taken at once or waited for until the caller's deadline; beyond the queue the caller is told
so without waiting. With adaptive concurrency the number of places follows the backend's latency.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import suppress

from gateway.errors import UpstreamError
from gateway.telemetry.catalogue import UPSTREAM_PLACES
from gateway.telemetry.metrics import Sample


class Places:
    """Places for calls in flight.

    Args:
        source: For errors.
        limit: Calls in flight.
        max_pending: Calls that may wait for a place.

    Attributes:
        in_use: Calls in flight now.
    """

    __slots__ = ("_waiting", "in_use", "limit", "max_pending", "source")

    def __init__(self, source: str, limit: int, max_pending: int) -> None:
        self.source = source
        self.limit = limit
        self.max_pending = max_pending
        self.in_use = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def pending(self) -> int:
        """Calls that wait now."""
        return len(self._waiting)

    def samples(self) -> Iterator[Sample]:
        """Places that are taken, waited for and there, for metrics."""
        yield UPSTREAM_PLACES, (self.source, "in_use"), self.in_use
        yield UPSTREAM_PLACES, (self.source, "pending"), self.pending
        yield UPSTREAM_PLACES, (self.source, "limit"), self.limit

    def take_now(self) -> bool:
        """Take a place if one is free and nobody waits for it."""
        if self.in_use >= self.limit or self._waiting:
            return False
        self.in_use += 1
        return True

    async def take(self, deadline: float) -> None:
        """Wait for a place.

        Units: `deadline` on the event loop's clock, seconds.
        Errors: UpstreamError(UPSTREAM_OVERLOADED) at once when too many wait already,
            UpstreamError(GATEWAY_TIMEOUT) at the deadline.
        """
        if len(self._waiting) >= self.max_pending:
            raise UpstreamError(
                "UPSTREAM_OVERLOADED",
                source=self.source,
                detail=f"{self.in_use} calls in flight and {self.max_pending} wait",
            )
        loop = asyncio.get_running_loop()
        place = loop.create_future()
        self._waiting.append(place)
        timer = loop.call_at(deadline, place.cancel)
        try:
            await place
        except asyncio.CancelledError:
            # Cancelled by the timer, or from outside; then perhaps in the same turn as it got the place.
            if place.done() and not place.cancelled():
                self.give_back()
            else:
                self._leave(place)
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise UpstreamError(
                "GATEWAY_TIMEOUT", source=self.source, detail="no place among calls in flight"
            ) from None
        finally:
            timer.cancel()

    def give_back(self) -> None:
        """Give a place back, to the longest waiting."""
        self.in_use -= 1
        if self._waiting:
            self.wake()

    def wake(self) -> None:
        """Give out the places that are free."""
        while self._waiting and self.in_use < self.limit:
            place = self._waiting.popleft()
            if not place.done():
                self.in_use += 1
                place.set_result(None)

    def _leave(self, place: asyncio.Future[None]) -> None:
        with suppress(ValueError):  # `wake` may have passed over it
            self._waiting.remove(place)

"""Load shedding of the gateway itself: more than it can do is refused at once, so that the rest is done in time.

It decides by two numbers of this worker, before a byte of the body is read: requests in flight, and how late
the event loop is. Installed only where a limit is set; health checks never come here. It knows nothing of
GraphQL but how a refusal looks.

A loop that is late again and again is an overload; one pause (a large answer, a collection) is none. In an
overload the loop is held at `TARGET_S`, far below the limit that began it: what is late then is the
refusals themselves.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import suppress
from typing import Any

from gateway.errors import ClientError
from gateway.telemetry.catalogue import REQUESTS_SHED
from gateway.telemetry.metrics import Sample
from gateway.transport.http.asgi import Receive, Scope, Send
from gateway.transport.http.negotiate import GRAPHQL_RESPONSE, JSON
from gateway.transport.http.respond import CONTENT_TYPES, refusal

# So many late ticks in a row begin an overload, where as many requests as below are in flight.
TICK_S = 0.05
LATE_TICKS = 3
# In an overload: how late the loop may be, and how often it is asked.
TARGET_S = 0.005
OVERLOAD_TICK_S = 0.005
# As many are always let in, late or not: they keep a worker busy while its backends answer.
ALWAYS_IN_FLIGHT = 64
# Part of the time between two looks in which the loop had something to do, for its lag to count.
BUSY = 0.8
# So many ticks in a row that are in time end an overload.
CALM_TICKS = 20
BODY = refusal(ClientError("Service unavailable.", code="UNAVAILABLE"))
Endpoint = Callable[..., Awaitable[None]]


class Shedder:
    """The endpoint behind its limits.

    Args:
        endpoint: What answers, an ASGI application that may take more.
        max_in_flight: Requests at a time, of this worker; None for no limit.
        max_lag_s: How late the event loop may be, `LATE_TICKS` in a row; None for no limit.
        clock: Seconds. Not the loop's own: uvloop's stands still within an iteration.
        busy_clock: Seconds in which the loop's thread had something to do; the kernel's by default.

    Attributes:
        in_flight: Requests under way. An answer that goes on, an event stream, counts until its first part.
        is_overloaded: The event loop is held at `TARGET_S` now.
        shed: Requests that were refused, by reason: `in_flight`, `lag`.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        max_in_flight: int | None,
        max_lag_s: float | None,
        clock: Callable[[], float] = time.perf_counter,
        busy_clock: Callable[[], float] | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._max_in_flight = max_in_flight
        self._max_lag_s = max_lag_s
        self._clock = clock
        self._busy_clock = busy_clock
        self._kernel: KernelClock | None = None
        self._due = self._busy_s = self._lag_s = 0.0
        self._wait_s = TICK_S
        self._signs = 0  # in a row, of the other state
        self._timer: asyncio.TimerHandle | None = None
        self.is_overloaded = False
        self.in_flight = 0
        self.shed: Counter[str] = Counter(in_flight=0, lag=0)

    def start(self) -> None:
        """Begin to measure the event loop, where that has a limit."""
        if self._max_lag_s is not None:
            if self._busy_clock is None:
                self._busy_clock = self._kernel = KernelClock()
            wait_s = OVERLOAD_TICK_S if self.is_overloaded else TICK_S
            self._due = self._clock() + wait_s
            self._wait_s = wait_s
            self._busy_s = self._busy_clock()
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._tick)

    def stop(self) -> None:
        """End measuring."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._kernel is not None:
            self._kernel.close()
            self._busy_clock = self._kernel = None

    def read(self) -> Iterator[Sample]:
        """The values now."""
        for reason, count in self.shed.items():
            yield REQUESTS_SHED, (reason,), count

    async def __call__(self, scope: Scope, receive: Receive, send: Send, *more: Any) -> None:
        """Answer, or refuse."""
        reason = self.too_much()
        if reason is not None:
            self.shed[reason] += 1
            await _refuse(scope, send)
            return
        place = _Place(self, send)
        try:
            await self._endpoint(scope, receive, place.send, *more)
        finally:
            place.leave()

    def too_much(self) -> str | None:
        """Why one more request is not let in now; None when it is."""
        if self._max_in_flight is not None and self.in_flight >= self._max_in_flight:
            return "in_flight"
        if self.is_overloaded and self._lag_s > TARGET_S and self.in_flight >= ALWAYS_IN_FLIGHT:
            return "lag"
        return None

    def _tick(self) -> None:
        assert self._max_lag_s is not None
        assert self._busy_clock is not None
        now = self._clock()
        self._lag_s = now - self._due
        # Late once because others had the CPU, and else idle: it has not too much to do.
        if self._busy_clock() - self._busy_s < (self._lag_s + self._wait_s) * BUSY:
            self._lag_s = 0.0
        if self.is_overloaded:
            is_sign = self._lag_s <= TARGET_S
            needed = CALM_TICKS
        else:
            is_sign = self._lag_s > self._max_lag_s and self.in_flight >= ALWAYS_IN_FLIGHT
            needed = LATE_TICKS
        self._signs = self._signs + 1 if is_sign else 0
        if self._signs >= needed:
            self._signs = 0
            self.is_overloaded = not self.is_overloaded
        self.start()


class KernelClock:
    """Seconds in which this thread ran or waited for a CPU: all but its sleep in the selector.

    Where the kernel does not say (it is Linux' schedstat), those in which it ran.
    """

    def __init__(self) -> None:
        self._file: int | None = None
        with suppress(OSError):
            self._file = os.open("/proc/thread-self/schedstat", os.O_RDONLY)

    def __call__(self) -> float:
        if self._file is None:
            return time.thread_time()
        ran_ns, waited_ns, _ = os.pread(self._file, 64, 0).split()
        return (int(ran_ns) + int(waited_ns)) / 1e9

    def close(self) -> None:
        """Give the descriptor back."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


class _Place:
    """One request among those in flight."""

    __slots__ = ("_has_left", "_send", "_shedder")

    def __init__(self, shedder: Shedder, send: Send) -> None:
        self._shedder = shedder
        self._send = send
        self._has_left = False
        shedder.in_flight += 1

    def send(self, message: MutableMapping[str, Any]) -> Awaitable[None]:
        if message.get("more_body"):
            self.leave()
        return self._send(message)

    def leave(self) -> None:
        if not self._has_left:
            self._has_left = True
            self._shedder.in_flight -= 1


def _head(media_type: str) -> dict[str, Any]:
    headers = [
        (b"content-type", CONTENT_TYPES[media_type]),
        (b"content-length", str(len(BODY)).encode()),
        (b"retry-after", b"1"),
        (b"cache-control", b"no-store"),
    ]
    return {"type": "http.response.start", "status": 503, "headers": headers}


HEADS = {media_type: _head(media_type) for media_type in (GRAPHQL_RESPONSE, JSON)}


async def _refuse(scope: Scope, send: Send) -> None:
    accepts = b",".join(value for name, value in scope["headers"] if name == b"accept")
    await send(HEADS[GRAPHQL_RESPONSE if GRAPHQL_RESPONSE.encode() in accepts else JSON])
    await send({"type": "http.response.body", "body": BODY})

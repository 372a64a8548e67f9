"""Admission of operations: more than a worker can do is rejected at once, so that the rest is done in time.

It decides by two numbers of this worker: operations in flight, and how late the event loop is. Every transport's
operations pass here, once: `Pipeline.run` and `Subscriptions.run` ask. It knows nothing of what they are.

A loop that is late again and again is an overload; one pause (a large answer, a collection) is none. In an
overload the loop is held at `TARGET_S`, far below the limit that began it: what is late then is the
rejections themselves.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from gateway.errors import ClientError
from gateway.telemetry.catalogue import REQUESTS_SHED
from gateway.telemetry.metrics import Sample

# So many late ticks in a row begin an overload, where as many operations as below are in flight.
TICK_S = 0.05
LATE_TICKS = 3
# In an overload: how late the loop may be, and how often it is asked.
TARGET_S = 0.005
OVERLOAD_TICK_S = 0.005
# So many operations are always let in, however late the loop is: they keep a worker busy while its backends answer.
ALWAYS_IN_FLIGHT = 64
# Part of the time between two looks in which the loop had something to do, for its lag to count.
BUSY = 0.8
# So many ticks in a row that are in time end an overload.
CALM_TICKS = 20
RETRY_AFTER_S = 1
# The last eighth of `max_in_flight` is for clients that have less than an eighth: no client locks the others out.
RESERVED = 8


class Admission:
    """The operations of one worker.

    Args:
        max_in_flight: Operations at a time; None for no limit.
        max_lag_s: How late the event loop may be, `LATE_TICKS` in a row; None for no limit.
        clock: Seconds. Not the loop's own: uvloop's stands still within an iteration.
        busy_clock: Seconds in which the loop's thread had something to do; the kernel's by default.

    Attributes:
        in_flight: Operations that wait for something. A subscription counts until it is open.
        is_overloaded: The event loop is held at `TARGET_S` now.
        shed: Operations that were rejected, by reason: `in_flight`, `client` (it has more than its share), `lag`.
    """

    def __init__(
        self,
        max_in_flight: int | None = None,
        max_lag_s: float | None = None,
        clock: Callable[[], float] = time.perf_counter,
        busy_clock: Callable[[], float] | None = None,
    ) -> None:
        self._max_in_flight = max_in_flight
        self._max_lag_s = max_lag_s
        self._clock = clock
        self._busy_clock = busy_clock
        self._kernel: KernelClock | None = None
        self._due = self._busy_s = self._lag_s = 0.0
        self._wait_s = TICK_S
        self._signs = 0  # in a row, of the other state
        self._timer: asyncio.TimerHandle | None = None
        # Below this number an operation is let in without a further check.
        self._calm_below = min(ALWAYS_IN_FLIGHT, max_in_flight or ALWAYS_IN_FLIGHT)
        self.is_overloaded = False
        self.in_flight = 0
        self._by_client: dict[str, int] = {}
        self.shed: Counter[str] = Counter(in_flight=0, client=0, lag=0)

    def watch_loop(self) -> None:
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

    def samples(self) -> Iterator[Sample]:
        """The values now."""
        for reason, count in self.shed.items():
            yield REQUESTS_SHED, (reason,), count

    def check(self, client_key: str) -> None:
        """Whether one more operation of a client is let in now. Errors: ClientError(UNAVAILABLE)."""
        if self.in_flight < self._calm_below:
            return
        reason = self.overloaded_by(client_key)
        if reason is not None:
            self.shed[reason] += 1
            raise ClientError(
                "Service unavailable.", code="UNAVAILABLE", retry_after_s=RETRY_AFTER_S
            )

    @contextmanager
    def place(self, client_key: str) -> Iterator[None]:
        """Count one operation of a client as in flight."""
        self.enter(client_key)
        try:
            yield
        finally:
            self.leave(client_key)

    def enter(self, client_key: str) -> None:
        """One more operation of a client waits for something."""
        self.in_flight += 1
        self._by_client[client_key] = self._by_client.get(client_key, 0) + 1

    def leave(self, client_key: str) -> None:
        """It waits no longer."""
        self.in_flight -= 1
        left = self._by_client[client_key] - 1
        if left:
            self._by_client[client_key] = left
        else:
            del self._by_client[client_key]

    def overloaded_by(self, client_key: str) -> str | None:
        """Why one more operation of a client is not let in now; None when it is."""
        most = self._max_in_flight
        if most is not None:
            if self.in_flight >= most:
                return "in_flight"
            reserved = most // RESERVED
            if self.in_flight >= most - reserved and self._by_client.get(client_key, 0) >= reserved:
                return "client"
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
        self.watch_loop()


class KernelClock:
    """Seconds in which this thread ran or waited for a CPU: all but its sleep in the selector.

    Linux gives them in schedstat. Other kernels do not: there it is the seconds in which the thread ran.
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

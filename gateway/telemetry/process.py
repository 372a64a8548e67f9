"""What a worker process tells of itself: how late its event loop is, its memory, its garbage collector."""

from __future__ import annotations

import asyncio
import gc
import resource
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from gateway.telemetry.catalogue import GC_COLLECTED, GC_COLLECTIONS, LOOP_LAG, MEMORY, WORKERS
from gateway.telemetry.metrics import Sample

TICK_S = 0.1
WINDOW_S = 15.0
STATM = Path("/proc/self/statm")


class LoopLag:
    """Measures how late a timer comes.

    The worst is kept for one to two windows and not from one scrape to the next, so that two who scrape
    see the same.

    Args:
        clock: Seconds. Not the loop's own: uvloop's stands still within an iteration.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._due = self._turn_at = 0.0
        self._now_s = self._before_s = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin; in the event loop that is measured."""
        self._turn_at = self._clock() + WINDOW_S
        self._wait()

    def stop(self) -> None:
        """End."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def measure(self) -> None:
        """Note how late it is now, as the timer does."""
        now = self._clock()
        self._now_s = max(self._now_s, now - self._due)
        if now >= self._turn_at:
            self._before_s, self._now_s = self._now_s, 0.0
            self._turn_at = now + WINDOW_S

    def read(self) -> Iterator[Sample]:
        """The worst of the last windows."""
        yield LOOP_LAG, (), max(self._now_s, self._before_s)

    def _tick(self) -> None:
        self.measure()
        self._wait()

    def _wait(self) -> None:
        self._due = self._clock() + TICK_S
        self._timer = asyncio.get_running_loop().call_later(TICK_S, self._tick)


def read_process() -> Iterator[Sample]:
    """Memory and garbage collection of this process."""
    yield WORKERS, (), 1
    yield MEMORY, (), resident_bytes()
    for generation, stats in enumerate(gc.get_stats()):
        yield GC_COLLECTIONS, (str(generation),), stats["collections"]
        yield GC_COLLECTED, (str(generation),), stats["collected"]


def resident_bytes() -> int:
    """Resident memory; where there is no /proc, the most that it has ever been."""
    if STATM.exists():
        return int(STATM.read_text().split()[1]) * resource.getpagesize()
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024

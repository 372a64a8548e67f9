"""What a worker process tells of itself: its build, how late its event loop is, memory, CPU, descriptors, collector."""

from __future__ import annotations

import asyncio
import gc
import os
import platform
import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import cache
from importlib import metadata
from pathlib import Path

from gateway.telemetry.catalogue import (
    BUILD_INFO,
    CPU,
    GC_COLLECTED,
    GC_COLLECTIONS,
    LOOP_LAG,
    MAX_FDS,
    MEMORY,
    MEMORY_LIMIT,
    OPEN_FDS,
    START_TIME,
    WORKERS,
)
from gateway.telemetry.metrics import Sample

TICK_S = 0.1
WINDOW_S = 15.0
# Of control groups, version 2 and version 1, as a container sees them; version 1 says a huge number for no limit.
MEMORY_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)
UNLIMITED_BYTES = 2**60
STATM = Path("/proc/self/statm")
DESCRIPTORS = Path("/proc/self/fd")
STARTED_S = time.time()
REVISION = "GATEWAY_REVISION"


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

    def begin_sampling(self) -> None:
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

    def samples(self) -> Iterator[Sample]:
        """The worst of the last windows."""
        yield LOOP_LAG, (), max(self._now_s, self._before_s)

    def _tick(self) -> None:
        self.measure()
        self._wait()

    def _wait(self) -> None:
        self._due = self._clock() + TICK_S
        self._timer = asyncio.get_running_loop().call_later(TICK_S, self._tick)


def process_samples() -> Iterator[Sample]:
    """What this process is, and what it uses of the machine."""
    yield WORKERS, (), 1
    yield BUILD_INFO, build_labels(), 1
    yield MEMORY, (), resident_bytes()
    if (limit := memory_limit_bytes()) is not None:
        yield MEMORY_LIMIT, (), limit
    yield CPU, (), time.process_time()
    yield START_TIME, (), STARTED_S
    yield MAX_FDS, (), resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if DESCRIPTORS.exists():
        yield OPEN_FDS, (), len(os.listdir(DESCRIPTORS))
    for generation, stats in enumerate(gc.get_stats()):
        yield GC_COLLECTIONS, (str(generation),), stats["collections"]
        yield GC_COLLECTED, (str(generation),), stats["collected"]


@cache
def build_labels() -> tuple[str, str, str]:
    """Version, revision and Python's version; "" for what is not known."""
    try:
        version = metadata.version("compiled-graphql-gateway")
    except metadata.PackageNotFoundError:
        version = ""
    return version, os.environ.get(REVISION, ""), platform.python_version()


def memory_limit_bytes(files: Sequence[Path] = MEMORY_LIMITS) -> int | None:
    """What the control group of this container may have; None where it has no limit, or where nothing says."""
    for file in files:
        with suppress(OSError, ValueError):
            limit = int(file.read_text())  # "max" is no limit
            return limit if limit < UNLIMITED_BYTES else None
    return None


def resident_bytes() -> int:
    """Resident memory; where there is no /proc, the most that it has ever been."""
    if STATM.exists():
        return int(STATM.read_text().split()[1]) * resource.getpagesize()
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024

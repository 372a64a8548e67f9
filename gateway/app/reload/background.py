"""Work beside requests, in a thread of a worker: what it leaves to the event loop. It does none of the work."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

SWITCH_INTERVAL_S = 0.00005
"""While a thread builds, the event loop waits so long for the interpreter; Python's own is a hundred times that."""
YOUNG_OBJECTS = 1_000
"""While a thread builds, young objects are looked at by so many, half a millisecond each time: not all at once."""
NEVER = 2**31 - 1
RESTED_SHARE = 0.5
"""While plans are made: half as long rested as worked. In two interleaved runs of 500 plans on a busy machine of two
cores, the loop's lateness at p99 was 0.5 and 0.8 of what it is without; a whole as long was no better."""


class Resting:
    """Work in a thread that leaves the processor to requests for a part of the time."""

    def __init__(self) -> None:
        self._worked_s = time.thread_time()

    def rest(self) -> None:
        """Rest for what was done since the last time."""
        now = time.thread_time()
        time.sleep((now - self._worked_s) * RESTED_SHARE)
        self._worked_s = now


@contextmanager
def in_the_background() -> Iterator[None]:
    """While a thread builds: the event loop gets the interpreter often, and no collection of garbage is a long one."""
    interval, thresholds = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    if thresholds[0]:
        gc.set_threshold(YOUNG_OBJECTS, 0, NEVER)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)
        gc.set_threshold(*thresholds)

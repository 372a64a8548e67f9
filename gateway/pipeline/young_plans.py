"""Collections of garbage while plans come and go: short ones, where the collector's own count would make a long one."""

from __future__ import annotations

import gc

EVERY = 32
"""Plans between two looks at what is young: 1 ms each. With twice as many they are no longer in the processor's cache,
and each plan's look takes half as long again.
"""


class YoungPlans:
    """Has what is young looked at after so many evictions.

    The collector counts what is made less what is freed. Where each new plan takes the place of an old one that count
    stands still, until everything that a full cache holds is young: then it looks at all of it, for 100 ms.
    """

    def __init__(self) -> None:
        self._evicted = 0

    def note_evicted(self) -> None:
        """A plan has gone for a new one."""
        self._evicted += 1
        if self._evicted % EVERY == 0 and gc.isenabled():
            # What is kept is old at once: a second look at it costs more than the first.
            gc.collect(1)

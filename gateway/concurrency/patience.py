"""Whether something that may hang is asked: after some time-outs, with no answer since the first was asked, it rests.

One that answers others is asked on: that it has no answer for one of them is no reason, however often he asks.
"""

from __future__ import annotations

from collections.abc import Callable

MOST_MISSED = 8
REST_S = 1.0


class Patience:
    """With one that is asked.

    Args:
        clock: Seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._missed = 0
        self._answered_at = self._until = float("-inf")

    @property
    def is_over(self) -> bool:
        """Whether it rests."""
        return self._clock() < self._until

    def begin(self) -> float:
        """It is asked: when that is."""
        return self._clock()

    def answered(self) -> None:
        """Note an answer, an error too."""
        self._missed = 0
        self._answered_at = self._clock()

    def missed(self, began: float) -> None:
        """Note that none came in time to what was asked then. After a rest one more of these begins the next."""
        if self._answered_at >= began:
            return
        self._missed += 1
        if self._missed >= MOST_MISSED:
            self._missed = MOST_MISSED - 1
            self._until = self._clock() + REST_S

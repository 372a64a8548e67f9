"""The retry budget: how much more than its own load a source may be asked for again.

Every first attempt earns a part of a retry; sources that are seldom asked have a small floor. What
is earned is lost after a while. Retries and hedges draw from the same budget. No I/O, no clock of its own.

Source: Finagle's RetryBudget (20 % over a window of 10 s, a floor per second), but that the floor is Envoy's: the
least there is, not added to the rest.
"""

from __future__ import annotations

WINDOW_S = 10


class RetryBudget:
    """Counts first attempts and retries of the last ten seconds, by second.

    Args:
        ratio: Retries earned by one first attempt.
        min_per_s: Retries allowed in any case, per second.
    """

    __slots__ = (
        "_attempts",
        "_floor",
        "_retries",
        "_second",
        "_sum_attempts",
        "_sum_retries",
        "ratio",
    )

    def __init__(self, ratio: float, min_per_s: float) -> None:
        self.ratio = ratio
        self._floor = min_per_s * WINDOW_S
        self._attempts = [0] * WINDOW_S
        self._retries = [0] * WINDOW_S
        self._sum_attempts = 0
        self._sum_retries = 0
        self._second = 0

    def deposit(self, now: float) -> None:
        """Note a first attempt. Units: `now` in seconds on any clock that does not go back."""
        if now >= self._second + 1:
            self._forget(int(now))
        self._attempts[self._second % WINDOW_S] += 1
        self._sum_attempts += 1

    def withdraw(self, now: float) -> bool:
        """Take a retry, if one is left."""
        if now >= self._second + 1:
            self._forget(int(now))
        if self._sum_retries + 1 > max(self._sum_attempts * self.ratio, self._floor):
            return False
        self._retries[self._second % WINDOW_S] += 1
        self._sum_retries += 1
        return True

    def _forget(self, second: int) -> None:
        for passed in range(self._second + 1, min(second, self._second + WINDOW_S) + 1):
            place = passed % WINDOW_S
            self._sum_attempts -= self._attempts[place]
            self._sum_retries -= self._retries[place]
            self._attempts[place] = self._retries[place] = 0
        self._second = second

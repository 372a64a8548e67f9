"""Quotas as one worker counts them, in its memory: bounded, so that nobody grows it by asking under many names."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence

from gateway.quotas.windows import Verdict, Window, decide


class LocalWindows:
    """The windows of the clients of one worker.

    Args:
        max_clients: How many it knows; the one that has asked nothing for longest goes first.
        clock: Seconds.
    """

    def __init__(
        self, max_clients: int = 10_000, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._max_clients = max_clients
        self._clock = clock
        # When all that was used will have come back, for each window; who asked last stands last.
        self._back_at: OrderedDict[str, list[float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._back_at)

    def take(self, key: str, windows: Sequence[Window], requests: float, cost: float) -> Verdict:
        """Admit a demand, or refuse it whole.

        Args:
            key: Whose windows.
            windows: The same ones for each demand of a key.
            requests, cost: What is demanded.
        """
        now, known = self._clock(), self._back_at.get(key)
        if known is None:
            return self._take(key, windows, [0.0] * len(windows), requests, cost, now)
        self._back_at.move_to_end(key)
        ahead_s = []
        for window, at in zip(windows, known, strict=True):
            ahead = at - now if at > now else 0.0
            ahead += (cost if window.is_cost else requests) * window.each_s
            if ahead > window.full_s:  # refused, or more than a share
                before_s = [at - now if at > now else 0.0 for at in known]
                return self._take(key, windows, before_s, requests, cost, now)
            ahead_s.append(ahead)
        known[:] = [now + ahead for ahead in ahead_s]
        return Verdict(True, windows, ahead_s)

    def _take(
        self,
        key: str,
        windows: Sequence[Window],
        before_s: Sequence[float],
        requests: float,
        cost: float,
        now: float,
    ) -> Verdict:
        verdict = decide(windows, before_s, requests, cost)
        if verdict.is_admitted:
            self._back_at[key] = [now + ahead for ahead in verdict.ahead_s]
            if len(self._back_at) > self._max_clients:
                self._back_at.popitem(last=False)
        return verdict

    def give_back(self, key: str, windows: Sequence[Window], cost: float) -> None:
        """Give back a part of a demand's cost; what it cost more than was demanded is negative."""
        known = self._back_at.get(key)
        if known is not None:
            for index, window in enumerate(windows):
                known[index] -= window.takes_s(0, cost)

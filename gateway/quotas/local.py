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
        now = self._clock()
        known = self._back_at.get(key)
        if known is None:
            ahead_s = [0.0] * len(windows)
        else:
            self._back_at.move_to_end(key)
            ahead_s = [at - now if at > now else 0.0 for at in known]
        verdict = decide(windows, ahead_s, requests, cost)
        if verdict.is_admitted:
            self._back_at[key] = [now + state.ahead_s for state in verdict.states]
            if known is None and len(self._back_at) > self._max_clients:
                self._back_at.popitem(last=False)
        return verdict

    def give_back(self, key: str, windows: Sequence[Window], cost: float) -> None:
        """Give back a part of a demand's cost; what it cost more than was demanded is negative."""
        known = self._back_at.get(key)
        if known is not None:
            for index, window in enumerate(windows):
                known[index] -= window.takes_s(0, cost)

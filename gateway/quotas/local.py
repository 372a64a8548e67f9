"""Quotas as one worker counts them, in its memory: bounded, so that nobody grows it by asking under many names."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from itertools import islice

from gateway.quotas.compiled import BackAt
from gateway.quotas.windows import Verdict, Window, decide

# How many clients are looked at for one that may be forgotten without giving it anything.
LOOKED_AT = 16


class LocalWindows:
    """The windows of the clients of one worker.

    Args:
        max_clients: How many it knows; the one that has asked nothing for longest goes first.
        clock: Seconds.

    Attributes:
        back_at: What is known of each.
        delay_s: How long what is given back waits.
    """

    delay_s = 0.0

    def __init__(
        self, max_clients: int = 10_000, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._max_clients = max_clients
        self._clock = clock
        self.back_at: BackAt = OrderedDict()

    def __len__(self) -> int:
        return len(self.back_at)

    def take(self, key: str, windows: Sequence[Window], requests: float, cost: float) -> Verdict:
        """Admit a demand, or refuse it whole.

        Args:
            key: Whose windows.
            windows: The same ones for each demand of a key.
            requests, cost: What is demanded.
        """
        now, known = self._clock(), self.back_at.get(key)
        before_s = [max(0.0, at - now) for at in known] if known else [0.0] * len(windows)
        verdict = decide(windows, before_s, requests, cost)
        if known:
            self.back_at.move_to_end(key)
        if verdict.is_admitted:
            self.back_at[key] = tuple([now + ahead for ahead in verdict.ahead_s])
            if len(self.back_at) > self._max_clients:
                self._forget_one(now)
        return verdict

    def _forget_one(self, now: float) -> None:
        """Forget a client that has all of its quota again, where one of the oldest has; else the oldest."""
        oldest = list(islice(self.back_at, LOOKED_AT))
        back = (key for key in oldest if max(self.back_at[key]) <= now)
        del self.back_at[next(back, oldest[0])]

    def give_back(self, key: str, windows: Sequence[Window], back_s: Sequence[float]) -> None:  # noqa: ARG002 - as Redis
        """Let each window go back by so much; forward where it is negative."""
        known = self.back_at.get(key)
        if known is not None:
            now = self._clock()
            moved = (max(now, at) - back for at, back in zip(known, back_s, strict=True))
            self.back_at[key] = tuple(moved)

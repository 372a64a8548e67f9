"""Quotas as one worker counts them, in its memory: bounded, so that nobody grows it by asking under many names."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from itertools import islice

from gateway.quotas.windows import Verdict, Window, decide

# How many clients are looked at for one that may be forgotten without giving it anything.
LOOKED_AT = 16


class LocalWindows:
    """The windows of the clients of one worker.

    Args:
        max_clients: How many it knows; the one that has asked nothing for longest goes first.
        clock: Seconds.

    Attributes:
        delay_s: How long what is given back waits.
    """

    delay_s = 0.0

    def __init__(
        self, max_clients: int = 10_000, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._max_clients = max_clients
        self._clock = clock
        # When all that was used will have come back, for each window; who asked last stands last.
        self._back_at: OrderedDict[str, list[float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._back_at)

    def try_take(
        self, key: str, windows: Sequence[Window], requests: float, cost: float, now: float
    ) -> list[float] | None:
        """Admit what fits into what is left: when all of each window will have come back.

        None where `take` has to decide: the client is new, or it is more than fits.

        Args:
            key: Whose windows.
            windows: The same ones for each demand of a key.
            requests, cost: What is demanded.
            now: By the clock.
        """
        back_at = self._back_at
        known = back_at.get(key)
        if known is None:
            return None
        moved = []
        for window, at in zip(windows, known):  # noqa: B905 - `strict` would cost a third of it
            if at < now:
                at = now
            at += (cost if window.is_cost else requests) * window.each_s
            if at - now > window.full_s:
                return None
            moved.append(at)
        back_at[key] = moved
        back_at.move_to_end(key)
        return moved

    def take(self, key: str, windows: Sequence[Window], requests: float, cost: float) -> Verdict:
        """Admit a demand, or refuse it whole. Args: as of `try_take`."""
        now, known = self._clock(), self._back_at.get(key)
        before_s = [max(0.0, at - now) for at in known] if known else [0.0] * len(windows)
        verdict = decide(windows, before_s, requests, cost)
        if known:
            self._back_at.move_to_end(key)
        if verdict.is_admitted:
            self._back_at[key] = [now + ahead for ahead in verdict.ahead_s]
            if len(self._back_at) > self._max_clients:
                self._forget_one(now)
        return verdict

    def _forget_one(self, now: float) -> None:
        """Forget a client that has all of its quota again, where one of the oldest has; else the oldest."""
        oldest = list(islice(self._back_at, LOOKED_AT))
        back = (key for key in oldest if max(self._back_at[key]) <= now)
        del self._back_at[next(back, oldest[0])]

    def give_back(self, key: str, windows: Sequence[Window], back_s: Sequence[float]) -> None:  # noqa: ARG002 - as Redis
        """Let each window go back by so much; forward where it is negative."""
        known = self._back_at.get(key)
        if known is not None:
            now = self._clock()
            moved = [max(now, at) - back for at, back in zip(known, back_s, strict=True)]
            self._back_at[key] = moved

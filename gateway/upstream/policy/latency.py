"""What calls of one endpoint usually take: the percentile after which a second call is worth it."""

from __future__ import annotations

from collections import deque

SAMPLES = 128
EVERY = 16
NEEDED = 32


class Latency:
    """The last good calls' durations.

    Attributes:
        percentile_s: The wanted percentile of them, seconds, brought up to date every 16 calls; None
            before 32 are known.
    """

    __slots__ = ("_percentile", "_seen", "_taken", "percentile_s")

    def __init__(self, percentile: int) -> None:
        self._percentile = percentile
        self._taken: deque[float] = deque(maxlen=SAMPLES)
        self._seen = 0
        self.percentile_s: float | None = None

    def record(self, took_s: float) -> None:
        """Note a good call."""
        self._taken.append(took_s)
        self._seen += 1
        if self._seen >= NEEDED and self._seen % EVERY == 0:
            ordered = sorted(self._taken)
            self.percentile_s = ordered[
                min(len(ordered) - 1, len(ordered) * self._percentile // 100)
            ]

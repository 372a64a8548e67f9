"""Adaptive concurrency: as many calls in flight as the backend serves without queueing them.

The latency of a window of calls is compared with the least that was seen: where it grows, calls queue at
the backend, and the limit shrinks in proportion; where it does not, there is room to try more.
No I/O, no clock of its own.

Source: Envoy's gradient controller: gradient = (1 + buffer) · minimum / latency, limit · gradient + √limit.
"""

from __future__ import annotations

from math import sqrt

from gateway.upstream.settings import AdaptiveConcurrencySettings


class AdaptiveLimit:
    """Finds the limit of one source.

    Attributes:
        limit: Calls in flight that are allowed now.
    """

    __slots__ = (
        "_ends_at",
        "_least_s",
        "_most",
        "_remeasure",
        "_samples",
        "_settings",
        "_windows",
        "limit",
    )

    def __init__(self, settings: AdaptiveConcurrencySettings, most: int) -> None:
        self._settings = settings
        self._most = most
        self._samples: list[float] = []
        self._ends_at = 0.0
        self._least_s: float | None = None
        self._windows = 0
        self._remeasure = False
        self.limit = min(most, max(settings.min_concurrency, 20))

    def record(self, now: float, took_s: float) -> None:
        """Note a good call; at the end of a window the limit moves."""
        self._samples.append(took_s)
        if now < self._ends_at or len(self._samples) < self._settings.window_requests:
            return
        middle_s = sorted(self._samples)[len(self._samples) // 2]
        self._samples.clear()
        self._ends_at = now + self._settings.window_s
        self._move(middle_s)

    def _move(self, middle_s: float) -> None:
        settings = self._settings
        self._windows += 1
        if self._remeasure or self._least_s is None:
            # The last window ran at the least concurrency: what it took is what a call takes alone.
            self._least_s = middle_s
            self._remeasure = False
        else:
            self._least_s = min(self._least_s, middle_s)
        if self._windows % settings.remeasure_windows == 0:
            # A backend that became slower for good must not be taken for one that queues.
            self._remeasure = True
            self.limit = settings.min_concurrency
            return
        gradient = min(2.0, max(0.5, (1 + settings.buffer) * self._least_s / max(middle_s, 1e-6)))
        wanted = self.limit * gradient + sqrt(self.limit)
        self.limit = int(min(self._most, max(settings.min_concurrency, wanted)))

"""The circuit breaker of one endpoint: a source that fails is left alone for a while, then probed.

    closed ── too many failed or slow calls in the window ──▶ open
    open ── after sleep_window_s ──▶ half_open
    half_open ── required_successful probes succeed ──▶ closed;  one fails ──▶ open

No I/O, no clock of its own. It never waits: a call is admitted or it is not.

Source: names of the settings as Cosmo's router has them; window by buckets as in Hystrix.
"""

from __future__ import annotations

from typing import Literal

from gateway.upstream.settings import CircuitBreakerSettings

State = Literal["closed", "open", "half_open"]


class CircuitBreaker:
    """Admits calls and learns from how they end.

    Attributes:
        state: See above. Open turns to half open when the next call asks.
        opened: How often it has opened.
    """

    __slots__ = (
        "_bucket", "_bucket_ends_at", "_buckets", "_calls", "_current", "_failed", "_opened_at", "_probes",
        "_settings", "_slow", "_span_s", "_succeeded", "opened", "state",
    )  # fmt: skip

    def __init__(self, settings: CircuitBreakerSettings) -> None:
        self._settings = settings
        self._span_s = settings.rolling_duration_s / settings.num_buckets
        self._buckets = [[0, 0, 0] for _ in range(settings.num_buckets)]
        self._bucket = 0
        self._bucket_ends_at = 0.0
        self._current = self._buckets[0]
        self._calls = self._failed = self._slow = 0
        self._opened_at = 0.0
        self._probes = self._succeeded = 0
        self.opened = 0
        self.state: State = "closed"

    def reset(self) -> None:
        """Close it, and forget what has been recorded: somebody knows that the endpoint is well."""
        self.state = "closed"
        self._probes = self._succeeded = 0
        self._clear()

    def admit(self, now: float) -> bool:
        """Whether a call may be made now; what is admitted must be recorded or abandoned."""
        if self.state == "closed":
            return True
        settings = self._settings
        if self.state == "open":
            if now - self._opened_at < settings.sleep_window_s:
                return False
            self.state = "half_open"
            self._probes = self._succeeded = 0
        if self._probes >= settings.half_open_attempts:
            return False
        self._probes += 1
        return True

    def abandon(self) -> None:
        """An admitted call ended without saying anything about the endpoint: it was cancelled."""
        if self.state == "half_open":
            self._probes = max(0, self._probes - 1)

    def record(self, now: float, *, is_failure: bool, took_s: float) -> bool:
        """Note how an admitted call ended; whether that has opened it."""
        slow_s = self._settings.slow_call_duration_s
        is_slow = slow_s is not None and took_s > slow_s
        if self.state == "half_open":
            self._record_probe(now, is_good=not (is_failure or is_slow))
        elif self.state == "closed":
            if now >= self._bucket_ends_at:
                self._turn(now)
            bucket = self._current
            bucket[0] += 1
            self._calls += 1
            if not (is_failure or is_slow):
                return False
            bucket[1] += is_failure
            self._failed += is_failure
            bucket[2] += is_slow
            self._slow += is_slow
            if self._is_too_bad():
                self._open(now)
        return self.state == "open"

    def _is_too_bad(self) -> bool:
        settings = self._settings
        if self._calls < settings.request_threshold:
            return False
        return (
            self._failed * 100 >= settings.error_threshold_percentage * self._calls
            or self._slow * 100 >= settings.slow_threshold_percentage * self._calls
        )

    def _record_probe(self, now: float, *, is_good: bool) -> None:
        if not is_good:
            self._open(now)
            return
        self._succeeded += 1
        self._probes = max(0, self._probes - 1)
        if self._succeeded >= self._settings.required_successful:
            self.state = "closed"
            self._clear()

    def _open(self, now: float) -> None:
        self.state = "open"
        self.opened += 1
        self._opened_at = now
        self._clear()

    def _clear(self) -> None:
        for bucket in self._buckets:
            bucket[:] = (0, 0, 0)
        self._calls = self._failed = self._slow = 0

    def _turn(self, now: float) -> None:
        """Forget the buckets that have left the window."""
        current = int(now / self._span_s)
        for passed in range(self._bucket + 1, min(current, self._bucket + len(self._buckets)) + 1):
            bucket = self._buckets[passed % len(self._buckets)]
            self._calls -= bucket[0]
            self._failed -= bucket[1]
            self._slow -= bucket[2]
            bucket[:] = (0, 0, 0)
        self._bucket = current
        self._bucket_ends_at = (current + 1) * self._span_s
        self._current = self._buckets[current % len(self._buckets)]

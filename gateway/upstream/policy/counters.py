"""What the policies decided, as plain numbers: read when somebody asks for metrics, never pushed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from time import perf_counter

from gateway.telemetry import catalogue as names
from gateway.telemetry.metrics import Family, Histogram, Sample

# Endpoints are templates of the schema, so there are few; what is not is counted under one name.
MAX_ENDPOINTS = 1000


class Counters:
    """Decisions by name, source and endpoint.

    Args:
        is_measured: Whether attempts are timed.

    Attributes:
        counts: `("retry", source, endpoint) -> number`. Names: `retry`, `retry_refused` (the
            budget was empty), `hedge`, `hedge_won`, `shared` (a follower), `led` (a call that had
            followers), `merged` (a batch went with another's), `breaker_refused`, `breaker_opened`, `overloaded`.
        queue_wait_s: Time that calls waited for a place, by source, seconds.
        cache_lookups: `(source, endpoint, result) -> number` of the response cache.
        durations: Of every attempt, by source, endpoint and error ("" for none); None
            when nobody measures.
    """

    __slots__ = ("cache_lookups", "counts", "durations", "queue_wait_s")

    def __init__(self, *, is_measured: bool = False) -> None:
        # Endpoints are templates of the schema; the policies hold that many apart.
        bound = {"gateway_endpoint": MAX_ENDPOINTS}
        self.durations = Family(names.CLIENT_DURATION, Histogram, bound) if is_measured else None
        self.counts: Counter[tuple[str, str, str]] = Counter()
        self.cache_lookups: Counter[tuple[str, str, str]] = Counter()
        self.queue_wait_s: defaultdict[str, float] = defaultdict(float)

    def add(self, name: str, source: str, endpoint: str) -> None:
        """Count one decision."""
        self.counts[name, source, endpoint] += 1

    def measure(self, source: str, endpoint: str, error_type: str, begin: float) -> None:
        """Note how long an attempt that failed took on the wire, where somebody wants to know."""
        if self.durations is not None:
            self.durations.of(source, endpoint, error_type).observe(perf_counter() - begin)

    def samples(self) -> Iterator[Sample]:
        """All of it, for metrics."""
        for (decision, source, endpoint), count in self.counts.items():
            yield names.UPSTREAM_DECISIONS, (source, endpoint, decision), count
        for labels, count in self.cache_lookups.items():
            yield names.CACHE_LOOKUPS, labels, count
        for source, waited_s in self.queue_wait_s.items():
            yield names.UPSTREAM_WAIT, (source,), waited_s
        if self.durations is not None:
            yield from self.durations.samples()

    def total(self, name: str) -> int:
        """One decision over all sources and endpoints."""
        return sum(count for (known, _, _), count in self.counts.items() if known == name)

"""What the policies decided, as plain numbers: read when somebody asks for metrics, never pushed."""

from __future__ import annotations

from collections import Counter, defaultdict

from gateway.telemetry.metrics import Family, Histogram


class Counters:
    """Decisions by name, source and endpoint.

    Attributes:
        counts: `("retry", source, endpoint) -> number`. Names: `call`, `retry`, `retry_refused` (the
            budget was empty), `hedge`, `hedge_won`, `shared` (a follower), `led` (a call that had
            followers), `merged` (a batch went with another's), `breaker_refused`, `breaker_opened`, `overloaded`.
        pool_wait_s: Time that calls waited for a place, by source, seconds.
        cache_lookups: `(source, endpoint, result) -> number` of the response cache.
        durations: Of every attempt, by source, endpoint and error ("" for none); None
            when nobody measures.
    """

    __slots__ = ("cache_lookups", "counts", "durations", "pool_wait_s")

    def __init__(self, durations: Family[Histogram] | None = None) -> None:
        self.durations = durations
        self.counts: Counter[tuple[str, str, str]] = Counter()
        self.cache_lookups: Counter[tuple[str, str, str]] = Counter()
        self.pool_wait_s: defaultdict[str, float] = defaultdict(float)

    def add(self, name: str, source: str, endpoint: str) -> None:
        """Count one decision."""
        self.counts[name, source, endpoint] += 1

    def total(self, name: str) -> int:
        """One decision over all sources and endpoints."""
        return sum(count for (known, _, _), count in self.counts.items() if known == name)

"""What may be set for calls that no client waits for. Plain data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil

from gateway.settings.kinds import (
    Bytes,
    Count,
    CountOrZero,
    MillisecondsOrZero,
    PerSecond,
    Ratio,
    Seconds,
)
from gateway.upstream.cache.settings import SourceCacheSettings
from gateway.upstream.settings import (
    AdaptiveConcurrencySettings,
    HedgeSettings,
    RetrySettings,
    SourceSettings,
)

MARK = "x-shadow-request"
"""The header that tells a backend that no client waits for its answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowSettings:
    """`[override.shadow]`: what `@shadow` may ask of the sources, beside what clients ask.

    `max_concurrency`, `max_pending`, `calls_per_s` and `bytes_per_s` are for all workers together: each has its part.

    Attributes:
        max_concurrency: Comparisons at a time, and calls in flight to each source for them.
        max_pending: Comparisons that may wait for their turn; one more is shed.
        calls_per_s: Calls in a second, to all sources together.
        bytes_per_s: Bytes of their answers in a second.
        timeout_s: Seconds for one comparison.
        max_lag_ms: Milliseconds that the event loop may be late; a comparison that begins later is shed.
        max_rows: Objects that one comparison looks at, and 50 times as many values; the rest of an answer is not
            compared.
        noise_ratio: Part of the comparisons for which the source that answered is asked a second time, so that what
            differs from itself is known; it is asked too where something differs.
        samples: Examples that are kept of each kind of difference at each coordinate.
        show_values: Whether examples hold the values that differ. Without, they hold a hash of each.
    """

    max_concurrency: Count = 8
    max_pending: Count = 64
    calls_per_s: PerSecond = 50.0
    bytes_per_s: Bytes = 10_000_000
    timeout_s: Seconds = 10.0
    max_lag_ms: MillisecondsOrZero = 50.0
    max_rows: Count = 1_000
    noise_ratio: Ratio = 0.1
    samples: CountOrZero = 3
    show_values: bool = False

    def for_worker(self, workers: int) -> ShadowSettings:
        """One worker's part."""
        return replace(
            self,
            max_concurrency=max(1, self.max_concurrency // workers),
            max_pending=max(1, self.max_pending // workers),
            calls_per_s=self.calls_per_s / workers,
            bytes_per_s=max(1, self.bytes_per_s // workers),
        )

    def of_source(self, settings: SourceSettings) -> SourceSettings:
        """How a source is asked for comparisons: once, for nobody else, and with nothing kept."""
        return replace(
            settings,
            timeout_s=min(settings.timeout_s, self.timeout_s),
            max_concurrency=self.max_concurrency,
            # So many calls may be spent at once: none of them is refused a place.
            max_pending=max(self.max_pending, ceil(self.calls_per_s)),
            max_connections=self.max_concurrency,
            dedupe_enabled=False,
            batch_across_requests=False,
            retry=RetrySettings(enabled=False),
            hedge=HedgeSettings(),
            cache=SourceCacheSettings(),
            adaptive_concurrency=AdaptiveConcurrencySettings(),
            headers={**(settings.headers or {}), MARK: "1"},
        )

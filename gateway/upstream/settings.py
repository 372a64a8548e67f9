"""What may be set for a source. Plain data; read by every module of this room."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal
from zoneinfo import ZoneInfo

from gateway.settings.kinds import (
    Bytes,
    CookieName,
    Count,
    FileBeside,
    Growth,
    HeaderValue,
    Parts,
    Percent,
    PerSecond,
    Ratio,
    Seconds,
    SecondsOrZero,
    SentHeaderName,
    SentHeaderNameOrEmpty,
    SocketPath,
    Status,
    Url,
)
from gateway.upstream.cache.settings import SourceCacheSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrySettings:
    """`[sources.NAME.retry]`: retries of failed calls.

    Reads are retried, and any call that failed before it was sent. The wait before an attempt is random, up to a
    bound that doubles each time; `Retry-After` is honored if it fits in the deadline.

    Attributes:
        enabled: Whether to retry.
        max_attempts: Attempts per call, the first included; Google's SRE book recommends 3.
        statuses: Statuses that are retried: those of a proxy whose backend is unavailable.
        base_backoff_s: Upper bound of the first wait; Envoy's default is 25 ms.
        max_backoff_s: Upper bound of every wait, except for `Retry-After`.
        budget_ratio: Retries and hedges as a share of first attempts; the default of Envoy and Finagle is 20 %.
        budget_min_per_s: Retries per second that are always allowed, for sources with little traffic.
    """

    enabled: bool = True
    max_attempts: Count = 3
    statuses: tuple[Status, ...] = (429, 502, 503, 504)
    base_backoff_s: SecondsOrZero = 0.025
    max_backoff_s: SecondsOrZero = 0.25
    budget_ratio: Ratio = 0.2
    budget_min_per_s: PerSecond = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitBreakerSettings:
    """`[sources.NAME.circuit_breaker]`: a circuit breaker, which stops calls to a failing endpoint. One per
    endpoint and worker.

    Failures are answers of 500 and above, resets, and calls that took longer than `timeout_s`.

    Attributes:
        enabled: Whether to use a circuit breaker.
        request_threshold: Minimum calls in the window before the breaker may open.
        error_threshold_percentage: Percentage of failed calls that opens the breaker.
        slow_call_duration_s: Seconds from which a call counts as slow; unset, none does.
        slow_threshold_percentage: Percentage of slow calls that opens the breaker.
        rolling_duration_s: The window.
        num_buckets: Buckets of the window; it advances one bucket at a time.
        sleep_window_s: Seconds that an open breaker rejects all calls.
        half_open_attempts: Concurrent probes of a half-open breaker.
        required_successful: Successful probes that close the breaker.
    """

    enabled: bool = True
    request_threshold: Count = 20
    error_threshold_percentage: Percent = 50
    slow_call_duration_s: Seconds | None = None
    slow_threshold_percentage: Percent = 80
    rolling_duration_s: Seconds = 10.0
    num_buckets: Parts = 10
    sleep_window_s: SecondsOrZero = 5.0
    half_open_attempts: Count = 5
    required_successful: Count = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class HedgeSettings:
    """`[sources.NAME.hedge]`: a second call for a read that takes unusually long; the slower one is cancelled.

    Drawn from the retry budget.

    Attributes:
        enabled: Whether to hedge. Only for backends with replicas, where a slow answer is one replica's.
        percentile: Percentile of the endpoint's latency after which the second call starts.
        min_delay_s: Minimum delay before the second call.
    """

    enabled: bool = False
    percentile: Percent = 95
    min_delay_s: SecondsOrZero = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class AdaptiveConcurrencySettings:
    """`[sources.NAME.adaptive_concurrency]`: fewer calls in flight when latency grows.

    Attributes:
        enabled: Whether the number of calls in flight moves, up to `max_concurrency`. Calls beyond it fail
            at once with UPSTREAM_OVERLOADED: those that would wait are what makes an overload last.
        min_concurrency: Lower bound of the limit; Envoy measures the minimum latency at 3.
        buffer: Latency growth that is treated as noise; Envoy's default is 25 %.
        window_s: Minimum seconds between two changes of the limit.
        window_requests: Minimum calls of a window.
        remeasure_windows: Windows after which the minimum latency is measured again.
    """

    enabled: bool = False
    min_concurrency: Count = 3
    buffer: Growth = 0.25
    window_s: SecondsOrZero = 0.1
    window_requests: Count = 25
    remeasure_windows: Count = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSettings:
    """`[sources.NAME]`: one backend.

    `max_concurrency`, `max_pending`, `max_connections` and `retry.budget_min_per_s` are for all workers together:
    each has its part. Everything else is for each worker by itself.

    Attributes:
        url: Overrides the `baseURL` of the `@source` of that name. Neither holds a user name or password: they are a
            header, `headers = { authorization = "Basic …" }`.
        timeout_s: Seconds for one call, from requesting a connection to the last byte of the response, with the hooks
            around it. The hooks before it have as long together.
        connect_timeout_s: Seconds to open a connection, TLS included.
        max_concurrency: Calls in flight to this source; further calls queue, within their own timeout.
        max_pending: Calls that may queue for a slot; one more fails at once with UPSTREAM_OVERLOADED. Envoy's
            default is 1024, with 1024 in flight; a long queue only delays responses.
        deadline_header: Header that tells the backend the milliseconds left until the deadline; "" sends none.
        dedupe_enabled: Deduplicate equal reads in flight whose forwarded headers are equal, also across requests.
        post_is_safe: Treat POST as idempotent: retry, hedge and deduplicate it like GET. For backends that search
            by POST.
        retry: Asking again for what failed.
        circuit_breaker: Leaving a failing endpoint alone.
        hedge: A second call for a read that takes unusually long.
        cache: Keeping answers.
        adaptive_concurrency: Adaptive concurrency: fewer calls in flight when latency grows.
        batch_across_requests: Merge queued `$batch` reads of several requests into one call, where their clients are in
            the same partition.
        keepalive_s: Seconds until an idle connection is closed; must be below the backend's own keep-alive
            (Apache's default is 5 s).
        max_response_size_bytes: Largest response body after decompression; a larger one fails with
            RESPONSE_TOO_LARGE.
        max_response_values: Most values of one response, those in lists and objects included; a response with more
            fails with RESPONSE_TOO_LARGE before it is decoded. Commas and brackets are counted, in texts too: an object
            of ten members counts 11. A million take about 0.1 s of CPU to decode.
        headers: Headers sent with every call; the directives' own headers of the same name win.
        session_cookie: Name of the one client cookie that is forwarded, for instance `PHPSESSID`.
        dialect: "php" reads what legacy PHP sends and writes parameters and forms as PHP reads them: see
            docs/php.md.
        time_zone: Time zone of dates without one, `2026-11-29 10:00:00`, in the PHP dialect; a name of the tz
            database.
        non_json_answers: Result of a response without a JSON value, such as an HTML page or an empty body:
            "error" fails with CONNECTOR_RESPONSE_INVALID, "null" gives null without an error.
        transport: HTTP client: "native" (HTTP/1.1), or "http2" (install the extra `http2`): HTTP/2 by ALPN over
            TLS, and with prior knowledge for `http:` URLs.
        max_connections: Open connections to one host; `max_concurrency` by default.
        pool_timeout_s: Seconds to wait for one of `max_connections`.
        max_connection_age_s: Seconds after which a connection is not reused, so that DNS changes take effect.
            Native transport only.
        unix_socket: Path of a Unix socket to connect to; the URL's host is still sent as Host.
        tls_ca_file: PEM file of trusted CA certificates, instead of the system's store. This and the next two are
            relative to the configuration file.
        tls_client_cert: PEM file of the client certificate with its chain, for mutual TLS.
        tls_client_key: PEM file of the client certificate's key; by default in `tls_client_cert`.
        tls_verify: Verify the backend's certificate. False only for tests.
    """

    url: Url | None = None
    timeout_s: Seconds = 30.0
    connect_timeout_s: Seconds = 5.0
    max_concurrency: Count = 64
    max_pending: Count = 256
    deadline_header: SentHeaderNameOrEmpty = "x-request-timeout-ms"
    dedupe_enabled: bool = True
    post_is_safe: bool = False
    batch_across_requests: bool = False
    keepalive_s: SecondsOrZero = 4.0
    max_response_size_bytes: Bytes = 16 * 1024 * 1024
    max_response_values: Count = 2_000_000
    headers: dict[SentHeaderName, HeaderValue] | None = field(default=None, repr=False)
    session_cookie: CookieName | None = None
    dialect: Literal["json", "php"] = "json"
    time_zone: str = "UTC"
    non_json_answers: Literal["error", "null"] = "error"
    transport: Literal["native", "http2"] = "native"
    max_connections: Count | None = None
    pool_timeout_s: Seconds = 5.0
    max_connection_age_s: SecondsOrZero = 300.0
    unix_socket: SocketPath | None = None
    tls_ca_file: FileBeside | None = None
    tls_client_cert: FileBeside | None = None
    tls_client_key: FileBeside | None = None
    tls_verify: bool = True
    retry: RetrySettings = field(default_factory=RetrySettings)
    circuit_breaker: CircuitBreakerSettings = field(default_factory=CircuitBreakerSettings)
    hedge: HedgeSettings = field(default_factory=HedgeSettings)
    cache: SourceCacheSettings = field(default_factory=SourceCacheSettings)
    adaptive_concurrency: AdaptiveConcurrencySettings = field(
        default_factory=AdaptiveConcurrencySettings
    )

    def __post_init__(self) -> None:
        """Errors: ValueError."""
        if self.cache.enabled and not self.dedupe_enabled:
            raise ValueError(
                "`cache.enabled` needs `dedupe_enabled`: what is not shared is not kept"
            )
        if self.cache.override and self.session_cookie is not None:
            raise ValueError(
                "`cache.override` with `session_cookie` would keep what one session was answered"
            )
        try:
            if self.time_zone != "UTC":  # which there is without a database, too
                ZoneInfo(self.time_zone)
        except (ValueError, LookupError, OSError) as exc:
            raise ValueError(f"`time_zone` is no time zone: {self.time_zone!r}") from exc

    def for_worker(self, workers: int) -> SourceSettings:
        """One worker's part of what is for all of them together, at least one of each."""
        return replace(
            self,
            max_concurrency=max(1, self.max_concurrency // workers),
            max_pending=max(1, self.max_pending // workers),
            max_connections=max(1, self.max_connections // workers)
            if self.max_connections
            else None,
            retry=replace(
                self.retry, budget_min_per_s=max(0.1, self.retry.budget_min_per_s / workers)
            ),
        )

"""What `[telemetry]` and `[logs]` may say. Settings only: nothing here runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from gateway.settings.kinds import (
    Bytes,
    Count,
    ErrorTarget,
    HeaderName,
    HeaderValue,
    Host,
    LogTarget,
    MillisecondsOrZero,
    NewFile,
    Port,
    Ratio,
    RoutePath,
    Seconds,
    UrlOrEmpty,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsSettings:
    """`[telemetry.metrics]`: the Prometheus page, on its own port.

    `gateway serve` opens the port; a gateway that is mounted in another application opens none.

    Attributes:
        enabled: Collect metrics.
        host: Address to bind. Not a public one: the page has no authentication.
        port: TCP port. If it is in use, the gateway serves without the page, logs that, and tries again.
        path: Path of the page.
        max_operations: Distinct operation names, first come; all others are "other".
        max_clients: Distinct client names in field usage, first come; all others are "other".
        max_fields: Distinct pairs of field and client, first come; all others are "other".
        otlp_endpoint: OTLP/HTTP, `http://collector:4318/v1/metrics`, where the same numbers are sent,
            by one worker for all; "" sends nothing.
        otlp_headers: Headers of these exports.
        otlp_interval_s: Seconds between two exports.
        service_name: `service.name` of the resource.
    """

    enabled: bool = True
    host: Host = "127.0.0.1"
    port: Port = 9464
    path: RoutePath = "/metrics"
    max_operations: Count = 200
    max_clients: Count = 20
    max_fields: Count = 5_000
    otlp_endpoint: UrlOrEmpty = ""
    otlp_headers: dict[HeaderName, HeaderValue] = field(default_factory=dict, repr=False)
    otlp_interval_s: Seconds = 30.0
    service_name: str = "gateway"


@dataclass(frozen=True, slots=True, kw_only=True)
class TracingSettings:
    """`[telemetry.tracing]`: spans of requests, of each resolver step, and of each upstream call.

    Attributes:
        endpoint: OTLP/HTTP, `http://collector:4318/v1/traces`; "" traces nothing.
        headers: Headers of every export.
        service_name: `service.name` of the resource.
        sample_ratio: Share of requests without a sampled parent that is recorded from the start.
        slow_threshold_ms: A slower request is kept regardless of `sample_ratio`.
            Backends have seen such a request with flag 0, and spans of its resolvers' own code are lost.
        keep_errors: A request with an error is kept regardless of `sample_ratio`.
        propagation: What is read and sent: "w3c" (`traceparent`), "b3" (single header), "jaeger"
            (`uber-trace-id`). The first that a request brings counts; all are sent.
        opentracing: Set the process's global OpenTracing tracer.
        detail: "object" makes a span for each call of a function that is called once per object, at most
            `max_objects` a step: for a debugging session.
        max_objects: Spans of one step's objects, where `detail` is "object".
    """

    endpoint: UrlOrEmpty = ""
    headers: dict[HeaderName, HeaderValue] = field(default_factory=dict, repr=False)
    service_name: str = "gateway"
    sample_ratio: Ratio = 0.01
    slow_threshold_ms: MillisecondsOrZero = 1000.0
    keep_errors: bool = True
    propagation: tuple[Literal["w3c", "b3", "jaeger"], ...] = ("w3c",)
    opentracing: bool = False
    detail: Literal["step", "object"] = "step"
    max_objects: Count = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageSettings:
    """`[telemetry.usage]`: what of the schema clients use, by client and version.

    It is part of `[telemetry.metrics]`: without metrics nothing is counted.

    Attributes:
        file: The file that all workers append lines of JSON to; none by default. `gateway usage` and
            `gateway check --usage` read it.
        interval_s: Seconds between two lines of a client.
        max_size_bytes: A larger file is renamed to `FILE.1`, and that to `FILE.2`.
        max_files: Files that are kept beside the one that is written.
        max_clients: Clients with their versions that are told apart, first come; all others are "other". So many of
            those whose key, token or document proves who they are, and so many of those that only say it.
        max_counts: Operations and coordinates that are counted for all clients of each of these two kinds together,
            of each worker: about 100 bytes each.
    """

    file: NewFile | None = None
    interval_s: Seconds = 60.0
    max_size_bytes: Bytes = 64 * 1024 * 1024
    max_files: Count = 14
    max_clients: Count = 1_000
    max_counts: Count = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class TelemetrySettings:
    """`[telemetry]`: what the gateway tells of itself beside its logs.

    Attributes:
        enabled: False turns off metrics and tracing, measuring included.
        metrics: Numbers.
        usage: What of the schema clients use.
        tracing: Spans.
    """

    enabled: bool = True
    metrics: MetricsSettings = field(default_factory=MetricsSettings)
    usage: UsageSettings = field(default_factory=UsageSettings)
    tracing: TracingSettings = field(default_factory=TracingSettings)


AccessMember = Literal[
    "client_address", "client_name", "client_version", "user_agent", "method", "request_bytes", "response_bytes",
    "operation_name", "upstream_retries", "upstream_hedges", "upstream_shared", "upstream_cached", "upstream_queue_wait_ms",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    """`[logs]`: log destinations and thresholds.

    Attributes:
        level: The least that is written of errors, warnings and what libraries and resolvers say by Python's `logging`.
        format: "json", or "pretty" for people: a short line for each request, tracebacks as Python prints them. The
            audit log is JSON in any case.
        access: "stdout", "off", or the path of a file that is appended to.
        access_omit: Members that access lines do not have.
        errors: "stderr" or the path of a file that is appended to.
        slow: Operations that took longer than `slow_threshold_ms`: "stderr", "stdout", "off", or a file.
        slow_threshold_ms: Duration from which an operation is written to `slow`; 0 logs every operation.
        audit: A line for each mutation, each operation of which something was denied, requests that were refused
            as unauthenticated, each change of API keys and of the configuration, and each command at the
            admin port: "stdout", "stderr", "off", or a file. In a file each line holds the digest of the one before it;
            `gateway audit verify` follows them.
        audit_identity: Request headers that identify the user; the audit log includes them. Those that hold tokens
            (`authorization`, `cookie`) are none: who has shown one stands in the line by itself.
    """

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["json", "pretty"] = "json"
    access: LogTarget = "stdout"
    access_omit: tuple[AccessMember, ...] = ()
    errors: ErrorTarget = "stderr"
    slow: LogTarget = "stderr"
    slow_threshold_ms: MillisecondsOrZero = 1000.0
    audit: LogTarget = "off"
    audit_identity: tuple[HeaderName, ...] = ()

    def __post_init__(self) -> None:
        """Errors: ValueError."""
        for name in self.audit_identity:
            if name.lower() in ("authorization", "proxy-authorization", "cookie", "x-api-key"):
                raise ValueError(f"audit_identity: {name} holds a token, which no log may hold")

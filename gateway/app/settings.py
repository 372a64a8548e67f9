"""Tables of the configuration that belong to no room below."""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.graph.scalars import ScalarName
from gateway.pipeline.settings import DedupeSettings
from gateway.settings.kinds import (
    Count,
    CountOrZero,
    HeaderNameOrEmpty,
    Host,
    Port,
    Seconds,
    SecondsOrZero,
    Threads,
    WholeMillisecondsOrZero,
    Workers,
)
from gateway.transport.server.settings import ListenerSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphSettings:
    """`[graph]`: what is served.

    Attributes:
        schema: `.graphql` files, or folders of them, relative to the configuration file. In a folder, what begins with
            a dot is left out, and links are followed: a mounted ConfigMap is read once.
        resolvers: Name of the Python package or module with resolvers, importable from the
            configuration file's folder; none by default.
        strict_deprecation: Reject a schema where a field is deprecated and the same field of its interface is
            not. The specification forbids that since September 2025, but published schemas do it: by default
            `gateway check` only warns.
        scalars: Maps a scalar of the schema to one of the gateway's own: `Timestamp = "DateTime"`. `"JSON"`
            accepts any value. A scalar that is named neither here nor in Python gets the behavior of its name;
            `gateway check` notes it.
    """

    schema: tuple[str, ...] = ("schema",)
    resolvers: str | None = None
    strict_deprecation: bool = False
    scalars: dict[str, ScalarName] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings(ListenerSettings):
    """`[server]`: the listening socket, connections and processes.

    Attributes:
        host: Address to bind.
        port: TCP port.
        workers: Worker processes; use one per core.
        drain_timeout_s: Seconds after SIGTERM for requests in flight to finish.
        shutdown_delay_s: Seconds between SIGTERM, when readiness turns 503, and the shutdown. Requests are still
            served, so that load balancers can drain. The chart's preStop hook makes it unnecessary there.
        resolver_threads: Threads per worker for resolvers with `blocking=True`.
        gc_threshold: Allocations between two runs of Python's cyclic collector in a process of
            `gateway serve`. Requests make few cycles, and Python's own 700 (2,000 since 3.13) costs a fifth
            of a request. 0 leaves the interpreter's setting.
    """

    host: Host = "127.0.0.1"
    port: Port = 8000
    workers: Workers = 1
    drain_timeout_s: SecondsOrZero = 30.0
    shutdown_delay_s: SecondsOrZero = 0.0
    resolver_threads: Threads = 16
    gc_threshold: CountOrZero = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorSettings:
    """`[errors]`: errors in responses.

    Attributes:
        mask: Replace unexpected errors by "Internal server error" and an error id. Turn off for development only.
        max_errors: Errors of one answer; a last one with the code TOO_MANY_ERRORS says how many more there
            are. What nobody reads is neither located nor logged.
    """

    mask: bool = True
    max_errors: Count = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterShaping:
    """`[traffic_shaping.router]`: the client's side of a request.

    Attributes:
        timeout_s: Deadline of one request; every upstream call ends within it. 30 s is Apollo
            Router's default.
        client_timeout_header: Header by which a client may shorten its deadline, in milliseconds; "" for none.
        max_in_flight: Operations of all workers together that wait for something; one more is rejected with 503 and
            `Retry-After` before its document is looked at. 0 for no limit.
        max_eventloop_lag_ms: Event loop delay from which a worker counts as overloaded; it rejects requests until
            the delay falls. 0 for no limit.
        dedupe: Equal operations in flight at the same time.
    """

    timeout_s: Seconds = 30.0
    client_timeout_header: HeaderNameOrEmpty = ""
    max_in_flight: CountOrZero = 1024
    max_eventloop_lag_ms: WholeMillisecondsOrZero = 20
    dedupe: DedupeSettings = field(default_factory=DedupeSettings)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficShaping:
    """`[traffic_shaping]`: time limits.

    Attributes:
        router: The client's side.
    """

    router: RouterShaping = field(default_factory=RouterShaping)

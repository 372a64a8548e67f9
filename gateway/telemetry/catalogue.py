"""Every metric of the gateway: name, labels and meaning. `docs/metrics.md` is made from it.

Names follow OpenTelemetry's conventions as Prometheus writes them; where there is none, `gateway_`.
"""

from __future__ import annotations

from gateway.telemetry.metrics import Metric

SERVER_DURATION = Metric(
    "http_server_request_duration_seconds",
    "histogram",
    "Requests to the GraphQL route until they were answered; until its head was sent for an answer that goes on.",
    ("http_response_status_code",),
)
SERVER_ACTIVE = Metric(
    "http_server_active_requests",
    "gauge",
    "Requests to the GraphQL route under way, but for answers that go on.",
)
REQUESTS_SHED = Metric(
    "gateway_requests_shed",
    "counter",
    "Operations that were rejected because the gateway itself had too much to do.",
    ("reason",),
)
CONNECTIONS = Metric(
    "gateway_connections",
    "gauge",
    "Client connections that are open, WebSockets among them.",
)
CONNECTIONS_REJECTED = Metric(
    "gateway_connections_rejected",
    "counter",
    "Client connections that were turned away: `limit` by server.max_connections, `descriptors` times that the "
    "process ran out of file descriptors.",
    ("reason",),
)
CONNECTIONS_TIMED_OUT = Metric(
    "gateway_connections_timed_out",
    "counter",
    "Client connections that were ended because they were late: with a request (`idle`), a `head`, a `body`, or with "
    "reading their answer (`write`).",
    ("reason",),
)
OPERATION_DURATION = Metric(
    "graphql_server_operation_duration_seconds",
    "histogram",
    "Queries and mutations by name; a refused document has none.",
    ("graphql_operation_name", "graphql_operation_type"),
)
OPERATION_ERRORS = Metric(
    "gateway_operation_errors",
    "counter",
    "Operations whose answer has an error with this code.",
    ("graphql_operation_name", "error_type"),
)
OPERATIONS_FAILED = Metric(
    "gateway_operations_failed",
    "counter",
    "Operations whose answer has errors, once each, by whose fault the gravest is: the gateway's, a source's, or the client's.",
    ("fault",),
)
OPERATIONS_LED = Metric("gateway_operations_led", "counter", "Executions that others may share.")
OPERATIONS_SHARED = Metric(
    "gateway_operations_shared", "counter", "Operations answered by an execution under way."
)
STEP_DURATION = Metric(
    "gateway_resolver_step_duration_seconds",
    "histogram",
    "Steps of plans by their field, each for all of its parents together.",
    ("graphql_field",),
)
STEP_ERRORS = Metric(
    "gateway_resolver_step_errors",
    "counter",
    "Steps that failed for all of their parents, by what was raised.",
    ("graphql_field", "error_type"),
)
FALLBACKS = Metric(
    "gateway_operation_fallbacks",
    "counter",
    "Operations that ran on graphql-core, by reason.",
    ("reason",),
)
DECODE_FALLBACKS = Metric(
    "gateway_connector_decode_fallbacks",
    "counter",
    "Answers that the decoder made for an operation did not take, by reason: type (a leaf of another type than its "
    "scalar's), shape (mapped), error (a generated decoder broke; mapped).",
    ("gateway_source", "reason"),
)
SUBSCRIPTIONS = Metric("gateway_subscriptions_open", "gauge", "Subscriptions under way.")
CLIENT_DURATION = Metric(
    "http_client_request_duration_seconds",
    "histogram",
    "Calls to a source, each attempt by itself; error_type is empty for an answer below status 500.",
    ("gateway_source", "gateway_endpoint", "error_type"),
)
UPSTREAM_DECISIONS = Metric(
    "gateway_upstream_decisions",
    "counter",
    "What the policies decided: call, retry, retry_refused, hedge, hedge_won, shared, led, breaker_refused, breaker_opened, overloaded.",
    ("gateway_source", "gateway_endpoint", "decision"),
)
CACHE_LOOKUPS = Metric(
    "gateway_cache_lookups",
    "counter",
    "Reads of sources whose answers are kept, by result: hit, stale (given while it is refreshed), stale_if_error, "
    "revalidated (the source said that it still holds), miss, bypass (the request asks for no stored answer).",
    ("gateway_source", "gateway_endpoint", "result"),
)
CACHE_BYTES = Metric("gateway_cache_bytes", "gauge", "Memory that stored answers take.")
CACHE_ENTRIES = Metric("gateway_cache_entries", "gauge", "Stored answers.")
CACHE_EVICTIONS = Metric(
    "gateway_cache_evictions", "counter", "Stored answers that made room for others."
)
UNEXPECTED_ANSWERS = Metric(
    "gateway_upstream_unexpected_answers",
    "counter",
    "Answers that were not as they should be: empty, content_type (no JSON), format (not the JSON that it claims to be), shape (not what the schema declares), noise (skipped around a value of PHP).",
    ("gateway_source", "gateway_endpoint", "reason"),
)
UPSTREAM_WAIT = Metric(
    "gateway_upstream_pool_wait_seconds",
    "counter",
    "Time that calls waited for a place.",
    ("gateway_source",),
)
UPSTREAM_PLACES = Metric(
    "gateway_upstream_places",
    "gauge",
    "The bulkhead: calls in_use, calls pending, and the limit.",
    ("gateway_source", "state"),
)
BREAKER_STATE = Metric(
    "gateway_upstream_breaker_state",
    "gauge",
    "1 for the state of the source's worst endpoint on each worker, so several where workers differ: closed, half_open, open.",
    ("gateway_source", "state"),
    "max",
)
PLAN_LOOKUPS = Metric(
    "gateway_plan_cache_lookups",
    "counter",
    "How plans were found: exact, normalised, miss, rejected.",
    ("result",),
)
PLAN_EVICTIONS = Metric("gateway_plan_cache_evictions", "counter", "Plans that were let go.")
PLAN_COMPILE = Metric(
    "gateway_plan_compile_seconds", "counter", "Time spent in the compiler, refusals included."
)
PLAN_ENTRIES = Metric("gateway_plan_cache_entries", "gauge", "Plans that are kept.")
PLAN_BYTES = Metric("gateway_plan_cache_size_bytes", "gauge", "Their estimated memory.")
FIELD_USAGE = Metric(
    "gateway_field_requests",
    "counter",
    "Requests whose operation selects a field, by client.",
    ("graphql_field", "client_name"),
)
DEPRECATED_USAGE = Metric(
    "gateway_deprecated_field_requests",
    "counter",
    "The same, of deprecated fields only.",
    ("graphql_field", "client_name"),
)
LOOP_LAG = Metric(
    "gateway_eventloop_lag_seconds",
    "gauge",
    "How late the event loop was at worst in the last 15 to 30 seconds.",
    across="max",
)
CERTIFICATE_EXPIRY = Metric(
    "gateway_certificate_expiry_timestamp_seconds",
    "gauge",
    "When the certificate of `server.tls` ends, Unix time; the latest of all workers.",
    across="max",
)
MEMORY = Metric("process_resident_memory_bytes", "gauge", "Resident memory of all workers.")
CPU = Metric(
    "process_cpu_seconds",
    "counter",
    "User and system CPU time of all workers, of those that are gone too.",
)
OPEN_FDS = Metric("process_open_fds", "gauge", "Open file descriptors of all workers.")
MAX_FDS = Metric("process_max_fds", "gauge", "The most that all workers may open together.")
START_TIME = Metric(
    "process_start_time_seconds",
    "gauge",
    "When the youngest worker started, Unix time.",
    across="max",
)
BUILD_INFO = Metric(
    "gateway_build_info",
    "gauge",
    "1 for the gateway's version, its revision (GATEWAY_REVISION, which the image sets) and Python's.",
    ("version", "revision", "python"),
    "max",
)
GC_COLLECTIONS = Metric(
    "python_gc_collections", "counter", "Collections by generation.", ("generation",)
)
GC_COLLECTED = Metric(
    "python_gc_objects_collected", "counter", "Objects that were collected.", ("generation",)
)
WORKERS = Metric("gateway_workers", "gauge", "Worker processes whose numbers are in these.")

METRICS = (
    SERVER_DURATION, SERVER_ACTIVE, REQUESTS_SHED, CONNECTIONS,
    CONNECTIONS_REJECTED, CONNECTIONS_TIMED_OUT, CERTIFICATE_EXPIRY, OPERATION_DURATION, OPERATION_ERRORS,
    OPERATIONS_FAILED, OPERATIONS_LED, OPERATIONS_SHARED, STEP_DURATION, STEP_ERRORS, FALLBACKS, DECODE_FALLBACKS,
    SUBSCRIPTIONS, CLIENT_DURATION, UPSTREAM_DECISIONS, CACHE_LOOKUPS,
    CACHE_BYTES, CACHE_ENTRIES, CACHE_EVICTIONS, UNEXPECTED_ANSWERS, UPSTREAM_WAIT,
    UPSTREAM_PLACES, BREAKER_STATE, PLAN_LOOKUPS, PLAN_EVICTIONS, PLAN_COMPILE, PLAN_ENTRIES,
    PLAN_BYTES, FIELD_USAGE, DEPRECATED_USAGE, LOOP_LAG, MEMORY, CPU, OPEN_FDS, MAX_FDS, START_TIME, BUILD_INFO, GC_COLLECTIONS, GC_COLLECTED, WORKERS,
)  # fmt: skip

"""Every metric of the gateway: name, labels and meaning. `docs/metrics.md` is made from it.

Names follow OpenTelemetry's conventions as Prometheus writes them; where there is none, `gateway_`.
"""

from __future__ import annotations

from gateway.telemetry.metrics import COSTS, Metric

SERVER_DURATION = Metric(
    "http_server_request_duration_seconds",
    "histogram",
    "Duration of requests to the GraphQL route; of a streamed response until its head is sent.",
    ("http_response_status_code",),
)
SERVER_ACTIVE = Metric(
    "http_server_active_requests",
    "gauge",
    "Requests to the GraphQL route in progress, streamed responses excluded.",
)
REQUESTS_SHED = Metric(
    "gateway_requests_shed",
    "counter",
    "Operations rejected because the gateway is overloaded.",
    ("reason",),
)
UNAUTHENTICATED = Metric(
    "gateway_requests_unauthenticated",
    "counter",
    "Requests and sockets refused because it is not known who asks, by what they have shown: a token, a key, or none.",
    ("credential",),
)
AUTH_KEYS_AGE = Metric(
    "gateway_auth_keys_age_seconds",
    "gauge",
    "Time since the keys in use were known to be the newest: of API keys (`api_keys`) and of each key set (`jwks.0`). It "
    "grows while their store cannot be read.",
    ("store",),
    "max",
)
CONNECTIONS = Metric(
    "gateway_connections",
    "gauge",
    "Open client connections, WebSockets included.",
)
CONNECTIONS_REJECTED = Metric(
    "gateway_connections_rejected",
    "counter",
    "Client connections rejected: `limit` by server.max_connections; `descriptors` counts the times that the "
    "process ran out of file descriptors.",
    ("reason",),
)
CONNECTIONS_TIMED_OUT = Metric(
    "gateway_connections_timed_out",
    "counter",
    "Client connections closed because the client was too slow: to end its TLS `handshake`, to send a request (`idle`), "
    "a `head` or a `body`, or to read its response (`write`).",
    ("reason",),
)
OPERATION_DURATION = Metric(
    "graphql_server_operation_duration_seconds",
    "histogram",
    "Duration of queries and mutations by operation name; a rejected document has no name.",
    ("graphql_operation_name", "graphql_operation_type"),
)
OPERATION_ERRORS = Metric(
    "gateway_operation_errors",
    "counter",
    "Operations whose response has an error with this code.",
    ("graphql_operation_name", "error_type"),
)
OPERATION_COST_ESTIMATED = Metric(
    "gateway_operation_cost_estimated",
    "histogram",
    "Estimated cost of queries and mutations by operation name; there with [cost].",
    ("graphql_operation_name",),
    bounds=COSTS,
)
OPERATION_COST_ACTUAL = Metric(
    "gateway_operation_cost_actual",
    "histogram",
    "Actual cost of executed queries and mutations by operation name; there with [cost].",
    ("graphql_operation_name",),
    bounds=COSTS,
)
OPERATION_COST_EXCEEDED = Metric(
    "gateway_operation_cost_exceeded",
    "counter",
    "Operations whose estimated cost is over a limit, refused or not: cost.max (`operation`), or a source's by its name.",
    ("limit",),
)
QUOTA_DECISIONS = Metric(
    "gateway_quota_decisions",
    "counter",
    "Demands of quotas by policy: admitted, refused, or measured (over the quota, and let in).",
    ("policy", "decision"),
)
QUOTA_CLIENTS = Metric(
    "gateway_quota_clients", "gauge", "Clients whose quota the workers count in their memory."
)
QUOTA_STORE_FAILURES = Metric(
    "gateway_quota_store_failures",
    "counter",
    "Commands for quotas that Redis did not answer in time.",
)
ADDRESSES_REFUSED = Metric(
    "gateway_addresses_refused", "counter", "Requests and handshakes refused by quotas.address."
)
OPERATIONS_FAILED = Metric(
    "gateway_operations_failed",
    "counter",
    "Operations whose response has errors, counted once, by the fault of the gravest: gateway, source or client.",
    ("fault",),
)
OPERATION_DEDUPE = Metric(
    "gateway_operation_dedupe",
    "counter",
    "Operations that equal ones may share, by role: leader (its execution), follower (answered by another's).",
    ("role",),
)
STEP_DURATION = Metric(
    "gateway_resolver_step_duration_seconds",
    "histogram",
    "Duration of plan steps by field; one step serves all parents of a level.",
    ("graphql_field",),
)
STEP_ERRORS = Metric(
    "gateway_resolver_step_errors",
    "counter",
    "Plan steps that failed for all of their parents, by exception or error code.",
    ("graphql_field", "error_type"),
)
FALLBACKS = Metric(
    "gateway_operation_fallbacks",
    "counter",
    "Operations executed by graphql-core instead of a compiled plan, by reason.",
    ("reason",),
)
DECODE_FALLBACKS = Metric(
    "gateway_connector_decode_fallbacks",
    "counter",
    "Responses that the decoder of an operation did not accept, by reason: type (a leaf of another type than its "
    "scalar), shape (mapped instead), error (a generated decoder failed; mapped instead).",
    ("gateway_source", "reason"),
)
OVERRIDE_DECISIONS = Metric(
    "gateway_override_decisions",
    "counter",
    "Labels of @override that were decided for a request, by decision: on, off.",
    ("label", "decision"),
)
FLAG_EVALUATIONS = Metric(
    "gateway_flag_evaluations",
    "counter",
    "Requests for which a flag was decided, by its variant and OpenFeature's reason: STALE is what it was before, since "
    "the provider is away; ERROR its default.",
    ("feature_flag_key", "feature_flag_result_variant", "feature_flag_result_reason"),
)
FLAG_ERRORS = Metric(
    "gateway_flag_errors",
    "counter",
    "Times that a flag could not be decided, by what went wrong: OpenFeature's code, TIMEOUT, or an exception.",
    ("feature_flag_key", "error_type"),
)
EXPERIMENT_OPERATIONS = Metric(
    "gateway_experiment_operations",
    "counter",
    "Operations that depended on a flag by which their client was drawn, by variant and outcome; there with [experiments].",
    ("feature_flag_key", "feature_flag_result_variant", "outcome"),
)
EXPERIMENT_DURATION = Metric(
    "gateway_experiment_operation_duration_seconds",
    "histogram",
    "Duration of these operations, by variant.",
    ("feature_flag_key", "feature_flag_result_variant"),
)
EXPERIMENT_EXPOSURES = Metric(
    "gateway_experiment_exposures",
    "counter",
    "Clients that have met a variant of a flag, each once in experiments.window_s and worker.",
    ("feature_flag_key", "feature_flag_result_variant"),
)
EXPERIMENT_LOST = Metric(
    "gateway_experiment_events_lost",
    "counter",
    "Exposures and goals that could not be written to experiments.file.",
)
OVERRIDE_FALLBACKS = Metric(
    "gateway_override_fallbacks",
    "counter",
    "Loads of a field or type that its new source failed and the one before answered (override.on_error), by the code of "
    "the error.",
    ("graphql_field", "error_type"),
)
SHADOW_COMPARISONS = Metric(
    "gateway_shadow_comparisons",
    "counter",
    "Answers that were compared with what the other source of a @shadow gives, by outcome: match, differ, error (the new "
    "source failed).",
    ("graphql_field", "outcome"),
)
SHADOWS_SHED = Metric(
    "gateway_shadows_shed",
    "counter",
    "Comparisons of @shadow that were left out, by reason: pending, lag, busy (clients have too much to do), budget, "
    "places (too many calls for one comparison), size (too much to look at), failed (an error of the gateway's own), closed (a reload or the end).",
    ("reason",),
)
SUBSCRIPTIONS = Metric("gateway_subscriptions_open", "gauge", "Open subscriptions.")
CLIENT_DURATION = Metric(
    "http_client_request_duration_seconds",
    "histogram",
    "Duration of calls to a source, per attempt; error_type is empty for a status below 500.",
    ("gateway_source", "gateway_endpoint", "error_type"),
)
UPSTREAM_DECISIONS = Metric(
    "gateway_upstream_decisions",
    "counter",
    "Decisions of the policies: call, retry, retry_refused, hedge, hedge_won, shared, led, merged, breaker_refused, "
    "breaker_opened, overloaded.",
    ("gateway_source", "gateway_endpoint", "decision"),
)
CACHE_LOOKUPS = Metric(
    "gateway_cache_lookups",
    "counter",
    "Reads of sources whose answers are kept, by result: hit, shared_hit (found in Redis), partial_hit (rows of a batch), stale (given while it is refreshed), stale_if_error, "
    "revalidated (the source said that it still holds), miss, bypass (the request asks for no stored answer).",
    ("gateway_source", "gateway_endpoint", "result"),
)
CACHE_ANSWERS = Metric(
    "gateway_cache_answers",
    "counter",
    "Operations all of whose fields come from sources with a cache, by whether their whole answer was in memory: hit, "
    "miss (their sources were looked up one by one).",
    ("result",),
)
CACHE_BYTES = Metric("gateway_cache_bytes", "gauge", "Memory of the stored responses.")
CACHE_ENTRIES = Metric("gateway_cache_entries", "gauge", "Stored responses.")
CACHE_EVICTIONS = Metric(
    "gateway_cache_evictions", "counter", "Stored responses evicted to make room for others."
)
CACHE_PURGES = Metric(
    "gateway_cache_purges",
    "counter",
    "Purges that a worker has followed, its own and those of others.",
)
CACHE_REDIS_FAILURES = Metric(
    "gateway_cache_redis_failures",
    "counter",
    "What Redis did not do for the response cache: fetch (then it is left alone for a second), insert.",
    ("operation",),
)
UNEXPECTED_ANSWERS = Metric(
    "gateway_upstream_unexpected_answers",
    "counter",
    "Unexpected responses of a source: empty, content_type (not JSON), format (invalid JSON), shape (not what the schema "
    "declares), noise (skipped around a value of PHP).",
    ("gateway_source", "gateway_endpoint", "reason"),
)
UPSTREAM_WAIT = Metric(
    "gateway_upstream_queue_wait_seconds",
    "counter",
    "Time that calls waited for a slot of their source's bulkhead.",
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
    "State of the source's worst endpoint, 1 for each state that a worker is in: closed, half_open, open.",
    ("gateway_source", "state"),
    "max",
)
PLAN_LOOKUPS = Metric(
    "gateway_plan_cache_lookups",
    "counter",
    "Plan cache lookups by result: hit, hit_normalized (it differs in literals), miss, rejected.",
    ("result",),
)
PLAN_EVICTIONS = Metric("gateway_plan_cache_evictions", "counter", "Plans evicted from the cache.")
PLAN_COMPILE = Metric(
    "gateway_plan_compile_seconds",
    "counter",
    "Time spent compiling plans, rejected operations included.",
)
PLAN_ENTRIES = Metric("gateway_plan_cache_entries", "gauge", "Plans in the cache.")
PLAN_BYTES = Metric(
    "gateway_plan_cache_size_bytes", "gauge", "Estimated memory of the cached plans."
)
FIELD_USAGE = Metric(
    "gateway_field_requests",
    "counter",
    "Requests that select a field, by client.",
    ("graphql_field", "client_name"),
)
DEPRECATED_USAGE = Metric(
    "gateway_deprecated_field_requests",
    "counter",
    "Requests that select a deprecated field, by client.",
    ("graphql_field", "client_name"),
)
LOOP_LAG = Metric(
    "gateway_eventloop_lag_seconds",
    "gauge",
    "Largest delay of the event loop in the last 15 to 30 seconds.",
    across="max",
)
CERTIFICATE_EXPIRY = Metric(
    "gateway_certificate_expiry_timestamp_seconds",
    "gauge",
    "When the certificate that is served by `server.tls` ends, Unix time; the first of all workers.",
    across="min",
)
RELOADS = Metric(
    "gateway_reloads",
    "counter",
    "Reloads that this server led, by result: reloaded, refused (the version before goes on), unchanged, waiting (for a new server), restarting, trying (a canary has begun), promoted, returned (the canary had too many errors, and the version before goes on), withdrawn (it was ended by other files).",
    ("result",),
)
CANARY_OPERATIONS = Metric(
    "gateway_canary_operations",
    "counter",
    "Queries and mutations while a canary was served, by schema (canary, others) and result (answered, failed).",
    ("schema", "result"),
)
CANARY_PERCENT = Metric(
    "gateway_canary_percent",
    "gauge",
    "The share of the clients that a canary answers now; 0 without one.",
    across="max",
)
REVISION_INFO = Metric(
    "gateway_revision_info",
    "gauge",
    "Always 1; the labels are the digests of what a worker serves: of configuration, schema and Python, and of the schema's files alone.",
    ("digest", "schema"),
    "max",
)
REVISIONS = Metric(
    "gateway_revisions",
    "gauge",
    "Revisions of the schema that a worker holds: the one that is served, and those that still have something under way.",
    across="max",
)
MEMORY = Metric("process_resident_memory_bytes", "gauge", "Resident memory of all workers.")
MEMORY_LIMIT = Metric(
    "gateway_memory_limit_bytes",
    "gauge",
    "What all workers together may have before the system ends one: the limit of their control group. Absent without one.",
    across="max",
)
CPU = Metric(
    "process_cpu_seconds",
    "counter",
    "User and system CPU time of all workers, ended ones included.",
)
OPEN_FDS = Metric("process_open_fds", "gauge", "Open file descriptors of all workers.")
MAX_FDS = Metric(
    "process_max_fds", "gauge", "Limit of open file descriptors of all workers together."
)
START_TIME = Metric(
    "process_start_time_seconds",
    "gauge",
    "Start time of the youngest worker, Unix time.",
    across="max",
)
BUILD_INFO = Metric(
    "gateway_build_info",
    "gauge",
    "Always 1; labels are the gateway's version, its revision (GATEWAY_REVISION, set by the image) and Python's version.",
    ("version", "revision", "python"),
    "max",
)
GC_COLLECTIONS = Metric(
    "python_gc_collections", "counter", "Garbage collections by generation.", ("generation",)
)
GC_COLLECTED = Metric(
    "python_gc_objects_collected",
    "counter",
    "Objects freed by garbage collection, by generation.",
    ("generation",),
)
WORKERS = Metric("gateway_workers", "gauge", "Worker processes that these metrics cover.")

METRICS = (
    SERVER_DURATION, SERVER_ACTIVE, REQUESTS_SHED, UNAUTHENTICATED, AUTH_KEYS_AGE, CONNECTIONS,
    CONNECTIONS_REJECTED, CONNECTIONS_TIMED_OUT, CERTIFICATE_EXPIRY, OPERATION_DURATION, OPERATION_ERRORS,
    OPERATIONS_FAILED, OPERATION_COST_ESTIMATED, OPERATION_COST_ACTUAL, OPERATION_COST_EXCEEDED, OPERATION_DEDUPE,
    STEP_DURATION, STEP_ERRORS, FALLBACKS, DECODE_FALLBACKS,
    OVERRIDE_DECISIONS, OVERRIDE_FALLBACKS, FLAG_EVALUATIONS, FLAG_ERRORS,
    EXPERIMENT_OPERATIONS, EXPERIMENT_DURATION, EXPERIMENT_EXPOSURES, EXPERIMENT_LOST, SHADOW_COMPARISONS, SHADOWS_SHED, QUOTA_DECISIONS, QUOTA_CLIENTS,
    QUOTA_STORE_FAILURES, ADDRESSES_REFUSED,
    RELOADS, CANARY_OPERATIONS, CANARY_PERCENT, REVISION_INFO, REVISIONS, SUBSCRIPTIONS, CLIENT_DURATION, UPSTREAM_DECISIONS, CACHE_LOOKUPS,
    CACHE_ANSWERS, CACHE_BYTES, CACHE_ENTRIES, CACHE_EVICTIONS, CACHE_PURGES, CACHE_REDIS_FAILURES, UNEXPECTED_ANSWERS, UPSTREAM_WAIT,
    UPSTREAM_PLACES, BREAKER_STATE, PLAN_LOOKUPS, PLAN_EVICTIONS, PLAN_COMPILE, PLAN_ENTRIES,
    PLAN_BYTES, FIELD_USAGE, DEPRECATED_USAGE, LOOP_LAG, MEMORY, MEMORY_LIMIT, CPU, OPEN_FDS, MAX_FDS, START_TIME, BUILD_INFO, GC_COLLECTIONS, GC_COLLECTED, WORKERS,
)  # fmt: skip

"""An example for each table of `gateway.toml`, to copy: `docs/configuration.md` prints them, a test loads them."""

EXAMPLES = {
    "[graph]": """
[graph]
schema = ["schema", "more.graphql"]
resolvers = "resolvers"
scalars = { Timestamp = "DateTime" }
""",
    "[server]": """
[server]
host = "0.0.0.0"
port = 8000
workers = 4
trusted_proxies = ["10.0.0.0/8"]   # the load balancer's network
""",
    "[server.tls]": """
[server.tls]
cert = "/etc/tls/tls.crt"
key = "/etc/tls/tls.key"
""",
    "[sources.NAME]": """
[sources.users]
url = "http://users.internal:8080/v1"
timeout_s = 2
headers = { authorization = "Bearer ${USERS_TOKEN:-none}" }
""",
    "[sources.NAME.retry]": """
[sources.users.retry]
max_attempts = 2
statuses = [502, 503]
""",
    "[sources.NAME.circuit_breaker]": """
[sources.users.circuit_breaker]
error_threshold_percentage = 30
slow_call_duration_s = 1.5
""",
    "[sources.NAME.hedge]": """
[sources.users.hedge]
enabled = true
percentile = 95
""",
    "[sources.NAME.adaptive_concurrency]": """
[sources.users.adaptive_concurrency]
enabled = true
""",
    "[sources.NAME.cache]": """
[sources.users.cache]
enabled = true
ttl_s = 10
stale_while_revalidate_s = 30
stale_if_error_s = 3600
""",
    "[admin]": """
[admin]
keys = { deploy = "${GATEWAY_ADMIN_KEY_OF_DEPLOY:-}" }   # Authorization: Bearer …
port = 9465
""",
    "[override]": """
[override]
anonymous_id = "cookie:visitor"
on_error = "from"
switches = "switches.json"
labels = { stats-rest = "percent(20)", search-2 = false }
""",
    "[override.shadow]": """
[override.shadow]
calls_per_s = 100
noise_ratio = 0.05
""",
    "[flags]": """
[flags]
file = "flags.json"
context = { tenant = "$request.claims.tenant" }
defaults = { ranking = "by-date" }
""",
    "[override.promote_when]": """
[override.promote_when]
calls = 10_000
matches = 0.999
steps = [1, 5, 20, 50, 100]
""",
    "[override.rollback_when]": """
[override]
switches = "switches.json"

[override.rollback_when]
calls = 200
errors = 0.02

[admin]
keys = { deploy = "0123456789abcdef0123456789abcdef" }
""",
    "[experiments]": """
[experiments]
file = "var/experiments.jsonl"
goals = ["Mutation.order"]
""",
    "[response_cache]": """
[response_cache]
max_bytes = 134217728
""",
    "[response_cache.redis]": """
[redis]
url = "redis://cache.internal:6379/0"

[response_cache.redis]
enabled = true
""",
    "[connectors]": """
[connectors]
max_url_bytes = 4000
config = { watch_url = "https://videos.example/watch" }   # $config.watch_url
""",
    "[[headers.all.request]]": """
[[headers.all.request]]
propagate = { named = "authorization" }

[[headers.all.request]]
propagate = { matching = "^x-trace-" }

[[headers.all.request]]
propagate = { named = "x-locale", rename = "accept-language", default = "en" }

[[headers.sources.users.request]]
insert = { name = "x-api-key", value = "${USERS_KEY:-none}" }

[[headers.sources.users.request]]
remove = { named = "x-trace-internal" }
""",
    "[[headers.all.response]]": """
[[headers.all.response]]
insert = { name = "strict-transport-security", value = "max-age=31536000" }

[[headers.all.response]]
propagate = { named = "cache-control" }   # of several calls the most restrictive

[[headers.sources.users.response]]
propagate = { named = "set-cookie", calls = "writes" }   # a login's session

[[headers.sources.users.response]]
propagate = { matching = "^x-quota-", algorithm = "last" }
""",
    "[traffic_shaping.router]": """
[traffic_shaping.router]
timeout_s = 10
client_timeout_header = "x-timeout-ms"
""",
    "[traffic_shaping.router.dedupe]": """
[traffic_shaping.router.dedupe]
except_operations = ["Report"]
""",
    "[limits]": """
[limits]
max_depth = 12
max_aliases = 60
introspection = false
""",
    "[cost]": """
[cost]
mode = "measure"      # look at the metrics first, then enforce
max = 5_000
list_size = 10
""",
    "[cost.sources.NAME]": """
[cost.sources.search]
max = 200
list_size = 25
""",
    "[quotas]": """
[quotas]
store = "redis"
on_unavailable = "local"
""",
    "[quotas.address]": """
[quotas.address]
requests = 500
seconds = 10
""",
    "[quotas.policies.NAME]": """
[quotas.policies.default]
windows = [{ requests = 100, seconds = 10 }]

[quotas.policies.partner]
per = "client"
windows = [{ requests = 1_000, seconds = 10 }, { cost = 500_000, seconds = 3600 }]
""",
    "[[quotas.policies.NAME.windows]]": """
[[quotas.policies.partner.windows]]
name = "hour"
cost = 500_000
seconds = 3600
""",
    "[plan_cache]": """
[plan_cache]
max_entries = 2000
warm = ["operations"]
""",
    "[http]": """
[http]
max_body_bytes = 500_000
graphiql = false
""",
    "[[authentication.jwt.jwks]]": """
[[authentication.jwt.jwks]]
url = "https://issuer.example/.well-known/jwks.json"
issuers = ["https://issuer.example/"]
audiences = ["https://api.example"]
algorithms = ["RS256"]
refresh_unknown_kid = { burst = 5, interval_s = 30, max_wait_s = 2 }
""",
    "[authentication.jwt]": """
[authentication.jwt]
cookie = "access_token"
scope_claims = ["scope", "permissions"]
""",
    "[authentication.api_keys]": """
[authentication.api_keys]
file = "keys.json"
prefix = "acme"
environment = "live"
""",
    "[authorization]": """
[authorization]
require_authentication = true
""",
    "[authorization.default_views]": """
[authorization.default_views]
anonymous = "public"
client = "partner"
""",
    "[telemetry.usage]": """
[telemetry.usage]
file = "usage.jsonl"
max_files = 30
""",
    "[views.NAME]": """
[views.partner]
include_tags = ["partner"]
exclude_tags = ["beta"]
""",
    "[clients.NAME]": """
[clients.acme]
view = "partner"
""",
    "[authorization.directives]": """
[authorization.directives]
unauthorized = "reject"
errors = "extensions"
""",
    "[csrf]": """
[csrf]
get = "require_header"
""",
    "[[cors.policies]]": """
[[cors.policies]]
origins = ["https://app.example"]
allow_credentials = true

[[cors.policies]]
match_origins = 'https://[a-z0-9-]+\\.preview\\.example'
max_age_s = 600
""",
    "[batching]": """
[batching]
enabled = true
max_operations = 20
""",
    "[compression]": """
[compression]
encodings = ["br", "gzip"]
requests = false
""",
    "[uploads]": """
[uploads]
enabled = true
max_file_size_bytes = 5_000_000
""",
    "[apq]": """
[apq]
enabled = false
""",
    "[persisted_documents]": """
[persisted_documents]
manifest = "persisted-documents.json"
require_id = true
""",
    "[subscription]": """
[subscription]
allowed_origins = ["https://app.example"]
heartbeat_s = 10
""",
    "[incremental]": """
[incremental]
enabled = true
""",
    "[federation]": """
[federation]
enabled = true
max_representations = 5_000
""",
    "[pubsub]": """
[pubsub]
kind = "unix"
directory = "/run/gateway"
""",
    "[redis]": """
[redis]
url = "rediss://gateway:${REDIS_PASSWORD:-none}@redis.example:6379/0"
""",
    "[reload]": """
[reload]
watch = true          # a ConfigMap is mounted here
end_spread_s = 30
""",
    "[reload.canary]": """
[reload.canary]
percent = 5
window_s = 600
""",
    "[logs]": """
[logs]
access = "stdout"
slow_threshold_ms = 500
audit = "stderr"
audit_identity = "x-user-id"
""",
    "[telemetry]": """
[telemetry]
enabled = true
""",
    "[telemetry.metrics]": """
[telemetry.metrics]
host = "0.0.0.0"
port = 9464
""",
    "[telemetry.tracing]": """
[telemetry.tracing]
endpoint = "http://collector:4318/v1/traces"
sample_ratio = 0.05
propagation = ["w3c", "b3"]
""",
    "[errors]": """
[errors]
mask = true
max_errors = 50
""",
    "[explain]": """
[explain]
plan_header = true
cost_header = true
trace_header = "signed"
""",
}

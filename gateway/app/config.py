"""`gateway.toml` and the environment to one frozen configuration, or one error that can be acted on.

Each room owns its settings as a frozen dataclass; this file only says under which table of the file
each stands. It reads files and the environment, and nothing else: no socket, no schema, no clock.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from gateway.admin.settings import AdminSettings
from gateway.auth.settings import AuthenticationSettings, AuthorizationSettings
from gateway.broker.settings import BrokerSettings
from gateway.connectors.settings import ConnectorSettings, HeaderSettings
from gateway.documents.settings import ApqSettings, PersistedDocumentSettings
from gateway.errors import ConfigError
from gateway.graph.scalars import ScalarName
from gateway.language.limits import Limits
from gateway.pipeline.dedupe import DedupeSettings
from gateway.pipeline.explain import ExplainSettings
from gateway.pipeline.plan_cache import PlanCacheSettings
from gateway.redis.settings import RedisSettings
from gateway.settings.describe import described
from gateway.settings.environment import as_lists, overlay, read_environment
from gateway.settings.hints import tables_in
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
from gateway.settings.mistakes import ConfigOrigin, explain, together
from gateway.settings.text import Expansion, key_lines
from gateway.telemetry.logs import LogSettings
from gateway.telemetry.settings import TelemetrySettings
from gateway.transport.settings import (
    BatchingSettings,
    CompressionSettings,
    CorsSettings,
    CsrfSettings,
    HttpSettings,
    IncrementalSettings,
    ListenerSettings,
    SubscriptionSettings,
    UploadSettings,
)
from gateway.upstream.settings import ResponseCacheSettings, SourceSettings

STRICT = {"extra": "forbid", "allow_inf_nan": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphSettings:
    """`[graph]`: what is served.

    Attributes:
        schema: `.graphql` files, or folders of them, relative to the configuration file.
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
    gc_threshold: CountOrZero = 10_000


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
        max_in_flight: Requests in flight of all workers together; one more is rejected with 503 and `Retry-After`
            before its body is read. 0 for no limit.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The whole configuration; every table of `gateway.toml`.

    Attributes:
        graph: The schema and its resolvers.
        server: Where it listens.
        sources: The backends by the name of their `@source`.
        admin: Commands of those who run the gateway.
        response_cache: Where the answers of sources with `cache.enabled` are kept.
        connectors: How connectors build their requests, and `$config`.
        headers: What reaches the backends beside the directives' own headers.
        traffic_shaping: Time limits.
        authentication: Who asks: tokens and keys.
        authorization: What may be asked, and by whom.
        limits: Limits of documents, variables and results.
        plan_cache: Size and warm start of the plan cache.
        http: The HTTP endpoint: bodies, headers, status codes, GraphiQL.
        csrf: What is refused as another site's.
        cors: What other sites' pages may do.
        batching: Several operations in one request.
        compression: Compressed answers.
        uploads: Files in requests.
        apq: Documents that clients register.
        persisted_documents: Documents that the clients' builds wrote down.
        subscription: Operations over WebSockets, event streams and multipart answers.
        incremental: `@defer` and `@stream`.
        broker: How published events reach subscriptions.
        redis: The Redis server that workers and pods share.
        logs: Access and error log.
        telemetry: Metrics and traces.
        errors: Masking.
        explain: Plans in answers.
    """

    graph: GraphSettings = field(default_factory=GraphSettings)
    server: ServerSettings = field(default_factory=ServerSettings)
    sources: dict[str, SourceSettings] = field(default_factory=dict)
    admin: AdminSettings = field(default_factory=AdminSettings)
    response_cache: ResponseCacheSettings = field(default_factory=ResponseCacheSettings)
    connectors: ConnectorSettings = field(default_factory=ConnectorSettings)
    headers: HeaderSettings = field(default_factory=HeaderSettings)
    traffic_shaping: TrafficShaping = field(default_factory=TrafficShaping)
    authentication: AuthenticationSettings = field(default_factory=AuthenticationSettings)
    authorization: AuthorizationSettings = field(default_factory=AuthorizationSettings)
    limits: Limits = field(default_factory=Limits)
    plan_cache: PlanCacheSettings = field(default_factory=PlanCacheSettings)
    http: HttpSettings = field(default_factory=HttpSettings)
    csrf: CsrfSettings = field(default_factory=CsrfSettings)
    cors: CorsSettings = field(default_factory=CorsSettings)
    batching: BatchingSettings = field(default_factory=BatchingSettings)
    compression: CompressionSettings = field(default_factory=CompressionSettings)
    uploads: UploadSettings = field(default_factory=UploadSettings)
    apq: ApqSettings = field(default_factory=ApqSettings)
    persisted_documents: PersistedDocumentSettings = field(
        default_factory=PersistedDocumentSettings
    )
    subscription: SubscriptionSettings = field(default_factory=SubscriptionSettings)
    incremental: IncrementalSettings = field(default_factory=IncrementalSettings)
    broker: BrokerSettings = field(default_factory=BrokerSettings)
    redis: RedisSettings = field(default_factory=RedisSettings)
    logs: LogSettings = field(default_factory=LogSettings)
    telemetry: TelemetrySettings = field(default_factory=TelemetrySettings)
    errors: ErrorSettings = field(default_factory=ErrorSettings)
    explain: ExplainSettings = field(default_factory=ExplainSettings)


def load_config(path: str | Path | None, env: Mapping[str, str] | None = None) -> Config:
    """Read `gateway.toml` (None: defaults only), expand `${VAR}`, lay the environment over it.

    `GATEWAY_SERVER__PORT=9000` overrides `[server] port`; two underscores separate the levels.

    Errors: ConfigError naming key, file, line and what was expected; `others` has the rest of them.
    """
    env = os.environ if env is None else env
    name, text = ("<defaults>", "") if path is None else (str(path), _read(path))
    try:
        written = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise _syntax_error(exc, name) from exc
    lines = key_lines(text)
    expansion = Expansion(env, name, lines)
    tables = expansion.expand(written)
    overrides = read_environment(Config, written, env)
    origin = ConfigOrigin(name, lines, written, overrides.names, expansion.used)
    config, errors = _validated(overlay(tables, overrides.tables), origin)
    errors = [*expansion.errors, *overrides.errors, *errors]
    if errors or config is None:
        raise together(errors)
    return config


def build_config(tables: Mapping[str, Any], *, file: str = "<config>") -> Config:
    """Validate nested tables into a `Config`.

    Errors: ConfigError for the first bad key; `others` has the rest of them.
    """
    config, errors = _validated(tables, ConfigOrigin(file, written=tables))
    if config is None:
        raise together(errors)
    return config


def origin_of(path: str | Path, env: Mapping[str, str]) -> ConfigOrigin:
    """Where the values of a file that was read stand, for what is found wrong with them later."""
    text = _read(path)
    try:
        written = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return ConfigOrigin(str(path))
    lines = key_lines(text)
    expansion = Expansion(env, str(path), lines)
    expansion.expand(written)
    names = read_environment(Config, written, env).names
    return ConfigOrigin(str(path), lines, written, names, expansion.used)


def config_json_schema() -> dict[str, Any]:
    """JSON Schema of `gateway.toml`, for editors: each key with what it is, its bounds and its default."""
    return described(_adapter().json_schema(), Config)


def _validated(
    tables: Mapping[str, Any], origin: ConfigOrigin
) -> tuple[Config | None, list[ConfigError]]:
    try:
        return _adapter().validate_python(as_lists(dict(tables), Config)), []
    except ValidationError as exc:
        return None, explain(Config, exc.errors(), origin)


@cache
def _adapter() -> TypeAdapter[Config]:
    for table in tables_in(Config):
        # Rooms know nothing of pydantic: how strict it is about their tables is said here.
        table.__pydantic_config__ = STRICT  # type: ignore[attr-defined]
    return TypeAdapter(Config)


def _read(path: str | Path) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError as exc:
        raise ConfigError(
            f"the configuration file cannot be read: {exc.strerror}",
            file=str(path),
            hint="give its path with --config, or a schema with --schema",
        ) from exc
    except UnicodeDecodeError as exc:
        raise ConfigError("the configuration file is not UTF-8", file=str(path)) from exc


def _syntax_error(exc: tomllib.TOMLDecodeError, name: str) -> ConfigError:
    found = re.search(r"^(.*) \(at line (\d+), column (\d+)\)$", str(exc))
    if found is None:
        return ConfigError(f"not valid TOML: {exc}", file=name)
    problem, line, column = found.groups()
    return ConfigError(f"not valid TOML: {problem}", file=name, line=int(line), column=int(column))

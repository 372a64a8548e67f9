"""`gateway.toml` and the environment to one frozen configuration, or one error that can be acted on.

Each room owns its settings as a frozen dataclass; this file only says under which table of the file
each stands. It reads files and the environment, and nothing else: no socket, no schema, no clock.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

from pydantic import TypeAdapter, ValidationError
from pydantic_settings import BaseSettings, EnvSettingsSource

from gateway.broker.settings import BrokerSettings
from gateway.connectors.settings import ConnectorSettings, HeaderSettings
from gateway.documents.settings import ApqSettings, PersistedDocumentSettings
from gateway.errors import ConfigError
from gateway.explain import ExplainSettings
from gateway.graph.scalars import ScalarName
from gateway.language.limits import Limits
from gateway.plan.cache import PlanCacheSettings
from gateway.sharing import DedupeSettings
from gateway.telemetry.logs import LogSettings
from gateway.telemetry.settings import TelemetrySettings
from gateway.transport.settings import (
    BatchingSettings,
    CompressionSettings,
    ConnectionSettings,
    CorsSettings,
    CsrfSettings,
    HttpSettings,
    IncrementalSettings,
    SubscriptionSettings,
    UploadSettings,
)
from gateway.upstream.settings import SourceSettings

FORBID_UNKNOWN = {"extra": "forbid"}
ENV_PREFIX = "GATEWAY_"


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphSettings:
    """`[graph]`: what is served.

    Attributes:
        schema: `.graphql` files, or folders of them, relative to the configuration file.
        resolvers: Name of the Python package or module with resolvers, importable from the
            configuration file's folder; none by default.
        strict_deprecation: Refuse a schema in which a field is deprecated whose interface's field is
            not. The specification forbids that since September 2025, and published schemas do it: by
            default it is a warning of `gateway check`.
        scalars: Which of the gateway's own scalars one of the schema is: `Timestamp = "DateTime"`. `"JSON"`
            takes values as they are. A scalar that is not named here, or in Python, is what its name says,
            and `gateway check` tells it.
    """

    schema: tuple[str, ...] = ("schema",)
    resolvers: str | None = None
    strict_deprecation: bool = False
    scalars: dict[str, ScalarName] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings(ConnectionSettings):
    """`[server]`: where and how it listens.

    Attributes:
        host: Address to bind.
        port: TCP port.
        path: Path of the GraphQL endpoint and of GraphiQL.
        workers: Processes; one per core is right.
        drain_timeout_s: After SIGTERM, how long requests in flight may take to finish.
        shutdown_delay_s: After SIGTERM readiness is 503 at once, and for so long everything is served
            as before, so that who asks readiness lets go. The chart's preStop makes it needless there.
        resolver_threads: Threads of each worker for resolvers that are `blocking=True`.
        gc_threshold: Allocations between two runs of Python's cyclic collector in a process of
            `gateway serve`. Requests make few cycles, and Python's own 700 (2,000 since 3.13) costs a fifth
            of a request. 0 leaves the interpreter's setting.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    path: str = "/graphql"
    workers: int = 1
    drain_timeout_s: float = 30.0
    shutdown_delay_s: float = 0.0
    resolver_threads: int = 16
    gc_threshold: int = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorSettings:
    """`[errors]`: what leaves the gateway.

    Attributes:
        mask: Replace unexpected errors by "Internal server error" and an error id. Only a developer's
            own machine turns it off.
        max_errors: Errors of one answer; a last one with the code TOO_MANY_ERRORS says how many more there
            are. What nobody reads is neither located nor logged.
    """

    mask: bool = True
    max_errors: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterShaping:
    """`[traffic_shaping.router]`: the client's side of a request.

    Attributes:
        timeout_s: Deadline of one request; every upstream call ends within it. 30 s is Apollo
            Router's default.
        client_timeout_header: Header by which a client may lower it, in milliseconds; "" for none.
        max_in_flight: Requests under way at one time, of all workers together; one more is refused
            with 503 and `Retry-After` before its body is read. 0 for no limit.
        max_eventloop_lag_ms: A worker whose event loop is later than this for a while has too much to do:
            it refuses in the same way until it has not. 0 for no limit.
        dedupe: Equal operations in flight at the same time.
    """

    timeout_s: float = 30.0
    client_timeout_header: str = ""
    max_in_flight: int = 1024
    max_eventloop_lag_ms: int = 20
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
        graph: What is served.
        server: Where it listens.
        sources: The backends by the name of their `@source`.
        connectors: How connectors build their requests, and `$config`.
        headers: What reaches the backends beside the directives' own headers.
        traffic_shaping: Time limits.
        limits: What a document may ask for.
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
        logs: Access and error log.
        telemetry: What the gateway tells of itself beside its logs.
        errors: Masking.
        explain: Plans in answers.
    """

    graph: GraphSettings = field(default_factory=GraphSettings)
    server: ServerSettings = field(default_factory=ServerSettings)
    sources: dict[str, SourceSettings] = field(default_factory=dict)
    connectors: ConnectorSettings = field(default_factory=ConnectorSettings)
    headers: HeaderSettings = field(default_factory=HeaderSettings)
    traffic_shaping: TrafficShaping = field(default_factory=TrafficShaping)
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
    logs: LogSettings = field(default_factory=LogSettings)
    telemetry: TelemetrySettings = field(default_factory=TelemetrySettings)
    errors: ErrorSettings = field(default_factory=ErrorSettings)
    explain: ExplainSettings = field(default_factory=ExplainSettings)


def load_config(path: str | Path | None, env: Mapping[str, str] | None = None) -> Config:
    """Read `gateway.toml` (None: defaults only), expand `${VAR}`, lay the environment over it.

    `GATEWAY_SERVER__PORT=9000` overrides `[server] port`; two underscores separate the levels.

    Errors: ConfigError naming key, file, line and what was expected.
    """
    env = os.environ if env is None else env
    name, text = ("<defaults>", "") if path is None else (str(path), _read(path))
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise _syntax_error(exc, name) from exc
    lines = key_lines(text)
    tables = _expand(tables, env, (), name, lines)
    merged = _overlay(tables, _environment(env))
    return build_config(merged, file=name, lines=lines, env=env)


def build_config(
    tables: Mapping[str, Any],
    *,
    file: str = "<config>",
    lines: Mapping[tuple[str, ...], int] | None = None,
    env: Mapping[str, str] | None = None,
) -> Config:
    """Validate nested tables into a `Config`. Errors: ConfigError for the first bad key."""
    try:
        return _adapter().validate_python(dict(tables))
    except ValidationError as exc:
        raise _explain(exc, file, lines or {}, env or {}) from exc


def config_json_schema() -> dict[str, Any]:
    """JSON Schema of `gateway.toml`, for editors."""
    return _adapter().json_schema()


def _adapter() -> TypeAdapter[Config]:
    _forbid_unknown_keys(Config)
    return TypeAdapter(Config)


def _forbid_unknown_keys(settings: type) -> None:
    """Make pydantic refuse unknown keys of a room's plain dataclass and of those inside it."""
    if "__pydantic_config__" in settings.__dict__:
        return
    settings.__pydantic_config__ = FORBID_UNKNOWN  # type: ignore[attr-defined]
    for hint in get_type_hints(settings).values():
        for part in (hint, *get_args(hint)):
            for inner in (part, *get_args(part)):
                if isinstance(inner, type) and is_dataclass(inner):
                    _forbid_unknown_keys(inner)


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


def key_lines(text: str) -> dict[tuple[str, ...], int]:
    """The line on which each table and key of a TOML text stands.

    Shape: `("server", "port") -> 3`, 1-based. Good for messages only: a key inside an inline table or a
    multi-line string is found by its table.
    """
    lines: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*\[\[?\s*([^\]]+?)\s*\]\]?", line):
            table = _dotted(header.group(1))
            lines.setdefault(table, number)
        elif key := re.match(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*[\w"'-]+)*)\s*=""", line):
            lines.setdefault((*table, *_dotted(key.group(1))), number)
    return lines


def _dotted(key: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in key.split("."))


_VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")


def _expand(
    value: Any,
    env: Mapping[str, str],
    key: tuple[str, ...],
    file: str,
    lines: Mapping[tuple[str, ...], int],
) -> Any:
    """Replace `${NAME}` and `${NAME:-default}` in every string. Errors: ConfigError when unset."""
    if isinstance(value, dict):
        return {k: _expand(v, env, (*key, k), file, lines) for k, v in value.items()}
    if isinstance(value, list):
        return [_expand(item, env, key, file, lines) for item in value]
    if not isinstance(value, str):
        return value

    def substitute(found: re.Match[str]) -> str:
        name, default = found.groups()
        if name in env:
            return env[name]
        if default is not None:
            return str(default)
        raise ConfigError(
            f"the environment variable {name} is not set",
            key=".".join(key),
            file=file,
            line=_line_of(key, lines),
            hint=f"export it, or write ${{{name}:-a default}}",
        )

    return _VARIABLE.sub(substitute, value)


class _Environment(BaseSettings):
    """Carries the names of the tables for pydantic-settings' reading of the environment."""


def _environment(env: Mapping[str, str]) -> dict[str, Any]:
    """`GATEWAY_A__B=x` as `{"a": {"b": "x"}}`.

    Only names with two underscores are ours: Kubernetes sets `GATEWAY_PORT` and the like in every pod
    beside a Service called "gateway".
    """
    ours = {
        name.lower(): value
        for name, value in env.items()
        if name.upper().startswith(ENV_PREFIX) and "__" in name
    }
    if not ours:
        return {}
    known = {item.name for item in fields(Config)}
    for name in ours:
        table = name.removeprefix(ENV_PREFIX.lower()).partition("__")[0]
        if table not in known:
            raise ConfigError(
                f"there is no table [{table}]",
                key=name.upper(),
                file="environment",
                hint=_suggestion(table, known),
            )
    source = EnvSettingsSource(_Environment, env_prefix=ENV_PREFIX, env_nested_delimiter="__")
    result: dict[str, Any] = {}
    for item in fields(Config):
        from pydantic.fields import FieldInfo

        info = FieldInfo(annotation=dict[str, Any])
        exploded = source.explode_env_vars(item.name, info, ours)
        if exploded:
            result[item.name] = exploded
    return result


def _overlay(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for name, value in above.items():
        old = merged.get(name)
        merged[name] = (
            _overlay(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
        )
    return merged


def _explain(
    exc: ValidationError,
    file: str,
    lines: Mapping[tuple[str, ...], int],
    env: Mapping[str, str],
) -> ConfigError:
    """The first validation error as one message: what, where, and what was expected."""
    error = exc.errors()[0]
    key = tuple(str(part) for part in error["loc"])
    variable = ENV_PREFIX + "__".join(key).upper()
    if variable in {name.upper() for name in env}:
        file, line = f"environment variable {variable}", None
    else:
        line = _line_of(key, lines)
    hint = None
    if error["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        problem = "unknown key"
        hint = _suggestion(key[-1], _names_beside(key))
    elif error["type"] in ("missing", "missing_argument"):
        problem = "is required"
    else:
        found = repr(error["input"])
        message = error["msg"][:1].lower() + error["msg"][1:]
        problem = f"{message}, got {found if len(found) < 60 else found[:57] + '…'}"
    return ConfigError(problem, key=".".join(key), file=file, line=line, hint=hint)


def _line_of(key: tuple[str, ...], lines: Mapping[tuple[str, ...], int]) -> int | None:
    while key:
        if key in lines:
            return lines[key]
        key = key[:-1]
    return None


def _names_beside(key: tuple[str, ...]) -> set[str]:
    """The names that the configuration knows where `key` stands."""
    settings: Any = Config
    for part in key[:-1]:
        if not (isinstance(settings, type) and is_dataclass(settings)):
            continue
        hint = get_type_hints(settings).get(part)
        inner = [arg for arg in get_args(hint) if isinstance(arg, type) and is_dataclass(arg)]
        settings = inner[-1] if inner else hint
    if isinstance(settings, type) and is_dataclass(settings):
        return {item.name for item in fields(settings)}
    return set()


def _suggestion(name: str, known: set[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return f"did you mean `{close[0]}`?"
    return "known: " + ", ".join(sorted(known)) if known else "remove it"

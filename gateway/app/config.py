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
from pathlib import Path
from typing import Any

from gateway.admin.settings import AdminSettings
from gateway.app.reload.settings import ReloadSettings
from gateway.app.settings import ErrorSettings, GraphSettings, ServerSettings, TrafficShaping
from gateway.app.validated import adapter_of, validated
from gateway.auth.settings import AuthenticationSettings, AuthorizationSettings, ClientSettings
from gateway.broker.settings import BrokerSettings
from gateway.connectors.settings import ConnectorSettings, HeaderSettings
from gateway.cost.settings import CostSettings
from gateway.documents.settings import ApqSettings, PersistedDocumentSettings
from gateway.errors import ConfigError
from gateway.flags.settings import FlagSettings
from gateway.graph.federation import FederationSettings
from gateway.graph.views.settings import ViewSettings
from gateway.language.limits import Limits
from gateway.observe.experiment_settings import ExperimentSettings
from gateway.override.settings import OverrideSettings
from gateway.pipeline.explain import ExplainSettings
from gateway.pipeline.settings import PlanCacheSettings
from gateway.quotas.settings import QuotaSettings
from gateway.redis.settings import RedisSettings
from gateway.settings.describe import described
from gateway.settings.environment import overlay, read_environment
from gateway.settings.mistakes import ConfigOrigin, together
from gateway.settings.text import Expansion, key_lines
from gateway.settings.text_file import read_text_file
from gateway.telemetry.settings import LogSettings, TelemetrySettings
from gateway.transport.settings import (
    BatchingSettings,
    CompressionSettings,
    CorsSettings,
    CsrfSettings,
    HttpSettings,
    IncrementalSettings,
    SubscriptionSettings,
    UploadSettings,
)
from gateway.upstream.cache.settings import ResponseCacheSettings
from gateway.upstream.settings import SourceSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The whole configuration; every table of `gateway.toml`.

    Attributes:
        graph: The schema and its resolvers.
        server: Where it listens.
        sources: The backends by the name of their `@source`.
        admin: Commands of those who run the gateway.
        response_cache: Where the answers of sources with `cache.enabled` are kept.
        override: Fields that move from one source to another, for a part of the clients at first.
        flags: What decides flags.
        experiments: Who has met which variant of a flag, and what came of it.
        connectors: How connectors build their requests, and `$config`.
        headers: What reaches the backends beside the directives' own headers.
        traffic_shaping: Time limits.
        authentication: How clients prove who they are: tokens and keys.
        authorization: What may be asked, and by whom.
        views: The parts of the schema that clients see, by their names.
        clients: The applications, by their names.
        limits: Limits of documents, variables and results.
        cost: What operations cost, and what they may cost.
        quotas: How much each client may ask in a time.
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
        federation: The gateway as a subgraph of another router.
        pubsub: How published events reach subscriptions.
        redis: The Redis server that workers and pods share.
        reload: Another configuration and schema without a restart.
        logs: Access and error log.
        telemetry: Metrics and traces.
        errors: Masking.
        explain: Plans in answers.
        plugins: The plugins that are used, each with its settings; an empty table is enough.
    """

    graph: GraphSettings = field(default_factory=GraphSettings)
    server: ServerSettings = field(default_factory=ServerSettings)
    sources: dict[str, SourceSettings] = field(default_factory=dict)
    admin: AdminSettings = field(default_factory=AdminSettings)
    response_cache: ResponseCacheSettings = field(default_factory=ResponseCacheSettings)
    override: OverrideSettings = field(default_factory=OverrideSettings)
    flags: FlagSettings = field(default_factory=FlagSettings)
    experiments: ExperimentSettings = field(default_factory=ExperimentSettings)
    connectors: ConnectorSettings = field(default_factory=ConnectorSettings)
    headers: HeaderSettings = field(default_factory=HeaderSettings)
    traffic_shaping: TrafficShaping = field(default_factory=TrafficShaping)
    authentication: AuthenticationSettings = field(default_factory=AuthenticationSettings)
    authorization: AuthorizationSettings = field(default_factory=AuthorizationSettings)
    views: dict[str, ViewSettings] = field(default_factory=dict)
    clients: dict[str, ClientSettings] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    cost: CostSettings = field(default_factory=CostSettings)
    quotas: QuotaSettings = field(default_factory=QuotaSettings)
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
    federation: FederationSettings = field(default_factory=FederationSettings)
    pubsub: BrokerSettings = field(default_factory=BrokerSettings)
    redis: RedisSettings = field(default_factory=RedisSettings)
    reload: ReloadSettings = field(default_factory=ReloadSettings)
    logs: LogSettings = field(default_factory=LogSettings)
    telemetry: TelemetrySettings = field(default_factory=TelemetrySettings)
    errors: ErrorSettings = field(default_factory=ErrorSettings)
    explain: ExplainSettings = field(default_factory=ExplainSettings)
    plugins: dict[str, dict[str, Any]] = field(default_factory=dict)


def load_config(path: str | Path | None, env: Mapping[str, str] | None = None) -> Config:
    """Read `gateway.toml` (None: defaults only), expand `${VAR}`, lay the environment over it.

    `GATEWAY_SERVER__PORT=9000` overrides `[server] port`; two underscores separate the levels.

    Errors: ConfigError naming key, file, line and what was expected; `others` has the rest of them.
    """
    env = os.environ if env is None else env
    if path is None:
        return parse_config("", "<defaults>", env)
    return parse_config(read_config_text(path), str(path), env)


def parse_config(text: str, name: str, env: Mapping[str, str]) -> Config:
    """The configuration of a file's text; `name` is the file's. Errors: as of `load_config`."""
    try:
        written = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise _syntax_error(exc, name) from exc
    lines = key_lines(text)
    expansion = Expansion(env, name, lines)
    tables = expansion.expand(written)
    overrides = read_environment(Config, written, env)
    origin = ConfigOrigin(name, lines, written, overrides.names, expansion.used)
    config, errors = validated(Config, overlay(tables, overrides.tables), origin)
    unset = [str(error.key) for error in expansion.errors]
    # What is wrong with a text that lacks its variable, or with the table around it, only says so again.
    errors = [error for error in errors if not any(_is_around(error.key, key) for key in unset)]
    errors = [*expansion.errors, *overrides.errors, *errors]
    if errors or config is None:
        raise together(errors)
    return config


def _is_around(key: str | None, inner: str) -> bool:
    """Whether a key is another one, or that of a table around it."""
    return key is not None and f"{inner}.".startswith(f"{key}.")


def build_config(tables: Mapping[str, Any], *, file: str = "<config>") -> Config:
    """Validate nested tables into a `Config`.

    Errors: ConfigError for the first bad key; `others` has the rest of them.
    """
    config, errors = validated(Config, tables, ConfigOrigin(file, written=tables))
    if config is None:
        raise together(errors)
    return config


def origin_of(path: str | Path, env: Mapping[str, str]) -> ConfigOrigin:
    """Where the values of a file that was read stand, for what is found wrong with them later."""
    return origin_in(read_config_text(path), str(path), env)


def origin_in(text: str, name: str, env: Mapping[str, str]) -> ConfigOrigin:
    """As `origin_of`, of a file's text; `name` is the file's."""
    try:
        written = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return ConfigOrigin(name)
    lines = key_lines(text)
    expansion = Expansion(env, name, lines)
    expansion.expand(written)
    names = read_environment(Config, written, env).names
    return ConfigOrigin(name, lines, written, names, expansion.used)


def config_json_schema() -> dict[str, Any]:
    """JSON Schema of `gateway.toml`, for editors: each key with what it is, its bounds and its default."""
    return described(adapter_of(Config).json_schema(), Config)


def read_config_text(path: str | Path) -> str:
    """The text of a configuration file. Errors: ConfigError."""
    hint = "give its path with --config, or a schema with --schema"
    return read_text_file(path, "configuration file", hint=hint)


def _syntax_error(exc: tomllib.TOMLDecodeError, name: str) -> ConfigError:
    found = re.search(r"^(.*) \(at line (\d+), column (\d+)\)$", str(exc))
    if found is None:
        return ConfigError(f"not valid TOML: {exc}", file=name)
    problem, line, column = found.groups()
    hint = next((hint for words, hint in _SLIPS.items() if words in problem), None)
    return ConfigError(
        f"not valid TOML: {problem}", file=name, line=int(line), column=int(column), hint=hint
    )


_SLIPS = {
    "Invalid value": 'a text stands in quotes: key = "value"; true, false and numbers do not',
    "Illegal character '\\n'": "a text ends on its line, with the quote that it begins with",
    "Expected '=' after a key": "a key has letters, digits, - and _; others stand in quotes",
}

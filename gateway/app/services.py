"""The services of one worker but its sources, each made of its settings: what the composition root puts together."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.app.config import Config
from gateway.app.settings import RouterShaping
from gateway.broker.local import LocalBroker
from gateway.broker.port import Broker
from gateway.broker.redis import RedisBroker
from gateway.broker.settings import BrokerSettings
from gateway.broker.unix import UnixBroker
from gateway.client.vary import Vary
from gateway.documents.apq import MemoryStore
from gateway.documents.find import Documents
from gateway.documents.shared import SharedStore
from gateway.documents.trusted import TrustedDocuments
from gateway.errors import ConfigError
from gateway.pipeline.admission import Admission
from gateway.pipeline.encode import is_of_client
from gateway.pipeline.kept_answers import KeptAnswers
from gateway.pipeline.operation import Operation
from gateway.quotas.quotas import Quotas
from gateway.quotas.redis_windows import RedisWindows
from gateway.redis.client import make_redis
from gateway.telemetry.settings import TelemetrySettings
from gateway.transport.http.forwarded import TrustedProxies
from gateway.transport.http.head import RawHead
from gateway.transport.http.routes import Routes
from gateway.transport.settings import EndpointSettings
from gateway.upstream.client import Upstream
from gateway.upstream.transport import read_length

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from gateway.telemetry.tracing import Tracing


def endpoint_settings(config: Config) -> EndpointSettings:
    """The tables that the HTTP endpoint is made by."""
    return EndpointSettings(
        http=config.http,
        csrf=config.csrf,
        cors=config.cors,
        batching=config.batching,
        compression=config.compression,
        uploads=config.uploads,
        inserted_headers=config.headers.inserted(),
    )


def make_proxies(config: Config) -> TrustedProxies | None:
    """Whose word about a client is taken; None for nobody's."""
    server = config.server
    return (
        TrustedProxies(server.trusted_proxies, server.forwarded) if server.trusted_proxies else None
    )


def make_routes(
    config: Config,
    is_ready: Callable[[], bool],
    proxies: TrustedProxies | None,
    dev_status: Callable[[], bytes] | None,
) -> Routes:
    """The paths that are served."""
    server = config.server

    def prefix_of(raw: RawHead) -> str:
        return proxies.resolve(raw.peer, raw.headers).prefix if proxies is not None else ""

    return Routes(
        server.path,
        is_ready,
        graphiql=config.http.graphiql,
        dev_status=dev_status,
        health=(server.live_path, server.ready_path),
        prefix_of=prefix_of,
    )


def make_admission(config: Config) -> Admission:
    """The limits of one worker's operations."""
    router = config.traffic_shaping.router
    most, lag_ms = router.max_in_flight, router.max_eventloop_lag_ms
    return Admission(
        max(1, most // config.server.workers) if most else None,
        lag_ms / 1000 if lag_ms else None,
    )


def make_documents(config: Config, base: Path, broker: Broker) -> Documents:
    """The documents that clients may name. Errors: ConfigError for a manifest of no use."""
    settings = config.persisted_documents
    trusted: TrustedDocuments | None = None
    if settings.manifest is not None or settings.apps is not None:
        manifest = base / settings.manifest if settings.manifest is not None else None
        apps = base / settings.apps if settings.apps is not None else None
        trusted = TrustedDocuments(manifest, apps=apps)
    memory = MemoryStore(config.apq) if config.apq.enabled else None
    if memory is None or isinstance(broker, LocalBroker):
        return Documents(memory, trusted, settings)
    return Documents(SharedStore(memory, broker), trusted, settings)


def make_broker(config: Config, directory: str | None, redis: Redis | None) -> Broker:
    """The broker that the settings ask for.

    Args:
        config: The whole.
        directory: Where the workers of this server meet, when it has several.
        redis: The client of `[redis]`.

    Errors: ConfigError.
    """
    settings = config.pubsub
    if settings.kind == "redis":
        assert redis is not None
        return RedisBroker(settings, redis, config.redis.prefix, config.redis.timeout_s)
    directory = settings.directory or directory
    if settings.kind == "local" or (settings.kind == "auto" and directory is None):
        return LocalBroker(settings)
    if directory is None:
        raise ConfigError("a unix broker needs a folder for its sockets", key="pubsub.directory")
    return UnixBroker(settings, directory)


def make_shared_redis(config: Config) -> Redis | None:
    """A client of the server that several settings may ask for; None where none does.

    Errors: ConfigError without an URL, or without the package.
    """
    asking = keys_that_ask_redis(config)
    return make_redis(config.redis, asking[0]) if asking else None


def keys_that_ask_redis(config: Config) -> list[str]:
    """The settings that need the server of `[redis]`."""
    asking = {
        "authentication.api_keys.kind": config.authentication.api_keys.kind == "redis",
        "pubsub.kind": config.pubsub.kind == "redis",
        "response_cache.redis.enabled": config.response_cache.redis.enabled,
        "quotas.store": config.quotas.uses_redis,
    }
    return [key for key, is_asking in asking.items() if is_asking]


def make_quotas(config: Config, redis: Redis | None) -> Quotas | None:
    """The quotas of one worker; None without any."""
    settings = config.quotas
    if not settings.policies:
        return None
    shared = None
    if settings.uses_redis:
        assert redis is not None
        shared = RedisWindows(redis, config.redis.prefix, settings.timeout_s)
    return Quotas(settings, config.server.workers, shared)


def make_house(broker: Broker, settings: BrokerSettings, directory: str | None) -> Broker:
    """What reaches the workers of this server and nobody else: the topics' broker, where that is the same.

    Args:
        broker: Of the topics.
        settings: `[pubsub]`.
        directory: Where the workers of this server meet, when it has several.
    """
    if directory is None:
        return broker if isinstance(broker, LocalBroker) else LocalBroker(settings)
    is_own = isinstance(broker, UnixBroker) and settings.directory is None
    return broker if is_own else UnixBroker(settings, directory)


def make_tracing(settings: TelemetrySettings) -> Tracing | None:
    """The tracer; None when nothing is traced, and then OpenTelemetry's SDK is not even imported."""
    if not (settings.enabled and settings.tracing.endpoint):
        return None
    from gateway.telemetry.tracing import Tracing

    return Tracing(settings.tracing)


def log_loop_errors(loop: asyncio.AbstractEventLoop) -> None:
    """Write what asyncio would print as text to the log, as lines of it."""

    def log(_: asyncio.AbstractEventLoop, told: dict[str, Any]) -> None:
        logging.getLogger("gateway.loop").error(told["message"], exc_info=told.get("exception"))

    loop.set_exception_handler(log)


def tune_collector(threshold: int) -> None:
    """Keep the cyclic collector away from what stays for the life of the process, and make it rare.

    Schema, plans and modules are set aside; what requests leave behind is collected as before, less often.

    A pause grows with what a collection looks at: with 5,000 a new plan each request makes pauses of 1 ms; with 10,000
    twice that. Warm requests make none. Objects that are freed meanwhile, as those of an evicted plan, are counted
    off: the plan cache sees to that (`young_plans`), and its looks count, too. A plan that is evicted is freed
    without the collector, and what is old is looked at so seldom that no request meets it: that is when a pause has
    no bound.
    """
    if threshold:
        gc.collect()
        gc.freeze()
        gc.set_threshold(threshold, 3, 10_000)


def time_left(settings: RouterShaping, headers: Mapping[str, str]) -> float:
    """A request's time, seconds: the configured one, or less where the client asks for less."""
    name = settings.client_timeout_header
    asked_ms = read_length(headers.get(name.lower())) if name else None
    return settings.timeout_s if asked_ms is None else min(settings.timeout_s, asked_ms / 1000)


def kept_answers(
    config: Config, upstream: Upstream, ambient: Vary | None, is_own: bool
) -> KeptAnswers | None:
    """The whole answers that are kept; None where none are.

    Args:
        config: As configured.
        upstream: Whose memory they are in.
        ambient: What runs beside resolvers reads of a client; None when that is not known.
        is_own: Every answer depends on who asks.
    """
    cached = {name for name, source in config.sources.items() if source.cache.enabled}
    if not cached or not config.response_cache.whole_answers:
        return None

    def depends(operation: Operation) -> bool:
        is_viewed = bool(config.views) and operation.client.principal.is_authenticated
        return is_of_client(operation, ambient, is_own=is_own or is_viewed)

    return KeptAnswers(upstream.memory, cached, upstream.counters, depends)

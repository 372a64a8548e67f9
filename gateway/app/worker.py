"""What one event loop owns: sockets, pools, the broker, telemetry. It knows no schema, only what serves by one.

It is made inside its loop. What it opens it closes, in the reverse order, whatever fails in between.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.admin.app import admin_port
from gateway.admin.commands import Commands
from gateway.app.config import Config
from gateway.app.configuration_audit import audit_keys
from gateway.app.flags import make_experiments, make_flags
from gateway.app.hooks import Hooks
from gateway.app.invalidation import Invalidator
from gateway.app.override_labels import make_switches
from gateway.app.purges import PurgeRelay
from gateway.app.services import (
    endpoint_settings,
    log_loop_errors,
    make_admission,
    make_broker,
    make_documents,
    make_house,
    make_proxies,
    make_quotas,
    make_routes,
    make_shared_redis,
    make_shared_tier,
    make_tracing,
    tune_collector,
    upstream_settings,
)
from gateway.app.usage import UsageExport
from gateway.auth.authenticator import Authenticator
from gateway.broker.calls import WorkerCalls
from gateway.client.request import ClientRequest
from gateway.connectors.fallback_loader import override_fallback_samples
from gateway.connectors.response.decoding import decode_fallback_samples
from gateway.connectors.response.outcome import unexpected_samples
from gateway.execute.operation import fallback_samples
from gateway.observe.measures import Measures
from gateway.observe.observer import OperationObserver
from gateway.observe.operation_log import OperationLog
from gateway.observe.refusals import Refusals
from gateway.pipeline.serving import Serving
from gateway.quotas.addresses import make_gate
from gateway.telemetry.catalogue import ADDRESSES_REFUSED, AUTH_KEYS_AGE
from gateway.telemetry.logs import AccessLog
from gateway.telemetry.metrics import Sample
from gateway.telemetry.owned_port import OwnedPort
from gateway.telemetry.server import MetricsServer
from gateway.transport.http.asgi import serve_http
from gateway.transport.http.handler import Handler
from gateway.transport.http.hooked import HookedHandler, serve_http_in_scope
from gateway.transport.server.certificates import Certificates
from gateway.transport.server.connections import Connections
from gateway.transport.server.measured import RouteMeasures
from gateway.transport.server.shutdown import delay_shutdown
from gateway.transport.stream.endpoint import StreamEndpoint
from gateway.transport.ws.endpoint import WebSocketEndpoint
from gateway.upstream.client import Upstream
from gateway.upstream.hooks import HookedUpstream
from gateway.upstream.policy.counters import Counters
from gateway.upstream.policy.policy import Policy
from gateway.upstream.transport import Transport

if TYPE_CHECKING:
    from gateway.app.reload.canary import Canary

logger = logging.getLogger("gateway.server")

# Where the workers of one server meet, as `gateway serve` tells them.
BROKER_DIRECTORY = "GATEWAY_SERVE_BROKER"


class Worker:
    """Everything that lives on one event loop.

    Args:
        config: What to serve and how.
        base: The folder that relative paths in it start from.
        sources: The names of the backends.
        transports: By source name, in place of those that lead to the network.
        connections: The registry of client connections.
        auth: Finds who each client is.
        certificates: What TLS is served with; None without TLS.
        hooks: The user's Python on the way of a request.
        dev_status: What GraphiQL's page asks for while it is developed; None else.
        owns_process: Whether the process serves nothing else.

    Attributes:
        clock: The event loop's.
        upstream: The sources of what is served now.
        is_timed: Whether requests are timed where nothing is traced.
        is_ready: What readiness says.
        handler, sockets, streams: The endpoints.
        serve_http: Serves an HTTP scope of ASGI by the handler.
        broker: The topics.
        house: Reaches the workers of this server alone.
        calls: Asks them.
        usage: Tells what clients use; None where nothing is measured.
        switches: Labels of `@override` that are decided otherwise for now.
        flags: Decides flags.
        experiments: Notes who has met which variant of one; None where nobody wants to know.
        commands: What the admin port takes; whoever has something to command adds it.
        gate: Counts the requests of each address; None without a limit.
        quotas: Of the clients; None without any.
        redis: The server that is shared with other workers and pods; None where nothing asks for one.

    Errors: ConfigError.
    """

    def __init__(
        self,
        config: Config,
        base: Path,
        sources: Collection[str],
        transports: Mapping[str, Transport],
        connections: Connections,
        auth: Authenticator,
        certificates: Certificates | None,
        hooks: Hooks,
        *,
        dev_status: Callable[[], bytes] | None,
        owns_process: bool,
    ) -> None:
        self.config = config
        self.clock: Callable[[], float] = asyncio.get_running_loop().time
        self.connections = connections
        self._auth = auth
        self._certificates = certificates
        self.is_ready = False
        self.metrics_server: MetricsServer | None = None
        self._owns_process = owns_process
        self._admin: OwnedPort | None = None
        self._serving: Serving  # from `serve` on
        self._canary: Canary | None = None
        self._drain: asyncio.Future[Any] | None = None
        self.redis = make_shared_redis(config)
        self.broker = make_broker(config, os.environ.get(BROKER_DIRECTORY), self.redis)
        self.house = make_house(self.broker, config.pubsub, os.environ.get(BROKER_DIRECTORY))
        self.documents = make_documents(config, base, self.broker)
        self.admission = make_admission(config)
        self.switches = make_switches(config, base)
        self.flags = make_flags(config, base)
        self.experiments = make_experiments(config, self.flags)
        self.gate = make_gate(config.quotas, config.server.workers)
        self.quotas = make_quotas(config, self.redis)
        telemetry = config.telemetry
        is_measured = telemetry.enabled and telemetry.metrics.enabled
        self.is_timed = is_measured or (telemetry.enabled and config.logs.slow != "off")
        self.measures = Measures(telemetry.metrics, telemetry.usage) if is_measured else None
        make_upstream = (
            Upstream if hooks.sources is None else partial(HookedUpstream, hooks.sources)
        )
        self.upstream: Upstream = make_upstream(
            upstream_settings(config, sources),
            Counters(is_measured=is_measured),
            config.response_cache,
            transports,
        )
        self.upstream.shared = make_shared_tier(config, self.upstream.memory, self.redis)
        self.access_log = AccessLog(config.logs)
        self.refusals = Refusals(self.access_log.write_audit)
        auth.refused = self.refusals.note
        auth.keys_changed = partial(audit_keys, self.access_log)
        self.tracing = make_tracing(telemetry)
        self.observer = OperationObserver(
            self.measures, self.tracing, OperationLog(self.access_log), self.experiments
        )
        used, settings, proxies = (
            auth if auth.is_used else None,
            config.subscription,
            make_proxies(config),
        )
        self.streams = StreamEndpoint(self.serving, settings, self.access_log, used)
        self.sockets = WebSocketEndpoint(
            self.serving,
            settings,
            self.access_log,
            config.server.path,
            proxies,
            used,
            hooks.requests,
            self.gate,
        )
        self.commands = Commands()
        self.calls = WorkerCalls(self.house)
        self.usage: UsageExport | None = None
        if self.measures is not None:
            most = config.pubsub.max_event_bytes * 9 // 10  # of what else is in the answer
            usage = self.measures.usage
            self.usage = UsageExport(telemetry.usage, self.serving, auth, usage, self.calls, most)
            self.usage.add_to(self.commands)
        self.routes = RouteMeasures()
        has_hooks = hooks.requests is not None
        self.serve_http = serve_http_in_scope if has_hooks else serve_http
        make_handler = Handler if hooks.requests is None else partial(HookedHandler, hooks.requests)
        self.handler: Handler = make_handler(
            self.serving,
            endpoint_settings(config),
            make_routes(config, lambda: self.is_ready and auth.is_ready, proxies, dev_status),
            self.access_log,
            self.routes,
            self.streams if settings.enabled else None,
            proxies,
            used,
            self.gate,
        )

    def serving(self, client: ClientRequest | None = None, /) -> Serving:
        """What a request that begins now is answered by: a client's own, where another schema is tried by some."""
        canary = self._canary
        return self._serving if canary is None or client is None else canary.revision_of(client)

    def all_serving(self) -> Sequence[Serving]:
        """All that requests that begin now are answered by."""
        served, canary = self.serving(), self._canary
        return (served,) if canary is None else (served, canary.after)

    @property
    def canary(self) -> Canary | None:
        """What is served to some of the clients beside it, and to whom; None where all have the same."""
        return self._canary

    @canary.setter
    def canary(self, canary: Canary | None) -> None:
        self._canary = canary
        self._tell_views()

    @property
    def policies_of_canary(self) -> list[Policy]:
        """The policies of the sources that a canary has for itself."""
        if self._canary is None:
            return []
        shared = {id(policy) for policy in self.upstream.policies}
        return [one for one in self._canary.after.upstream.policies if id(one) not in shared]

    @property
    def source_names(self) -> Collection[str]:
        """The names of all sources that requests may call now."""
        return {*self.upstream.names, *(one.name for one in self.policies_of_canary if one.name)}

    def serve(self, serving: Serving) -> None:
        """Answer what begins from now on by this; what has begun ends by what it began with."""
        self._serving = serving
        self._tell_views()

    def _tell_views(self) -> None:
        self._auth.know_views(set[str]().union(*(one.views for one in self.all_serving())))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Around everything: pools, broker and telemetry, opened and closed in order."""
        async with AsyncExitStack() as stack:
            stack.callback(self.access_log.close)
            stack.callback(self.refusals.close)
            if self.redis is not None:
                stack.push_async_callback(self.redis.aclose)
            if self.quotas is not None:
                stack.push_async_callback(self.quotas.aclose)
            if (shared := self.upstream.shared) is not None:
                shared.open()
                stack.push_async_callback(shared.aclose)
            await self.upstream.open()
            stack.push_async_callback(self._close_upstream)
            self.switches.watch()
            stack.push_async_callback(self.switches.aclose)
            if self.flags.port is not None:
                await self.flags.port.open()
                stack.push_async_callback(self.flags.port.aclose)
            if self.experiments is not None:
                self.experiments.begin()
                stack.push_async_callback(self.experiments.aclose)
            for broker in dict.fromkeys((self.broker, self.house)):
                await broker.connect()
                stack.push_async_callback(broker.aclose)
            self.calls.open()
            stack.push_async_callback(self.calls.aclose)
            # Where a stream tells the other pods, the neighbors are told without the Redis that may hang.
            neighbors = self.broker if self.upstream.shared is None else self.house
            relay = PurgeRelay(self.upstream.memory, neighbors, self.upstream.shared)
            relay.open()
            stack.push_async_callback(relay.aclose)
            Invalidator(
                relay.purge,
                lambda: self.source_names,
                lambda: [serving.schema for serving in self.all_serving()],
            ).add_to(self.commands)
            await self._auth.open(self.redis, self.config.redis.prefix)
            stack.push_async_callback(self._auth.aclose)
            stack.push_async_callback(self.documents.aclose)
            if self.tracing is not None:
                stack.push_async_callback(self.tracing.aclose)
            yield

    @asynccontextmanager
    async def answering(self) -> AsyncIterator[None]:
        """Around the time in which clients are answered: ready at its begin, drained at its end."""
        config = self.config
        async with AsyncExitStack() as stack:
            if self.measures is not None:
                await self._measure(stack, self.measures)
            if self.usage is not None:
                self.usage.begin()
                stack.push_async_callback(self.usage.aclose)
            if self._owns_process:
                tune_collector(config.server.gc_threshold)
                log_loop_errors(asyncio.get_running_loop())
            if config.admin.given and self._owns_process:
                await self._open_admin(stack)
            self.admission.watch_loop()
            stack.callback(self.admission.stop)
            self.connections.begin_sweeping()
            stack.callback(self.connections.stop)
            if self._certificates is not None and self._owns_process:
                self._certificates.watch()
                stack.push_async_callback(self._certificates.stop)
            self.is_ready = True
            if self._owns_process:
                logger.info("worker %d is ready", os.getpid())
            if config.server.shutdown_delay_s:
                delay_shutdown(config.server.shutdown_delay_s, self.stop_being_ready)
            try:
                yield
            finally:
                if self._owns_process:
                    active = self.routes.active
                    logger.info("worker %d ends; requests under way: %d", os.getpid(), active)
                await self.begin_drain()
                for serving in self.all_serving():
                    await serving.sharing.drain(config.server.drain_timeout_s)

    async def _measure(self, stack: AsyncExitStack, measures: Measures) -> None:
        for samples in (
            self.routes.samples,
            self.connections.samples,
            self.admission.samples,
            self._samples_of_serving,
            self._samples_of_auth,
            self._samples_of_quotas,
            fallback_samples,
            decode_fallback_samples,
            unexpected_samples,
            override_fallback_samples,
        ):
            measures.registry.add(samples)
        if self._certificates is not None:
            measures.registry.add(self._certificates.samples)
        measures.lag.begin_sampling()
        stack.callback(measures.lag.stop)
        if self._owns_process:
            self.metrics_server = MetricsServer(
                self.config.telemetry.metrics, measures.registry, os.environ.get(BROKER_DIRECTORY)
            )
            await self.metrics_server.listen()
            stack.push_async_callback(self.metrics_server.aclose)

    async def _open_admin(self, stack: AsyncExitStack) -> None:
        port = admin_port(
            self.config.admin,
            self.commands,
            self.access_log.write_audit,
            self.refusals.note,
            os.environ.get(BROKER_DIRECTORY),
        )
        await port.open()
        self._admin = port
        stack.push_async_callback(port.aclose)

    def _samples_of_serving(self) -> Iterator[Sample]:
        yield from self.upstream.samples()
        known = set(self.upstream.names)
        for policy in self.policies_of_canary:
            if policy.name and policy.name not in known:
                yield from policy.samples()
        yield from self.flags.samples()
        if self.experiments is not None:
            yield from self.experiments.samples()
        for serving in self.all_serving():
            yield from serving.samples()

    def _samples_of_quotas(self) -> Iterator[Sample]:
        if self.gate is not None:
            yield ADDRESSES_REFUSED, (), self.gate.refused
        if self.quotas is not None:
            yield from self.quotas.samples()

    def _samples_of_auth(self) -> Iterator[Sample]:
        if self._auth.is_used:
            yield from self.refusals.samples()
        for store, age_s in self._auth.ages():
            yield AUTH_KEYS_AGE, (store,), age_s

    async def _close_upstream(self) -> None:
        await self.upstream.aclose()

    @property
    def leads(self) -> bool:
        """Whether this worker has the admin port."""
        return self._admin is not None and self._admin.is_open

    def stop_being_ready(self) -> None:
        """Readiness answers 503 from now on; everything else goes on."""
        self.is_ready = False

    def begin_drain(self) -> asyncio.Future[Any]:
        """Begin to end every stream; the same again when it has begun."""
        self.stop_being_ready()
        if self._drain is None:
            timeout_s = self.config.server.drain_timeout_s
            drains = (self.sockets.drain(timeout_s), self.streams.drain(timeout_s))
            self._drain = asyncio.gather(*drains)
        return self._drain

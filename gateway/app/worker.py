"""What one event loop owns: sockets, pools, the broker, telemetry. It knows no schema, only what serves by one.

It is made inside its loop. What it opens it closes, in the reverse order, whatever fails in between.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from gateway.admin.app import admin_port
from gateway.admin.commands import Commands
from gateway.app.config import Config
from gateway.app.configuration_audit import audit_keys
from gateway.app.current import CurrentRevisions
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
    make_tracing,
    tune_collector,
)
from gateway.app.sources import make_upstream
from gateway.app.usage import UsageExport
from gateway.app.worker_metrics import WorkerMetrics
from gateway.auth.authenticator import Authenticator
from gateway.broker.calls import WorkerCalls
from gateway.observe.measures import Measures
from gateway.observe.observer import OperationObserver
from gateway.observe.operation_log import OperationLog
from gateway.observe.refusals import Refusals
from gateway.quotas.addresses import make_gate
from gateway.telemetry.logs import AccessLog
from gateway.telemetry.owned_port import OwnedPort
from gateway.transport.http.asgi import serve_http
from gateway.transport.http.handler import Handler
from gateway.transport.http.hooked import HookedHandler, serve_http_in_scope
from gateway.transport.server.certificates import Certificates
from gateway.transport.server.connections import Connections
from gateway.transport.server.measured import RouteMeasures
from gateway.transport.server.shutdown import delay_shutdown
from gateway.transport.stream.endpoint import StreamEndpoint
from gateway.transport.ws.endpoint import WebSocketEndpoint
from gateway.upstream.transport import Transport

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
        current: What requests that begin now are answered by.
        serving: Which of it a client's are.
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
        metrics: What it tells of itself.
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
        self._owns_process = owns_process
        self._admin: OwnedPort | None = None
        self.current = CurrentRevisions(lambda: self.upstream, auth.know_views)
        self.serving = self.current.serving
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
        self.upstream = make_upstream(
            config, sources, transports, hooks.sources, self.redis, is_measured=is_measured
        )
        self.access_log = AccessLog(config.logs)
        self.refusals = Refusals(self.access_log.write_audit)
        auth.refused = self.refusals.note
        auth.keys_changed = partial(audit_keys, self.access_log)
        self.tracing = make_tracing(telemetry)
        self.observer = OperationObserver(
            self.measures, self.tracing, OperationLog(self.access_log), self.experiments
        )
        used, proxies = auth if auth.is_used else None, make_proxies(config)
        settings = config.subscription
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
        self.metrics = WorkerMetrics(self, auth, certificates)
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
                lambda: self.current.source_names,
                lambda: [serving.schema for serving in self.current.all()],
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
                self.metrics.begin(self.measures, stack)
                if self._owns_process:
                    directory = os.environ.get(BROKER_DIRECTORY)
                    settings = config.telemetry.metrics
                    await self.metrics.listen(settings, self.measures, directory, stack)
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
                for serving in self.current.all():
                    await serving.sharing.drain(config.server.drain_timeout_s)

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

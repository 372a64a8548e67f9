"""The composition root: configuration → graph → services → ASGI application.

`build_graph` is all that happens before there is an event loop; `Gateway.lifespan` makes what belongs to a
worker's loop. Read `pipeline/pipeline.py` for what happens to a request.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from operator import attrgetter
from pathlib import Path
from typing import Any

from starlette.applications import Starlette

from gateway.app.build import (
    build_graph,
    check_graphql_core,
    refused,
)
from gateway.app.config import Config, load_config
from gateway.app.services import (
    endpoint_settings,
    log_loop_errors,
    make_admission,
    make_broker,
    make_documents,
    make_proxies,
    make_routes,
    make_tracing,
    time_left,
    tune_collector,
    unshared_sources,
    upstream_settings,
)
from gateway.auth.authenticator import Authenticator
from gateway.concurrency.awaitable import AwaitableOrValue
from gateway.connectors.response.decoding import decode_fallback_samples
from gateway.connectors.response.outcome import unexpected_samples
from gateway.context import ClientRequest, Context
from gateway.errors import RequestError
from gateway.execute.operation import fallback_samples
from gateway.execute.prepare import Prepared, prepare
from gateway.language.document import load_document
from gateway.language.normalise import Normalised
from gateway.language.slots import find_slots
from gateway.observe.measures import Measures
from gateway.observe.observer import Observer
from gateway.observe.operation_log import OperationLog
from gateway.pipeline.dedupe import Sharing
from gateway.pipeline.event_streams import Streams
from gateway.pipeline.explain import Explain
from gateway.pipeline.pipeline import Pipeline
from gateway.pipeline.plan_budget import PlanBudget
from gateway.pipeline.plan_cache import Made, PlanCache
from gateway.pipeline.subscriptions import Subscriptions
from gateway.pipeline.warm import warm_plans, warm_texts
from gateway.plan.work import check_work
from gateway.response.answer import ErrorMask
from gateway.runtime.bounds import ResultLimits
from gateway.telemetry.logs import AccessLog
from gateway.telemetry.server import MetricsServer
from gateway.telemetry.trace import Trace, phase
from gateway.transport.asgi import Receive, Scope, Send
from gateway.transport.http.asgi import serve_http
from gateway.transport.http.handler import Handler
from gateway.transport.server.certificates import make_certificates
from gateway.transport.server.connections import Connections
from gateway.transport.server.drain import DRAIN
from gateway.transport.server.measured import RouteMeasures
from gateway.transport.server.shutdown import delay_shutdown
from gateway.transport.stream.endpoint import StreamEndpoint
from gateway.transport.ws.endpoint import WebSocketEndpoint
from gateway.upstream.client import Upstream
from gateway.upstream.policy.counters import Counters
from gateway.upstream.transport import Transport
from gateway.vary import Identity

# Where the workers of one server meet, as `gateway serve` tells them.
BROKER_DIRECTORY = "GATEWAY_SERVE_BROKER"


class Gateway:
    """The ASGI application of one worker.

    Mounted in another application, its lifespan has to run with the host's:
    `Starlette(routes=[Mount("/api", gateway)], lifespan=gateway.lifespan)`.

    Args:
        config: What to serve and how.
        base: The folder that relative paths in it start from.
        env: `$env` of the connectors.
        mock: Fields make their values up: no connector, no Python, no backend.

    Attributes:
        dev_status: What GraphiQL's page asks for while it is developed; set before the lifespan begins.
        transports: By source name, in place of those that lead to the network; set before the lifespan begins.

    Errors: ConfigError with the first thing that cannot be served.
    """

    def __init__(
        self, config: Config, base: Path, env: Mapping[str, str], *, mock: bool = False
    ) -> None:
        check_graphql_core()
        self.config = config
        self.graph = build_graph(config, base, env, is_served=True, mock=mock)
        if self.graph.errors:
            raise refused(self.graph.errors)
        self.explain = Explain(config.explain, env)
        self.base = base
        self.auth = Authenticator(config.authentication, config.authorization, base)
        self.path = config.server.path
        self.connections = Connections(config.server, config.server.workers)
        self.certificates = make_certificates(config.server.tls)
        self.ready = False
        self.owns_process = False
        self.dev_status: Callable[[], bytes] | None = None
        self.transports: Mapping[str, Transport] = {}
        self.metrics_server: MetricsServer | None = None
        self.state: dict[str, Any] = {}
        self._drain: asyncio.Future[Any] | None = None
        self._clock: Callable[[], float] = time.monotonic  # the event loop's, once there is one
        self._result_limits = ResultLimits(
            max_nodes=config.limits.max_response_nodes,
            max_bytes=config.limits.max_response_bytes,
            max_errors=config.errors.max_errors,
            is_paused=True,
        )
        self._factories = [mark for mark in self.graph.marks if mark.kind == "context_factory"]
        self._lifespan = Starlette(lifespan=self.lifespan)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI scope."""
        if not self.ready and scope["type"] != "lifespan" and "handler" not in self.__dict__:
            await refuse_unstarted(scope, receive, send)
        elif scope["type"] == "http":
            await serve_http(self.handler, scope, receive, send)
        elif scope["type"] == "websocket":
            await self.sockets(scope, receive, send)
        else:
            await self._lifespan(scope, receive, send)

    @asynccontextmanager
    async def lifespan(self, _app: Any = None) -> AsyncIterator[dict[str, Any]]:
        """Everything that lives on the worker's event loop, started and ended in order."""
        config = self.config
        self._clock = asyncio.get_running_loop().time
        assert self.graph.bound is not None
        urls = self.graph.bound.base_urls
        telemetry = config.telemetry
        is_measured = telemetry.enabled and telemetry.metrics.enabled
        self.measures = measures = Measures(telemetry.metrics) if is_measured else None
        self.tracing = make_tracing(telemetry)
        self.upstream = Upstream(
            upstream_settings(config, urls),
            Counters(is_measured=is_measured),
            config.response_cache,
            self.transports,
        )
        access_log = AccessLog(config.logs)
        self.log = OperationLog(access_log)
        self.is_timed = is_measured or (telemetry.enabled and config.logs.slow != "off")
        await self.upstream.start()
        self.broker = make_broker(config.broker, os.environ.get(BROKER_DIRECTORY))
        await self.broker.start()
        await self.auth.start()
        pipeline: Pipeline | None = None
        try:
            for function in self._hooks("on_startup"):
                self.state.update(await settled(function(self.state)) or {})
            pipeline = self.make_pipeline()
            warm_plans(pipeline.plans, config.plan_cache.warm, self.base)
            trusted = pipeline.documents.trusted
            if trusted is not None and config.persisted_documents.warm:
                texts = list(dict.fromkeys(trusted.texts.values()))
                warm_texts(pipeline.plans, texts[: config.plan_cache.max_entries])
            subscriptions = Subscriptions(pipeline, self._make_streams(pipeline.mask), measures)
            auth = self.auth if self.auth.is_used else None
            settings = config.subscription
            self.streams = StreamEndpoint(
                subscriptions, self.new_context, settings, access_log, auth
            )
            proxies = make_proxies(config)
            self.sockets = WebSocketEndpoint(
                subscriptions, self.new_context, settings, access_log, self.path, proxies, auth
            )
            routes = RouteMeasures()
            self.handler = Handler(
                pipeline,
                self.new_context,
                endpoint_settings(config),
                make_routes(
                    config, lambda: self.ready and self.auth.is_ready, proxies, self.dev_status
                ),
                access_log,
                routes,
                self.streams if config.subscription.enabled else None,
                proxies,
                auth,
            )
            pipeline.admission.start()
            self.connections.start()
            if self.certificates is not None and self.owns_process:
                self.certificates.start()
            if measures is not None:
                for samples in (
                    routes.samples,
                    self.connections.samples,
                    pipeline.admission.samples,
                    pipeline.plans.samples,
                    pipeline.sharing.samples,
                    subscriptions.samples,
                    self.upstream.samples,
                    fallback_samples,
                    decode_fallback_samples,
                    unexpected_samples,
                ):
                    measures.registry.add(samples)
                if self.certificates is not None:
                    measures.registry.add(self.certificates.samples)
                measures.lag.start()
                await self._open_metrics_port(measures)
            if self.owns_process:
                tune_collector(config.server.gc_threshold)
                log_loop_errors(asyncio.get_running_loop())
            self.ready, self._drain = True, None
            if config.server.shutdown_delay_s:
                delay_shutdown(config.server.shutdown_delay_s, self.stop_being_ready)
            try:
                yield {DRAIN: self.begin_drain}
            finally:
                self.ready = False
                pipeline.admission.stop()
                self.connections.stop()
                if self.certificates is not None:
                    self.certificates.stop()
                await self.begin_drain()
                await pipeline.sharing.drain(config.server.drain_timeout_s)
        finally:
            for function in self._hooks("on_shutdown"):
                await settled(function(self.state))
            if self.metrics_server is not None:
                await self.metrics_server.aclose()
            if measures is not None:
                measures.lag.stop()
            if self.tracing is not None:
                await self.tracing.aclose()
            if pipeline is not None:
                await pipeline.documents.aclose()
            await self.auth.aclose()
            await self.broker.aclose()
            await self.upstream.aclose()
            access_log.close()

    async def _open_metrics_port(self, measures: Measures) -> None:
        if self.owns_process:
            self.metrics_server = MetricsServer(
                self.config.telemetry.metrics, measures.registry, os.environ.get(BROKER_DIRECTORY)
            )
            await self.metrics_server.start()

    def stop_being_ready(self) -> None:
        """Readiness answers 503 from now on; everything else goes on."""
        self.ready = False

    def begin_drain(self) -> asyncio.Future[Any]:
        """Begin to end every stream; the same again when it has begun."""
        self.stop_being_ready()
        if self._drain is None:
            timeout_s = self.config.server.drain_timeout_s
            drains = (self.sockets.drain(timeout_s), self.streams.drain(timeout_s))
            self._drain = asyncio.gather(*drains)
        return self._drain

    def make_pipeline(self) -> Pipeline:
        """The stages, with an empty plan cache."""
        config = self.config
        self._plans = plans = PlanCache(
            config.plan_cache,
            self._compile,
            size_of=attrgetter("size_bytes"),
            budget=PlanBudget(config.limits.plan_cpu_share),
            max_text_length=config.limits.max_document_bytes,
        )
        return Pipeline(
            make_admission(config),
            make_documents(config, self.base, self.broker),
            plans,
            self._make_sharing(),
            ErrorMask(config.errors.mask, self._result_limits),
            self.explain,
            Observer(self.measures, self.tracing, self.log),
            config.limits,
        )

    def _make_streams(self, mask: ErrorMask) -> Streams:
        return Streams(mask, self.config.subscription.max_queue, self._ambient())

    def _make_sharing(self) -> Sharing:
        """Equal operations in flight as one, where all that runs says what it reads of the client."""
        config = self.config
        assert self.graph.bound is not None
        unshared = unshared_sources(config, self.graph.bound.base_urls)
        return Sharing(config.traffic_shaping.router.dedupe, self._ambient(), unshared)

    def _ambient(self) -> Identity | None:
        """What runs beside resolvers reads of the client."""
        return self.graph.ambient

    def _compile(
        self, text: str, operation_name: str | None, normalised: Normalised | None
    ) -> Made[Prepared]:
        """Parse, check, validate, plan, compile: what a plan cache does on a miss."""
        schema = self.graph.schema
        assert schema is not None
        document = load_document(text, schema, self.config.limits)
        slots = find_slots(schema, document, normalised) if normalised else None
        free = slots.free if slots else None
        with phase("plan"):
            is_planned = check_work(schema, document, operation_name, self.config.limits)
            prepared = prepare(
                schema,
                document,
                operation_name,
                slots=free,
                limits=self._result_limits,
                growing=self._plans.growing,
                is_planned=is_planned,
            )
        if prepared.errors:
            # Refused here, so that invented operation names cannot evict plans.
            raise RequestError(prepared.errors, "OPERATION_RESOLUTION_FAILURE")
        return Made(prepared, slots)

    def new_context(self, client: ClientRequest) -> AwaitableOrValue[Context]:
        """The state of one execution: at once where no `@context_factory` has a part in it."""
        assert self.graph.bound is not None
        router = self.config.traffic_shaping.router
        asks = router.client_timeout_header
        timeout_s = time_left(router, client.headers) if asks else router.timeout_s
        context = Context(
            client,
            deadline=self._clock() + timeout_s,
            upstream=self.upstream,
            config=self.config.connectors.config,
            source_urls=self.graph.bound.base_urls,
            state=self.state,
            broker=self.broker,
        )
        if self.tracing is not None:
            context.stats.trace = self.tracing.begin(client.headers)
        elif self.is_timed:
            context.stats.trace = Trace(propagation=())
        return self._furnish(context) if self._factories else context

    async def _furnish(self, context: Context) -> Context:
        context.state = dict(self.state)
        for mark in self._factories:
            seen = context if mark.identity is None else context.restricted(mark.identity)
            context.state.update(await settled(mark.target(seen)) or {})
        return context

    def _hooks(self, kind: str) -> list[Callable[..., Any]]:
        return [mark.target for mark in self.graph.marks if mark.kind == kind]


UNSTARTED = (
    "The gateway has not been started: the application that it is mounted in does not run its lifespan. "
    'Starlette(routes=[Mount("/api", gateway)], lifespan=gateway.lifespan) runs it; inside a lifespan of your own, '
    "async with gateway.lifespan(): yield does."
)


async def refuse_unstarted(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer 503 and say why: nothing of a gateway is there before its lifespan has begun."""
    logging.getLogger("gateway").error(UNSTARTED)
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1011})
        return
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": UNSTARTED.encode()})


async def settled(value: Any) -> Any:
    """A value, awaited where it has to be: hooks may be `def` or `async def`."""
    return await value if inspect.isawaitable(value) else value


def create_app(
    config: Config | str | Path | None = None, *, base: str | Path | None = None
) -> Gateway:
    """The gateway as an ASGI application, to be served or mounted.

    Args:
        config: A configuration, or the path of a `gateway.toml`; that of this folder by default.
        base: The folder that a `Config`'s relative paths start from; a file's own folder by default.

    Errors: ConfigError.
    """
    if config is None:
        config = "gateway.toml"
    if isinstance(config, Config):
        return Gateway(config, Path(base or "."), os.environ)
    return Gateway(load_config(config), Path(base or Path(config).parent), os.environ)

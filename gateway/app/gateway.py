"""The composition root: configuration → graph → services → ASGI application.

`build_graph` is all that happens before there is an event loop. `Gateway.lifespan` makes a `Worker`, which owns what
belongs to the loop, and a `Revision`, which owns what belongs to the schema. Read `pipeline/pipeline.py` for what
happens to a request.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from starlette.applications import Starlette

from gateway.app.administration import Administration
from gateway.app.build import Graph, build_graph
from gateway.app.config import Config
from gateway.app.configuration_audit import audit_configuration
from gateway.app.hooks import Hooks
from gateway.app.mistakes import refused
from gateway.app.override_commands import OverrideCommands
from gateway.app.override_labels import make_testers
from gateway.app.plugins import settings_of
from gateway.app.preconditions import check_graphql_core
from gateway.app.reload.commands import add_reload_commands
from gateway.app.reload.effects import changes_between
from gateway.app.reload.inputs import Inputs, Origin
from gateway.app.reload.part import Part
from gateway.app.reload.reloader import Reloader
from gateway.app.reload.revisions import Revisions, Served
from gateway.app.reload.shelf import Shelf
from gateway.app.reload.start import errors_of_start
from gateway.app.reload.successors import Successors
from gateway.app.revision import Revision
from gateway.app.unstarted import UNSTARTED, refuse_unstarted
from gateway.app.worker import BROKER_DIRECTORY, Worker
from gateway.auth.authenticator import Authenticator
from gateway.pipeline.explain import Explain
from gateway.pipeline.warm import log_refused
from gateway.settings.files import rooted
from gateway.transport.asgi import Receive, Scope, Send
from gateway.transport.http.handler import Handler
from gateway.transport.server.certificates import make_certificates
from gateway.transport.server.connections import Connections
from gateway.transport.server.drain import DRAIN
from gateway.upstream.transport import Transport


class Gateway:
    """The ASGI application of one worker.

    Mounted in another application, its lifespan has to run with the host's:
    `Starlette(routes=[Mount("/api", gateway)], lifespan=gateway.lifespan)`.

    Args:
        config: What to serve and how.
        base: The folder that relative paths in it start from.
        env: `$env` of the connectors.
        mock: Fields make their values up: no connector, no Python, no backend.
        source: The files that `config` was read from, and where they are; None where it cannot be reloaded.
        graph: What was built of all that already; it is built by default.

    Attributes:
        dev_status: What GraphiQL's page asks for while it is developed; set before the lifespan begins.
        transports: By source name, in place of those that lead to the network; set before the lifespan begins.
        reloader: Serves what its files say later; None before the lifespan begins, and where there are no files.

    Errors: ConfigError with the first thing that cannot be served.
    """

    def __init__(
        self,
        config: Config,
        base: Path,
        env: Mapping[str, str],
        *,
        mock: bool = False,
        source: tuple[Origin, Inputs] | None = None,
        graph: Graph | None = None,
    ) -> None:
        check_graphql_core()
        self.config = config = rooted(config, base)
        self._env, self._mock, self._source = env, mock, source
        if graph is None:
            texts = source[1].schema if source is not None else None
            graph = build_graph(config, base, env, is_served=True, mock=mock, texts=texts)
            if source is not None:
                graph.findings += source[0].idle(source[1].config, env)
        self.graph = graph
        if self.graph.errors:
            raise refused(self.graph.errors)
        self.explain = Explain(config.explain, env)
        self.testers = make_testers(config, self.graph.schema, env)
        self.base = base
        self.hooks = Hooks(
            self.graph.marks,
            settings_of(self.graph.plugins),
            is_required=config.authorization.require_authentication,
        )
        self.auth = Authenticator(
            config.authentication,
            config.authorization,
            base,
            has_hooks=self.hooks.requests is not None,
            views=config.views,
            quotas=config.quotas.policies,
        )
        self.path = config.server.path
        self.connections = Connections(config.server, config.server.workers)
        self.certificates = make_certificates(config.server.tls)
        self.owns_process = False
        self.dev_status: Callable[[], bytes] | None = None
        self.transports: Mapping[str, Transport] = {}
        self.reloader: Reloader | None = None
        self._worker: Worker | None = None
        self._lifespan = Starlette(lifespan=self.lifespan)

    @property
    def worker(self) -> Worker:
        """What lives on the event loop. Errors: RuntimeError before the lifespan has begun."""
        if self._worker is None:
            raise RuntimeError(UNSTARTED)
        return self._worker

    @property
    def state(self) -> Mapping[str, Any]:
        """What `@on_startup` functions have made. Errors: RuntimeError before the lifespan has begun."""
        return self.worker.serving().state

    @property
    def inputs(self) -> Inputs | None:
        """What it was made of, with the Python that this process runs; None where there are no files."""
        return self._source[1] if self._source is not None else None

    @property
    def handler(self) -> Handler:
        """Answers HTTP requests, as the server's own protocols call it."""
        return self.worker.handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI scope."""
        worker = self._worker
        if scope["type"] not in ("http", "websocket"):
            await self._lifespan(scope, receive, send)
        elif worker is None:
            await refuse_unstarted(scope, receive, send)
        elif scope["type"] == "http":
            await worker.serve_http(worker.handler, scope, receive, send)
        else:
            await worker.sockets(scope, receive, send)

    @asynccontextmanager
    async def lifespan(self, _app: Any = None) -> AsyncIterator[dict[str, Any]]:
        """Everything that lives on the worker's event loop, started and ended in order."""
        async with AsyncExitStack() as stack:
            worker = await stack.enter_async_context(self._opened())
            Administration(worker).add_to(worker.commands)
            overrides = OverrideCommands(worker, lambda: self.config)
            overrides.add_to(worker.commands)
            await stack.enter_async_context(self.hooks.running())
            await self._begin(worker, stack)
            await stack.enter_async_context(overrides.gates.running())
            self._worker = worker
            yield {DRAIN: worker.begin_drain}

    async def check_start(self) -> Mapping[str, str]:
        """Make what a start makes on this machine and close it again; no port is taken, no function of the user called.

        Returns:
            Why trusted documents are refused, by their ids.

        Errors: ConfigError for what no worker could start with.
        """
        async with self._opened() as worker:
            return self._warmed(worker).refused_documents

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[Worker]:
        """A worker with all that it needs of this machine. Errors: ConfigError."""
        assert self.graph.bound is not None
        worker = Worker(
            self.config,
            self.base,
            self.graph.bound.base_urls,
            self.transports,
            self.connections,
            self.auth,
            self.certificates,
            self.hooks,
            dev_status=self.dev_status,
            owns_process=self.owns_process,
        )
        async with worker.running():
            yield worker

    def _warmed(self, worker: Worker) -> Revision:
        """The first revision, with the plans of the configuration. Errors: ConfigError."""
        digest = self._source[1].digest if self._source is not None else ""
        revision = Revision(
            self.graph,
            self.config,
            self.base,
            self.explain,
            self.testers,
            worker,
            self.hooks,
            digest,
        )
        revision.add_shadows()
        revision.warm()
        return revision

    async def _begin(self, worker: Worker, stack: AsyncExitStack) -> None:
        """Serve the first revision. Nothing here holds it: it goes when another has taken its place."""
        revision = self._warmed(worker)
        log_refused(revision.refused_documents)
        worker.current.serve(revision)
        audit_configuration(worker.access_log, revision.digest)
        if self._source is None:
            await stack.enter_async_context(worker.answering())
            return
        origin, inputs = self._source
        served = Served(inputs, revision.digest, self.config, self.graph, revision)
        revisions = Revisions(
            worker, self.hooks, origin, self._env, served, self._take, mock=self._mock
        )
        shelf = Shelf(os.environ.get(BROKER_DIRECTORY) if self.owns_process else None)
        successors = Successors(worker.calls, shelf)
        start = partial(errors_of_start, origin, mock=self._mock)
        part = Part(self.config, revisions, worker.calls, shelf, successors)
        reloader = Reloader(part, worker.calls, shelf, origin, self._env, start, successors)
        if worker.measures is not None:
            worker.measures.registry.add(reloader.samples)
        add_reload_commands(worker.commands, reloader)
        await stack.enter_async_context(worker.answering())
        await stack.enter_async_context(reloader.running())
        if self.owns_process:
            stack.callback(reloader.triggers.listen())
        self.reloader = reloader

    def _take(self, config: Config, graph: Graph, digest: str) -> None:
        """Another revision is served."""
        changed = [change.key for change in changes_between(self.config, config)]
        if self._worker is not None:
            audit_configuration(self._worker.access_log, digest, changed)
        self.config, self.graph = config, graph

    @classmethod
    def load(
        cls,
        origin: Origin,
        env: Mapping[str, str],
        *,
        mock: bool = False,
        inputs: Inputs | None = None,
    ) -> Gateway:
        """The gateway of some files, which can be reloaded.

        Args:
            origin: Where they are.
            env: What the configuration names.
            mock: As of the class.
            inputs: The files as they were read; as they are now by default.

        Errors: ConfigError.
        """
        if inputs is None:
            inputs = origin.read(env)
        config = origin.parse(inputs.config, env)
        before = origin.code(config)
        found = cls(config, origin.base, env, mock=mock, source=(origin, inputs))
        found._source = origin, inputs.run_by(origin.code(config).as_of(before).digests)
        return found


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
    origin = Origin(Path(config), folder=None if base is None else Path(base))
    return Gateway.load(origin, os.environ)

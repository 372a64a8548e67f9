"""`gateway serve`: find mistakes, bind, start the workers, and say the URL when they answer."""

from __future__ import annotations

import gc
import json
import logging
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.app.build import without_collector
from gateway.app.config import Config
from gateway.app.gateway import Gateway
from gateway.app.mistakes import error_lines
from gateway.app.reload.shelf import Shelf
from gateway.app.reload.successors import SERVE_DIGEST, SERVE_PARENT
from gateway.app.worker import BROKER_DIRECTORY
from gateway.cli.failures import meeting_place, tell_failure
from gateway.cli.options import (
    ConfigOption,
    MockOption,
    SchemaOption,
    config_path,
    counted,
    one_line_errors,
    origin_for,
)
from gateway.cli.sockets import SocketFile, bind, bind_unix, url_of
from gateway.cli.workers import (
    AnnouncedServer,
    ServedConfig,
    Workers,
    say,
)
from gateway.errors import ConfigError
from gateway.telemetry.records import log_process
from gateway.transport.server.connections import raise_descriptor_limit

# What `serve` hands to the worker processes that uvicorn starts.
SERVE_CONFIG, SERVE_SCHEMA = "GATEWAY_SERVE_CONFIG", "GATEWAY_SERVE_SCHEMA"
SERVE_MOCK = "GATEWAY_SERVE_MOCK"


def serve(
    config: ConfigOption = None,
    schema: SchemaOption = None,
    host: Annotated[str | None, typer.Option(help="Address to bind.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="TCP port; 0 takes a free one.")
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, max=1024, help="Worker processes.")] = None,
    mock: MockOption = False,
) -> None:
    """Serve GraphQL over HTTP. For development use `gateway dev`."""
    if workers is not None:
        # Wherever the configuration is read from now on, in each worker too: they share bounds by their number.
        os.environ["GATEWAY_SERVER__WORKERS"] = str(workers)
    os.environ.pop(SERVE_PARENT, None)  # of a server whose Python has started this one
    with one_line_errors(config_path(config, schema)):
        origin = origin_for(config, schema)
        inputs = origin.read(os.environ)
        # Fail here, with one line, rather than in each worker.
        with without_collector(sets_aside=True):
            gateway = Gateway.load(origin, os.environ, mock=mock, inputs=inputs)
        inputs = gateway.inputs or inputs
        settings = gateway.config
        unix_socket = settings.server.unix_socket if host is None and port is None else None
        file: SocketFile | None = None
        if unix_socket is not None:
            sockets, file = bind_unix(unix_socket, settings.server.unix_socket_mode)
        else:
            sockets = _bind(host, port, settings)
        log_process(settings.logs)
    if warnings := sum(finding.severity == "warning" for finding in gateway.graph.findings):
        say(f"{counted(warnings, 'warning')}; gateway check lists them", logging.WARNING)
    if mock:
        say("every value is made up; no backend is called", logging.WARNING)
    raise_descriptor_limit()
    processes = settings.server.workers
    has_tls = settings.server.tls.cert is not None
    url = url_of(sockets, host or settings.server.host, settings.server.path, has_tls=has_tls)
    if processes == 1:
        gateway.owns_process = True
        # uvicorn ends this process by the signal that ended the server: nothing here is cleaned up.
        raise typer.Exit(_run(served_config(gateway), sockets, url, file))
    os.environ[SERVE_MOCK] = "1" if mock else ""
    os.environ[SERVE_CONFIG] = str(config) if config else ""
    os.environ[SERVE_SCHEMA] = json.dumps([str(item) for item in schema or ()])
    del gateway  # each worker makes its own
    gc.unfreeze()
    gc.collect()  # types know each other: this process does nothing that would have them collected
    served = served_config("gateway.cli.serve:worker", workers=processes)
    with meeting_place(processes):
        os.environ[SERVE_PARENT] = str(os.getpid())
        # Read by every worker that starts.
        Shelf(os.environ[BROKER_DIRECTORY]).decide(
            inputs
        )  # a worker that dies is replaced by one that serves the same
        raise typer.Exit(_run(served, sockets, url, file))


def _bind(host: str | None, port: int | None, settings: Config) -> list[Any]:
    """The listening sockets. Errors: ConfigError that names the option or the key which says where."""
    try:
        number = settings.server.port if port is None else port
        return bind(host or settings.server.host, number)
    except ConfigError as exc:
        given = host if exc.key == "server.host" else port
        if given is not None:
            exc.problem = f"--{(exc.key or '').rpartition('.')[2]} {given}: {exc.problem}"
            exc.key = None
        raise


def served_config(app: Gateway | str, *, workers: int = 1) -> ServedConfig:
    """What uvicorn's server is told that is the same for every worker of a server.

    Args:
        app: The application, or where the function is that makes it.
        workers: Processes.
    """
    return ServedConfig(
        app,
        factory=isinstance(app, str),
        workers=workers,
        loop=event_loop(),
        http="gateway.transport.server.protocols:HttpProtocol",
        ws="gateway.transport.server.protocols:WebSocketProtocol",
        # Small messages: a compressor for each socket costs more than it saves.
        ws_per_message_deflate=False,
        lifespan="on",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=True,
        log_config=None,  # its lines are lines of our log
        log_level="warning",
    )


def _run(served: ServedConfig, sockets: list[Any], url: str, file: SocketFile | None) -> int:
    """Serve until the end. Gives the exit code."""
    server = AnnouncedServer(served, url, file)
    try:
        if served.workers > 1:
            return Workers(served, sockets, url).serve()
        served.load_app()
        server.run(sockets)
    except KeyboardInterrupt:
        pass
    except SystemExit:  # what is wrong has been said
        return 2
    finally:
        if file is not None:
            file.remove()
    return 0


def event_loop() -> str:
    """Where the event loop's class is; with a warning where it is not uvloop's, which costs a third less."""
    try:
        import uvloop  # noqa: F401 - only whether it is there
    except ImportError:
        say("uvloop is not installed; serving on asyncio", logging.WARNING)
    return "gateway.concurrency.frame_stack:RoomyLoop"


def worker() -> Gateway:
    """The application of one worker process, as `serve` was told."""
    given = os.environ.get(SERVE_CONFIG) or None
    config = Path(given) if given else None
    schema = [Path(item) for item in json.loads(os.environ.get(SERVE_SCHEMA, "[]"))]
    try:
        origin = origin_for(config, schema)
        shelf, digest = Shelf(os.environ.get(BROKER_DIRECTORY)), os.environ.get(SERVE_DIGEST)
        inputs = shelf.take(digest) if digest else shelf.decided()
        mock = bool(os.environ.get(SERVE_MOCK))
        with without_collector(sets_aside=True):
            gateway = Gateway.load(origin, os.environ, mock=mock, inputs=inputs)
        log_process(gateway.config.logs)
    except ConfigError as exc:
        tell_failure(error_lines(exc, config_path(config, schema)))
        raise SystemExit(2) from exc
    gateway.owns_process = True
    return gateway

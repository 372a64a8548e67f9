"""A gateway behind a real uvicorn in this process's event loop, for tests of transports that stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import uvicorn

from gateway.app.gateway import Gateway, create_app
from gateway.transport.server.protocols import HttpProtocol, WebSocketProtocol


class Server(uvicorn.Server):
    """A server that leaves the process's signals alone."""

    async def serve(self, sockets: Any = None) -> None:
        """As uvicorn's."""
        await self._serve(sockets)


class Served:
    """What runs.

    Attributes:
        app: The application.
        port: Where, on 127.0.0.1.
    """

    def __init__(self, app: Gateway, server: Server, task: asyncio.Task[None]) -> None:
        self.app = app
        self.port = server.servers[0].sockets[0].getsockname()[1]
        self._server = server
        self._task = task

    @property
    def url(self) -> str:
        """The endpoint."""
        return f"http://127.0.0.1:{self.port}/graphql"

    @property
    def connections(self) -> set[Any]:
        """The server's protocols, one for each connection that is open."""
        return self._server.server_state.connections

    async def stop(self) -> None:
        """As SIGTERM does; returns when the server is down."""
        self._server.should_exit = True
        await self._task


@asynccontextmanager
async def served(config: Path | Gateway, http: Any = HttpProtocol) -> AsyncIterator[Served]:
    """A server on a free port for the time of a `with` block.

    Args:
        config: What it serves.
        http: The server's protocol class: ours, or one of uvicorn's, which has the gateway as an ASGI application.
    """
    app = config if isinstance(config, Gateway) else create_app(config)
    settings = uvicorn.Config(
        app,
        port=0,
        http=http,
        ws=WebSocketProtocol,
        ws_max_size=app.config.subscription.max_message_bytes,
        ws_per_message_deflate=False,
        log_level="error",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="on",
        timeout_graceful_shutdown=10,
    )
    server = Server(settings)
    task = asyncio.create_task(server.serve())
    while not server.started:
        if task.done():
            await task
        await asyncio.sleep(0.001)
    running = Served(app, server, task)
    try:
        yield running
    finally:
        await running.stop()

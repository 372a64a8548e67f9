"""The gateway of the soak, in a process of its own, that also tells what it holds: `python -m tests.soak.gateway
PORT`.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvicorn

from gateway.app.gateway import Gateway, create_app
from gateway.telemetry.process import resident_bytes
from gateway.transport.http.respond import text_response
from gateway.transport.http.routes import Routes
from gateway.transport.server.protocols import HttpProtocol, WebSocketProtocol

ROOT = Path(__file__).resolve().parent.parent.parent


class WithSoak(Routes):
    """The gateway's routes and `/__soak`."""

    def __init__(self, routes: Routes, held: Callable[[], Any]) -> None:
        self._routes = routes
        self._held = held

    def find(self, path: str) -> Any:
        """As the gateway's."""
        if path == "/__soak":
            return lambda _: text_response(200, json.dumps(self._held()))
        return self._routes.match(path)


class Observed:
    """The gateway, and beside it `/__soak`: memory, descriptors, tasks, and what the policies counted."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway

    @property
    def connections(self) -> Any:
        """As the gateway's."""
        return self.gateway.connections

    @property
    def handler(self) -> Any:
        """The gateway's, with one route more."""
        routes = self.gateway.handler.routes
        if not isinstance(routes, WithSoak):
            self.gateway.handler.routes = WithSoak(routes, self.held)
        return self.gateway.handler

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.gateway(scope, receive, send)

    def held(self) -> dict[str, Any]:
        """Shape: names to numbers, and `counts` by decision."""
        gc.collect()
        gateway = self.gateway
        counters = gateway.worker.upstream.counters
        counts = {name for name, _, _ in counters.counts}
        sharing = gateway.worker.serving().sharing
        return {
            "rss": resident_bytes(),
            "fds": len(os.listdir("/proc/self/fd")),
            "tasks": len(asyncio.all_tasks()),
            "in_use": sum(policy.places.in_use for policy in gateway.worker.upstream.policies),
            "counts": {
                **{name: counters.total(name) for name in sorted(counts)},
                "operations_led": sharing.led,
                "operations_shared": sharing.shared,
            },
        }


def main() -> None:
    """Serve until a signal comes."""
    app = Observed(create_app(ROOT / "gateway.toml"))
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        loop="uvloop",
        http=HttpProtocol,
        ws=WebSocketProtocol,
        lifespan="on",
        access_log=False,
        log_level="warning",
    )


if __name__ == "__main__":
    main()

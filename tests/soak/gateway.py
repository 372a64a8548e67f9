"""The gateway of the soak, in a process of its own, that also tells what it holds: `python -m tests.soak.gateway PORT`."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from pathlib import Path
from typing import Any

import uvicorn
from starlette.responses import JSONResponse

from gateway.app import Gateway, create_app
from gateway.telemetry.process import resident_bytes
from gateway.transport.server.protocols import HttpProtocol, WebSocketProtocol

ROOT = Path(__file__).resolve().parent.parent.parent


class Observed:
    """The gateway, and beside it `/__soak`: memory, descriptors, tasks, and what the policies counted."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway

    @property
    def direct(self) -> Any:
        """The gateway's short way: what is served is the gateway."""
        return self.gateway.direct

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"] == "/__soak":
            await JSONResponse(self.held())(scope, receive, send)
        else:
            await self.gateway(scope, receive, send)

    def held(self) -> dict[str, Any]:
        """Shape: names to numbers, and `counts` by decision."""
        gc.collect()
        gateway = self.gateway
        counters = gateway.upstream.counters
        counts = {name for name, _, _ in counters.counts}
        sharing = gateway.streams.pipeline.sharing
        return {
            "rss": resident_bytes(),
            "fds": len(os.listdir("/proc/self/fd")),
            "tasks": len(asyncio.all_tasks()),
            "in_use": sum(policy.places.in_use for policy in gateway.upstream.policies),
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

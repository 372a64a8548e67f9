"""One Python backend in a process of its own: `python -m demo.serve catalog DATA_FOLDER PORT`."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from demo import catalog, search, statistics


def main() -> None:
    """Listen, say on which port, and serve."""
    name, data, port = sys.argv[1:]
    make = {
        "catalog": catalog.make_app,
        "search": search.make_app,
        "statistics": statistics.make_app,
    }
    app: ASGIApp = make[name](Path(data))
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, lifespan="off", timeout_graceful_shutdown=1
    )
    with socket.create_server(("127.0.0.1", int(port)), backlog=2048) as listener:
        print(f"{name} (http://127.0.0.1:{listener.getsockname()[1]}) started", flush=True)
        uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()

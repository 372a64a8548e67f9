"""One Python backend in a process of its own: `python -m demo.serve catalog DATA_FOLDER FD`."""

from __future__ import annotations

import sys
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from demo import catalog, search


def main() -> None:
    """Serve on the listening socket that the parent passes on."""
    name, data, descriptor = sys.argv[1:]
    app: ASGIApp = {"catalog": catalog.make_app, "search": search.make_app}[name](Path(data))
    uvicorn.run(
        app,
        fd=int(descriptor),
        log_level="warning",
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=1,
    )


if __name__ == "__main__":
    main()

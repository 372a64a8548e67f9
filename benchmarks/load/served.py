"""The gateway of the suite's peers in a process of its own, with another schema or configuration than the peer's."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.load import upstream
from benchmarks.load.process import CPUS, wait_until_served

PEER = Path(__file__).resolve().parents[1] / "peers" / "gateway"


@contextmanager
def served_gateway(
    folder: Path,
    port_of_upstream: int,
    *,
    schema: str | None = None,
    more: str = "",
    cpu: int | None = CPUS.server,
) -> Iterator[tuple[int, int]]:
    """A server for the time of a block; its port and its process.

    Args:
        folder: Where its files are written; made where it is not there.
        port_of_upstream: Of what its sources are.
        schema: In the place of the peer's.
        more: Configuration behind the peer's.
        cpu: The core that it is pinned to; None for none.

    Errors: ServerFailedError.
    """
    folder.mkdir(exist_ok=True)
    (folder / "constant.py").write_text((PEER / "constant.py").read_text())
    (folder / "schema.graphql").write_text(schema or (PEER / "schema.graphql").read_text())
    (folder / "gateway.toml").write_text((PEER / "gateway.toml").read_text() + more)
    port = upstream.free_port()
    environment = {
        **os.environ,
        "UPSTREAM": f"http://127.0.0.1:{port_of_upstream}",
        "GATEWAY_LOGS__ACCESS": os.devnull,
        "GATEWAY_TELEMETRY__METRICS__PORT": "0",
    }
    pinned = ["taskset", "-c", str(cpu)] if cpu is not None else []
    command = [*pinned, sys.executable, "-m", "gateway", "serve", "--port", str(port)]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stderr=log)
        try:
            wait_until_served(process, port, log)
            yield port, process.pid
        finally:
            process.terminate()
            process.wait(30)

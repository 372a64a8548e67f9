"""Real gateways as the pods of a test: processes with a metrics port, started, asked and killed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.platform.processes import answers, free_port, started, wait_until

CONFIG = """
[graph]
schema = ["schema.graphql"]
resolvers = "pod_resolvers"
[server]
port = {port}
workers = {workers}
[telemetry.metrics]
port = {metrics}
[logs]
access = "off"
"""
# A context factory's failure ends the whole request: a 500, as a broken release would have. A resolver's is an error
# of its field in a 200.
RESOLVERS = """
from gateway import context_factory, resolver


@context_factory
def per_request(context):
    if "x-broken" in context.headers:
        raise RuntimeError("broken")
    return {}


@resolver("Query.hello")
def hello(parent, context):
    if "x-failing" in context.headers:
        raise RuntimeError("failing")
    return "world"
"""


class Pod:
    """A gateway with ports of its own.

    Args:
        folder: For its files; made here.
        workers: Processes. One, where it is to be killed: SIGKILL would leave the others behind.
    """

    def __init__(self, folder: Path, workers: int = 1) -> None:
        self.port, self.metrics = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        folder.mkdir()
        (folder / "schema.graphql").write_text("type Query { hello: String }")
        (folder / "pod_resolvers.py").write_text(RESOLVERS)
        text = CONFIG.format(port=self.port, metrics=self.metrics, workers=workers)
        (folder / "gateway.toml").write_text(text)
        self._folder = folder

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[bytes]]:
        """Its process; it may not serve yet."""
        command = [sys.executable, "-m", "gateway", "serve"]
        # The run directory's path has to be short.
        env = {**os.environ, "TMPDIR": "/tmp"}
        log = self._folder / "serve.log"
        with started(*command, log=log, cwd=self._folder, env=env) as process:
            yield process

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Running, and it answers."""
        with self.running():
            wait_until(lambda: answers(f"{self.url}/health/ready"), "the gateway")
            wait_until(lambda: answers(f"http://127.0.0.1:{self.metrics}/metrics"), "its metrics")
            yield

    def ask(
        self,
        times: int,
        headers: dict[str, str] | None = None,
        query: str = "query Hello { hello }",
    ) -> set[int]:
        """Send so many requests; the statuses that came."""
        with httpx.Client(headers=headers) as client:
            return {
                client.post(f"{self.url}/graphql", json={"query": query}).status_code
                for _ in range(times)
            }

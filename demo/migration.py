"""`make demo-migration`: the counters of videos move from PHP to a REST service, in five steps, by real processes.

It prints what whoever moves a field would see. It ends all that it starts.
"""

from __future__ import annotations

import os
import secrets
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from typer.testing import CliRunner

from demo.backends import Backends, start_backends
from demo.processes import end, spawn, wait_until
from demo.statistics import WRONG_EVERY
from demo.store import DEFAULT_FOLDER
from gateway.cli.app import app

SCHEMA = """extend schema
  @link(url: "https://specs.apollo.dev/connect/v0.3", import: ["@connect", "@source"])
  @source(name: "monolith", http: { baseURL: "http://127.0.0.1" })
  @source(name: "statistics", http: { baseURL: "http://127.0.0.1" })

type Query {
  stats(ids: [ID!]!): [VideoStats!]
    @connect(source: "monolith", http: { GET: "/video_stats", queryParams: "'ids[]': $args.ids" }, selection: "$.result { id views likes }")
    @connect(source: "statistics", http: { GET: "/stats", queryParams: "ids: $args.ids->joinNotNull(',')" }, selection: "$.items { id views likes }")
    @override(from: "monolith", label: "stats-rest")
    @shadow(percent: 100)
}

type VideoStats {
  id: ID!
  views: Int!
  likes: Int!
}
"""
CONFIG = """
[graph]
schema = "schema.graphql"
[server]
port = {port}
workers = 2
[sources.monolith]
dialect = "php"
[admin]
port = {admin}
keys = {{ demo = "{key}" }}
[override]
anonymous_id = "header:x-visitor"
on_error = "from"
switches = "switches.json"
[override.labels]
stats-rest = false
[override.shadow]
calls_per_s = 10_000
max_pending = 10_000
max_lag_ms = 60_000
[override.promote_when]
calls = 40
matches = 0.9
p99_ratio = 0
steps = [20, 100]
[override.rollback_when]
calls = 10
errors = 0.1
[telemetry.metrics]
enabled = false
[logs]
access = "off"
"""
LABEL, FIELD = "stats-rest", "Query.stats"
ASKED, ROWS = 40, 50
PAGE = DEFAULT_FOLDER.parent / "moves.html"


class Story:
    """The gateway of the story, and the backends.

    Args:
        backends: The monolith, and the service.
        folder: Of the gateway's files.
        say: Is told each line.
    """

    def __init__(self, backends: Backends, folder: Path, say: Callable[[str], None]) -> None:
        self.backends = backends
        self.folder = folder
        self.say = say
        self.port, self.admin = _free_ports()
        self.errors = 0
        key = secrets.token_hex(16)
        (folder / "schema.graphql").write_text(SCHEMA)
        text = CONFIG.format(port=self.port, admin=self.admin, key=key)
        (folder / "gateway.toml").write_text(text)
        self._headers = {"authorization": f"Bearer {key}"}
        self._environment = {**os.environ, **backends.environment, "TMPDIR": "/tmp"}  # noqa: S108 - short enough for sockets

    @contextmanager
    def served(self) -> Iterator[None]:
        """The gateway, while the story is told."""
        log = self.folder / "serve.log"
        command = [
            sys.executable,
            "-m",
            "gateway",
            "serve",
            "-c",
            str(self.folder / "gateway.toml"),
        ]
        process = spawn(command, env=self._environment, log=log)
        try:
            wait_until(self._is_ready, process, "the gateway", 120)
            yield
        finally:
            end(process)

    def ask(self, times: int = ASKED) -> None:
        """So many visitors ask for so many videos each."""
        query = "query ($ids: [ID!]!) { stats(ids: $ids) { id views likes } }"
        with httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30) as client:
            for visitor in range(times):
                ids = [f"v{visitor % 40 * ROWS + at + 1}" for at in range(ROWS)]
                body = {"query": query, "variables": {"ids": ids}}
                headers = {"x-visitor": f"visitor {visitor}"}
                answer = client.post("/graphql", json=body, headers=headers).json()
                self.errors += len(answer.get("errors", ()))

    def state(self) -> Any:
        """What the admin port says."""
        url = f"http://127.0.0.1:{self.admin}/admin/override"
        return httpx.get(url, headers=self._headers, timeout=30).json()

    def wait(self, is_so: Callable[[Any], bool], limit_s: float = 60) -> None:
        """Wait until the admin port says so. Errors: TimeoutError."""
        latest = time.monotonic() + limit_s
        while not is_so(self.state()):
            if time.monotonic() > latest:
                raise TimeoutError(self.command("status", is_told=False))
            time.sleep(0.1)

    def command(self, *words: str, is_told: bool = True) -> str:
        """Run `gateway migrate`; what it prints. Errors: RuntimeError."""
        config = ["--config", str(self.folder / "gateway.toml")]
        ended = CliRunner().invoke(app, ["migrate", *words, *config], env=self._environment)
        if ended.exit_code:
            raise RuntimeError(f"gateway migrate {' '.join(words)}: {ended.output}")
        if is_told:
            self.say(f"$ gateway migrate {' '.join(words)}")
            for line in ended.output.replace(f"{self.folder}/", "").splitlines():
                self.say(f"  {line}")
        return ended.output

    def _is_ready(self) -> bool:
        try:
            is_ready = httpx.get(f"http://127.0.0.1:{self.port}/health/ready").is_success
            return is_ready and "moves" in self.state()
        except (httpx.HTTPError, ValueError):
            return False


def tell(story: Story) -> None:
    """The five steps."""
    say, backends = story.say, story.backends
    say("1. Compare. PHP answers; the new service is asked afterwards.")
    story.ask()
    story.wait(lambda state: state["moves"][FIELD]["calls"] >= ASKED)
    story.command("status")
    say("2. Mend. The likes of every 200th video were copied wrong; the comparison begins again.")
    backends.stop("statistics")
    backends.environ.pop(WRONG_EVERY)
    backends.start("statistics")
    story.command("forget", LABEL)
    story.ask()
    story.wait(lambda state: state["moves"][FIELD]["calls"] >= ASKED)
    story.command("status")
    say("3. A share. Each visitor stays on one side.")
    story.command("switch", LABEL, "percent(20)")
    story.ask()
    story.command("status")
    say(
        "4. The service dies while all clients have it. PHP answers in its place, and the gate ends the move."
    )
    story.command("switch", LABEL, "on")
    backends.stop("statistics")
    story.ask()
    story.wait(lambda state: state["switches"] == {LABEL: False})
    story.command("status")
    say(f"   errors that clients have seen: {story.errors}")
    say("5. It is back. All clients have it, and the old connector goes.")
    backends.start("statistics")
    story.command("switch", LABEL, "on")
    story.ask()
    story.command("finish", FIELD, "--diff", "--force")
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    story.command("report", "--html", str(PAGE))


def run_story(say: Callable[[str], None]) -> Story:
    """Start all, tell the story, and end all."""
    names: Sequence[str] = ("monolith", "statistics")
    with (
        start_backends(names=names, env={WRONG_EVERY: "200"}) as backends,
        tempfile.TemporaryDirectory(prefix="moves-") as folder,
    ):
        story = Story(backends, Path(folder), say)
        with story.served():
            tell(story)
    return story


def _free_ports() -> tuple[int, int]:
    with (
        socket.create_server(("127.0.0.1", 0)) as one,
        socket.create_server(("127.0.0.1", 0)) as two,
    ):
        return one.getsockname()[1], two.getsockname()[1]


if __name__ == "__main__":
    run_story(print)

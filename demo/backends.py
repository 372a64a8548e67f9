"""Starts the three backends on free ports, and ends them: for the runner, tests and benchmarks.

with start_backends() as backends:
    backends.urls["catalog"]        # http://127.0.0.1:41234
    backends.stop("monolith")
    backends.start("monolith")      # at the same address
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from demo.processes import ChildError, end, spawn, wait_until
from demo.store import DEFAULT_FOLDER, ROOT, ensure_data

NAMES = ("catalog", "monolith", "search")
HOST = "127.0.0.1"
ROUTER = Path(__file__).resolve().parent / "monolith" / "router.php"
# The data is one big constant: opcache keeps it in memory that the workers share, also when it is new.
OPCACHE = (
    "opcache.enable=1",
    "opcache.enable_cli=1",
    "opcache.validate_timestamps=0",
    "opcache.file_update_protection=0",
)


def php() -> str | None:
    """Where PHP's command is, None when it is not installed."""
    return shutil.which("php")


class Backends:
    """The running backends.

    Attributes:
        urls: Base URL by name, without a slash at the end; kept when a backend is stopped.
        processes: The running ones.
        data: The folder with their data.
        environ: Of the processes that are started from now on.
    """

    def __init__(self, data: Path, state: Path, env: Mapping[str, str]) -> None:
        self.urls: dict[str, str] = {}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.data = data
        self._state = state
        self.environ = {**env, "DEMO_DATA": str(data), "DEMO_STATE": str(state)}

    @property
    def environment(self) -> dict[str, str]:
        """What tells a gateway where the backends are."""
        return {f"GATEWAY_SOURCES__{name.upper()}__URL": url for name, url in self.urls.items()}

    def start(self, name: str, port: int = 0) -> None:
        """Start a backend and wait until it answers; once started it keeps its port.

        Errors: ChildError.
        """
        if name in self.urls:
            port = int(self.urls[name].rpartition(":")[2])
        log = self._state / f"{name}.log"
        env = {"PHP_CLI_SERVER_WORKERS": "8", "PYTHONPATH": str(ROOT), **self.environ}
        process = self.processes[name] = spawn(self._command(name, port), env=env, log=log)
        # Each takes its port itself and tells it: a port that is chosen before may be taken by then.
        told: list[str] = []

        def has_told() -> bool:
            told[:] = re.findall(r"\(http://[\d.]+:(\d+)\) started", log.read_text("latin-1"))
            return bool(told)

        wait_until(has_told, process, name)
        self.urls[name] = f"http://{HOST}:{told[0]}"
        wait_until(lambda: self._answers(name), process, name)

    def _command(self, name: str, port: int) -> list[str]:
        if name != "monolith":
            return [sys.executable, "-m", "demo.serve", name, str(self.data), str(port)]
        command = php()
        if command is None:
            raise ChildError("php is not installed (apt-get install php-cli)")
        options = [part for option in OPCACHE for part in ("-d", option)]
        # -q: no line for each request.
        return [command, "-q", *options, "-S", f"{HOST}:{port}", str(ROUTER)]

    def stop(self, name: str) -> None:
        """End a backend; its port refuses connections from then on."""
        end(self.processes.pop(name))

    def stop_ended(self) -> list[str]:
        """The backends that ended by themselves, with what was left of them ended too."""
        names = [name for name, process in self.processes.items() if process.poll() is not None]
        for name in names:
            self.stop(name)
        return names

    def stop_all(self) -> None:
        """End what runs."""
        for name in list(self.processes):
            self.stop(name)

    def stats(self, name: str) -> dict[str, int]:
        """How many requests each endpoint of a backend got."""
        with urllib.request.urlopen(f"{self.urls[name]}/__stats", timeout=10) as answer:  # noqa: S310 - our own
            body: dict[str, Any] = json.load(answer)
        return dict(body["requests"])

    def reset_stats(self) -> None:
        """Set the counts of every running backend to nothing."""
        for name in self.processes:
            request = urllib.request.Request(f"{self.urls[name]}/__stats", method="DELETE")  # noqa: S310
            urllib.request.urlopen(request, timeout=10).close()  # noqa: S310 - our own

    def _answers(self, name: str) -> bool:
        try:
            self.stats(name)
        except (urllib.error.URLError, OSError):
            return False
        return True


@contextmanager
def start_backends(
    folder: Path = DEFAULT_FOLDER,
    names: Sequence[str] = NAMES,
    *,
    env: Mapping[str, str] | None = None,
    ports: Mapping[str, int] | None = None,
) -> Iterator[Backends]:
    """Make the data, start backends, and end them with the block.

    Args:
        folder: Where the data is or is to be.
        names: Which ones.
        env: More environment for them, such as DEMO_CATALOG_LATENCY_MS.
        ports: Fixed ports by name; the others are free ones.

    Errors: ChildError when one does not start.
    """
    data = ensure_data(folder)
    with tempfile.TemporaryDirectory(prefix="demo-") as state:
        backends = Backends(data, Path(state), {**os.environ, **(env or {})})
        try:
            for name in names:
                backends.start(name, (ports or {}).get(name, 0))
            yield backends
        finally:
            backends.stop_all()

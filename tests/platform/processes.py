"""Real programs for a test: started on loopback, awaited, ended by their own pid, their output kept."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

PATH_OF_ADMINS = "/usr/sbin:/usr/bin:/sbin:/bin"


def program(name: str) -> str:
    """The path of an installed program. Fails with what to install."""
    found = shutil.which(name) or shutil.which(name, path=PATH_OF_ADMINS)
    assert found, f"{name} is missing: sh tests/platform/install.sh"
    return found


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(true: Callable[[], bool], what: str, seconds: float = 60) -> float:
    """Poll until something real has happened; the seconds that it took."""
    started = time.monotonic()
    while not true():
        passed = time.monotonic() - started
        assert passed < seconds, f"{what}: not within {seconds:.0f} s"
        time.sleep(0.05)
    return time.monotonic() - started


def answers(url: str) -> bool:
    """Whether a GET of this URL gives a 200."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@contextmanager
def started(
    *command: str, log: Path, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A running program; SIGTERM at the end, SIGKILL if that is not enough."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [program(command[0]) if "/" not in command[0] else command[0], *command[1:]],
            stdout=output, stderr=subprocess.STDOUT, cwd=cwd, env=env,
        )  # fmt: skip
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

"""A started server: its process tree's CPU time and memory, from the kernel's accounting."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from benchmarks.load.contestants import Contestant
from benchmarks.load.upstream import free_port, wait_for_port


@dataclass(frozen=True, slots=True)
class Cpus:
    """Which core does what: the server alone on the first, as far as there are cores."""

    server: int
    load: int
    upstream: int
    count: int


def allowed_cpus() -> list[int]:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def _cpus() -> Cpus:
    allowed = allowed_cpus()
    load = allowed[1 % len(allowed)]
    return Cpus(allowed[0], load, allowed[2] if len(allowed) > 2 else load, len(allowed))


CPUS = _cpus()
# Under callgrind on a machine that is busy it takes 40; a server that ends is not waited for.
START_S = 120.0
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class ServerFailedError(Exception):
    """It ended, or did not listen in time; the text has the end of its output."""


def wait_until_served(process: subprocess.Popen[bytes], port: int, log: IO[bytes]) -> None:
    """Return when a process listens. Errors: ServerFailedError with the end of what it has written to `log`."""
    try:
        wait_for_port(port, START_S, alive=lambda: process.poll() is None)
    except TimeoutError as exc:
        log.seek(0)
        raise ServerFailedError(log.read().decode(errors="replace")[-600:].strip()) from exc


class Server:
    """A started contestant."""

    def __init__(self, contestant: Contestant, pid: int, port: int) -> None:
        self.contestant = contestant
        self.pid = pid
        self.port = port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.contestant.path}"

    def cpu_s(self) -> float:
        """User and system time of the process tree so far, seconds."""
        return sum(_cpu_s(pid) for pid in tree(self.pid))

    def rss_mb(self, what: str = "VmRSS") -> float:
        """Resident memory of the process tree now; `VmHWM`: at its highest."""
        return sum(_memory_kb(pid, what) for pid in tree(self.pid)) / 1024


@contextmanager
def started(
    contestant: Contestant, scenario: str, upstream: int, cpu: int | None
) -> Iterator[Server]:
    """Start a contestant pinned to `cpu`, wait until it listens, end it afterwards.

    Errors: ServerFailedError.
    """
    port = free_port()
    fill = {"port": str(port), "upstream": f"http://127.0.0.1:{upstream}", "scenario": scenario}
    command = [
        part.format_map(fill) if part.startswith("{") else part for part in contestant.command
    ]
    env = {**os.environ, **{k: v.format_map(fill) for k, v in contestant.env.items()}}
    pin = [] if cpu is None else ["taskset", "-c", str(cpu)]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [*pin, *command], env=env, cwd=contestant.cwd, stdout=log, stderr=log
        )
        try:
            wait_until_served(process, port, log)
            yield Server(contestant, process.pid, port)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)


def tree(pid: int) -> list[int]:
    """A process and its descendants."""
    found = [pid]
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += tree(int(child))
    except OSError:  # it has ended meanwhile
        return found
    return found


def _cpu_s(pid: int) -> float:
    """Nanoseconds where the kernel keeps them (schedstat of each thread), else ticks of 10 ms."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9
    except (OSError, IndexError):
        pass
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:  # it has ended meanwhile
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def _memory_kb(pid: int, what: str) -> int:
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:  # it has ended meanwhile
        return 0
    found = re.search(rf"{what}:\s+(\d+) kB", text)
    return int(found.group(1)) if found else 0

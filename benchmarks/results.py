"""The result file: what was measured, on which machine, of which versions, by which command.

Plain data that is written as JSON and read again; what it says is only ever shown, never edited.
"""

from __future__ import annotations

import os
import platform
import shutil
import statistics
import subprocess
import sys
import sysconfig
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import msgspec

from benchmarks.load.contestants import NODE
from benchmarks.load.process import CPUS
from benchmarks.load.traffic import Kind

FORMAT = 2
FOLDER = Path("var/bench")
VERSIONS = (
    "compiled-graphql-gateway", "graphql-core", "uvicorn", "uvloop", "httptools", "aiohttp", "httpx",
    "msgspec", "orjson", "starlette", "aiodataloader", "strawberry-graphql", "ariadne",
)  # fmt: skip


class Pass(msgspec.Struct, kw_only=True):
    """One pass of load on one server.

    Units: `cpu_us` and `upstream_calls` per request; latencies in milliseconds.
    """

    cpu_us: float
    requests_per_s: float
    p50_ms: float
    p99_ms: float
    p999_ms: float
    upstream_calls: float
    requests: int
    errors: int = 0


class OpenLoop(msgspec.Struct, kw_only=True):
    """Latencies at a constant rate, each counted from when its request was due.

    Attributes:
        latencies_ms: At each of `openloop.PERCENTILES`.
        unanswered: Still open when the load ended, or failed.
    """

    rate: float
    seconds: float
    answered: int
    unanswered: int
    latencies_ms: list[float]


class Peer(msgspec.Struct, kw_only=True):
    """One server in one scenario.

    Attributes:
        passes: Under varied traffic; `identical` and `encoded` under those, where the scenario has them.
        status: "timed", "wrong answer", "unavailable" or "failed"; `detail` says why it was not timed.
    """

    name: str
    family: str
    status: str = "timed"
    detail: str = ""
    passes: list[Pass] = []
    identical: list[Pass] = []
    encoded: list[Pass] = []
    rss_mb: float = 0.0
    open_loop: list[OpenLoop] = []

    def of(self, kind: Kind) -> list[Pass]:
        """The passes under one kind of traffic."""
        return {"varied": self.passes, "identical": self.identical, "encoded": self.encoded}[kind]

    def series(self, what: str, kind: Kind = "varied") -> list[float]:
        """One figure of each pass."""
        return [getattr(one, what) for one in self.of(kind)]

    def median(self, what: str) -> float:
        """The middle one. Errors: StatisticsError for a peer that was not timed."""
        return statistics.median(self.series(what))


class Scenario(msgspec.Struct, kw_only=True):
    """One scenario's servers."""

    name: str
    title: str
    query: str
    connections: int
    peers: list[Peer] = []

    def timed(self) -> list[Peer]:
        """Those with passes, cheapest first."""
        return sorted((p for p in self.peers if p.passes), key=lambda p: p.median("cpu_us"))

    def peer(self, name: str) -> Peer | None:
        """The timed one of that name."""
        return next((peer for peer in self.peers if peer.name == name and peer.passes), None)


class Curve(msgspec.Struct, kw_only=True):
    """How a cost grows: points of (amount of work, cost), and the exponent that fits them."""

    name: str
    who: str
    x_label: str
    y_label: str
    points: list[tuple[float, float]]
    exponent: float | None = None


class Result(msgspec.Struct, kw_only=True):
    """One run of the suite.

    Attributes:
        targets: The scenarios measured over, with passes enough for a verdict.
    """

    format: int = FORMAT
    made: str
    command: str
    commit: str
    machine: dict[str, str]
    versions: dict[str, str]
    scenarios: list[Scenario] = []
    curves: list[Curve] = []
    targets: list[Scenario] = []

    def scenario(self, name: str) -> Scenario | None:
        return next((item for item in self.scenarios if item.name == name), None)


def new_result(command: str) -> Result:
    """An empty result of now, here."""
    return Result(
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M"),
        command=command,
        commit=commit(),
        machine=machine(),
        versions=versions(),
    )


def load(path: Path) -> Result:
    """Errors: ValueError when it is no result file of this format."""
    try:
        result = msgspec.json.decode(path.read_bytes(), type=Result)
    except msgspec.DecodeError as exc:
        raise ValueError(f"{path} is no result file: {exc}") from exc
    if result.format != FORMAT:
        raise ValueError(f"{path} has format {result.format}; this suite reads {FORMAT}")
    return result


def save(result: Result, path: Path) -> None:
    """Write it, indented, so that two files can be read beside each other."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=1))


def commit() -> str:
    """The short hash of the checked-out commit, with `+` when tracked files were changed; or "unknown"."""
    git = shutil.which("git")
    if git is None:
        return "unknown"
    try:
        found = subprocess.run(
            [git, "describe", "--always", "--dirty=+", "--exclude=*"],
            capture_output=True, text=True, check=True, cwd=Path(__file__).parent,
        )  # fmt: skip
    except subprocess.CalledProcessError:
        return "unknown"
    return found.stdout.strip()


def machine() -> dict[str, str]:
    """What the figures depend on, without the machine's name."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cpu": _cpu_model(),
        "cores": str(CPUS.count),
        "memory": f"{memory:.0f} GB",
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "build": "optimized" if is_optimized() else "not optimized",
    }


def is_optimized() -> bool:
    """Whether this interpreter was compiled with a profile of itself, which makes it a fifth faster.

    CPython's own recipe says so; those that distributions ship, in `/usr`, are all made that way.
    """
    flags = " ".join(str(sysconfig.get_config_var(name)) for name in ("CONFIG_ARGS", "PY_CFLAGS"))
    return (
        "--enable-optimizations" in flags or "-fprofile-use" in flags or sys.base_prefix == "/usr"
    )


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def versions() -> dict[str, str]:
    """Of what takes part and is installed."""
    found = {"python": sys.version.split()[0]}
    for name in VERSIONS:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found | _node_versions()


def _node_versions() -> dict[str, str]:
    """Of node and the JavaScript peers, where they are installed."""
    program = shutil.which("node")
    if program is None or not (NODE / "node_modules").exists():
        return {}
    ran = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    wanted = msgspec.json.decode((NODE / "package.json").read_bytes())
    return {"node": ran.stdout.strip().lstrip("v"), **wanted["dependencies"]}

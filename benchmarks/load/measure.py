"""CPU time per request of a server under wrk, in passes that are interleaved with those of its rivals."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.load.upstream import free_port, wait_for_port
from benchmarks.stats import Interval, median_of_ratios

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
SERVER_CPU, LOAD_CPU = 0, 1


@dataclass(frozen=True, slots=True)
class Contestant:
    """One server of a scenario.

    Attributes:
        name: In tables.
        command: Arguments; `{port}` and `{upstream}` are filled in.
        path: Request path.
        body: JSON body of the POST.
        expected: The exact answer as a JSON value; a contestant that answers otherwise is not timed.
        env: Added to the environment.
    """

    name: str
    command: Sequence[str]
    body: bytes
    expected: object
    path: str = "/graphql"
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Sample:
    """One pass.

    Units: `cpu_us` per request; latencies in milliseconds.
    """

    cpu_us: float
    requests_per_s: float
    p50_ms: float
    p99_ms: float
    errors: int


class Running:
    """A started server: its process, and the samples taken of it."""

    def __init__(self, contestant: Contestant, process: subprocess.Popen[bytes], port: int) -> None:
        self.contestant = contestant
        self.process = process
        self.port = port
        self.samples: list[Sample] = []
        self.rss_mb = 0.0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.contestant.path}"

    def ask(self) -> object:
        """One request, decoded. Errors: URLError."""
        import orjson

        request = urllib.request.Request(
            self.url,
            data=self.contestant.body,
            headers={"content-type": "application/json", "accept": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return orjson.loads(answer.read())

    def cpu_s(self) -> float:
        """User and system time of the process tree so far, seconds."""
        return sum(_cpu_ticks(pid) for pid in tree(self.process.pid)) / TICKS_PER_S


@contextmanager
def started(contestant: Contestant, upstream: int, cpu: int | None) -> Iterator[Running]:
    """Start a contestant pinned to `cpu`, wait until it listens, end it afterwards."""
    port = free_port()
    fill = {"port": str(port), "upstream": f"http://127.0.0.1:{upstream}"}
    command = [part.format_map(fill) if "{" in part else part for part in contestant.command]
    env = {**os.environ, **{k: v.format_map(fill) for k, v in contestant.env.items()}}
    pin = [] if cpu is None else ["taskset", "-c", str(cpu)]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen([*pin, *command], env=env, stdout=log, stderr=log)
        try:
            try:
                wait_for_port(port)
            except TimeoutError:
                log.seek(0)
                sys.stderr.write(log.read().decode(errors="replace")[-2000:])
                raise
            yield Running(contestant, process, port)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)


def compare(
    contestants: Sequence[Contestant],
    upstream: int,
    *,
    passes: int = 20,
    pass_s: float = 1.0,
    connections: int = 32,
) -> list[Running]:
    """Measure all contestants in turn, `passes` times over.

    A contestant whose answer is wrong is reported on standard error and left out.
    """
    with ExitStack() as stack:
        running = [stack.enter_context(started(item, upstream, SERVER_CPU)) for item in contestants]
        right = [item for item in running if _answers_rightly(item)]
        script = stack.enter_context(wrk_scripts())
        for item in right:
            one_pass(item, script, 0.5, connections)  # warm up
        for _ in range(passes):
            for item in right:
                item.samples.append(one_pass(item, script, pass_s, connections))
        for item in right:
            item.rss_mb = sum(_rss_kb(pid) for pid in tree(item.process.pid)) / 1024
        return right


def _answers_rightly(item: Running) -> bool:
    try:
        answer = item.ask()
    except OSError as exc:
        answer = repr(exc)
    if answer == item.contestant.expected:
        return True
    print(f"not timed, wrong answer: {item.contestant.name}: {str(answer)[:300]}", file=sys.stderr)
    return False


@contextmanager
def wrk_scripts() -> Iterator[Path]:
    """A folder for the Lua scripts that carry the request bodies."""
    with tempfile.TemporaryDirectory(prefix="bench-wrk-") as folder:
        yield Path(folder)


def one_pass(item: Running, folder: Path, seconds: float, connections: int) -> Sample:
    """Load one server with wrk. Errors: RuntimeError when wrk fails."""
    script = folder / f"{item.port}.lua"
    if not script.exists():
        body = item.contestant.body.decode().replace("]]", "] ]")
        script.write_text(
            f'wrk.method = "POST"\nwrk.body = [[{body}]]\n'
            'wrk.headers["content-type"] = "application/json"\n'
            'wrk.headers["accept"] = "application/json"\n'
        )
    program = shutil.which("wrk")
    if program is None:
        raise RuntimeError("wrk is not installed")
    before, begin = item.cpu_s(), time.monotonic()
    run = subprocess.run(
        ["taskset", "-c", str(LOAD_CPU), program, "-t1", f"-c{connections}",
         f"-d{max(1, round(seconds))}s", "--latency", "-s", str(script), item.url],
        capture_output=True, text=True, check=True, timeout=seconds + 30,
    )  # fmt: skip
    used = item.cpu_s() - before
    wall = time.monotonic() - begin
    text = run.stdout
    requests = int(re.search(r"(\d+) requests in", text).group(1))  # type: ignore[union-attr]
    errors = sum(map(int, re.findall(r"(?:connect|read|write|timeout) (\d+)", text)))
    if bad := re.search(r"Non-2xx or 3xx responses: (\d+)", text):
        errors += int(bad.group(1))
    return Sample(
        cpu_us=used / max(requests, 1) * 1e6,
        requests_per_s=requests / wall,
        p50_ms=_latency_ms(text, "50%"),
        p99_ms=_latency_ms(text, "99%"),
        errors=errors,
    )


def ratio(first: Running, second: Running) -> Interval:
    """The CPU per request of `first` over that of `second`, pass by pass."""
    return median_of_ratios(
        [sample.cpu_us for sample in first.samples], [sample.cpu_us for sample in second.samples]
    )


def tree(pid: int) -> list[int]:
    """A process and its descendants."""
    found = [pid]
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += tree(int(child))
    except OSError:
        pass
    return found


def _cpu_ticks(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return int(fields[11]) + int(fields[12])


def _rss_kb(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = re.search(r"VmRSS:\s+(\d+) kB", text)
    return int(found.group(1)) if found else 0


def _latency_ms(text: str, percentile: str) -> float:
    found = re.search(rf"{percentile}\s+([\d.]+)(us|ms|s)", text)
    if found is None:
        return float("nan")
    return float(found.group(1)) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[found.group(2)]

"""What cost and quotas cost, and whether quotas hold: `python -m benchmarks quotas [--seconds 60] [--pairs 10]`.

in process    the estimate and the count of posts-and-users, and a quota in memory: CPU µs
whole         posts-and-users with varied traffic: the same server without and with all of it, in pairs whose order
              alternates; CPU time of the server alone
over quota    four workers and one Redis, asked twice what the quota admits: what was admitted, and what was expected;
              in the middle of another run Redis is ended: no answer may be a 5xx
"""

from __future__ import annotations

import asyncio
import signal
import statistics
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from graphql import OperationDefinitionNode, parse
from rich.console import Console
from rich.table import Table

from benchmarks.identity import cost_us, cpu_s, load
from benchmarks.load import data, upstream
from benchmarks.load.process import CPUS
from benchmarks.load.served import PEER, served_gateway
from benchmarks.load.traffic import varied_requests
from benchmarks.stats import median_of_ratios
from gateway.app.build import build_graph
from gateway.app.config import build_config
from gateway.auth.principal import ANONYMOUS
from gateway.cost.formula import Given
from gateway.cost.operation_cost import OperationCosts
from gateway.cost.settings import CostSettings
from gateway.cost.tally import Tally
from gateway.quotas.quotas import Quotas, QuotaSubject, Taken
from gateway.quotas.settings import QuotaPolicy, QuotaSettings, WindowSettings

ALL_OF_IT = """
[cost]
mode = "enforce"
max = 1_000_000
[[quotas.policies.default.windows]]
requests = 1_000_000
seconds = 10
[[quotas.policies.default.windows]]
cost = 1_000_000_000
seconds = 3600
"""
# What one second admits, and how often more is asked.
PER_SECOND, OVER, SECONDS_OF_WINDOW = 200, 2.0, 2
CONSTANT = b'{"query":"{ greeting }"}'
REQUEST = (
    b"POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
    % (len(CONSTANT), CONSTANT)
)
SHARED = """
[server]
workers = 4
[redis]
url = "redis://127.0.0.1:{port}/0"
[quotas]
store = "redis"
[[quotas.policies.default.windows]]
requests = {quota}
seconds = {seconds}
"""


def parts() -> Iterator[tuple[str, float, float]]:
    """Each cost in process: what it is of, CPU µs, and its target."""
    tables = {"graph": {"schema": ["schema.graphql"], "resolvers": "constant"}}
    graph = build_graph(build_config(tables), PEER, {})
    assert graph.schema is not None
    document = parse(
        "query($id: Int!) { post(id: $id) { title } " + data.POSTS_AND_USERS.strip()[1:]
    )
    operation: Any = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    cost = OperationCosts(graph.schema, CostSettings()).compile(document, operation, {})
    given = Given({"id": 1})
    yield "the estimate of an operation", cost_us(lambda _: cost.formula.value(given), 50_000), 2.0
    user = {"id": 1, "name": "a", "email": "b"}
    answer = {"posts": [{"title": str(n), "user": user} for n in range(100)], "post": None}

    def count(_: int) -> None:
        Tally(cost, given).take(answer)

    yield "the count of 100 posts and users", cost_us(count, 5_000), 0.0
    windows = (WindowSettings(requests=10**6, seconds=10), WindowSettings(cost=10**9, seconds=3600))
    for what, settings in (("one window", windows[:1]), ("two windows", windows)):
        quotas = Quotas(QuotaSettings(policies={"default": QuotaPolicy(windows=settings)}), 1)
        subject = quotas.subject_of(ANONYMOUS, None)
        assert subject is not None

        def take(n: int, quotas: Quotas = quotas, subject: QuotaSubject = subject) -> None:
            taken = quotas.take(subject, str(n % 1_000), 5)
            assert isinstance(taken, Taken)
            assert taken.back_at_s is not None
            subject.policy.tell(taken.back_at_s, taken.at_s)

        yield f"a quota in memory and its headers, {what}", cost_us(take, 20_000), 2.0


def whole(root: Path, pairs: int, count: int) -> list[list[float]]:
    """CPU µs of one request without any of it and with all of it, pair by pair."""
    found: list[list[float]] = [[], []]
    body = b'{"query":' + _quoted(data.POSTS_AND_USERS) + b"}"
    requests = varied_requests(body, "/graphql", "localhost")
    with ExitStack() as stack:
        source = stack.enter_context(upstream.started("fast", CPUS.upstream))
        servers = [
            stack.enter_context(served_gateway(root / name, source, more=more))
            for name, more in (("off", ""), ("on", ALL_OF_IT))
        ]
        for port, _ in servers:
            asyncio.run(load(port, requests, count))
        for turn in range(pairs):
            for side in (0, 1) if turn % 2 else (1, 0):
                port, pid = servers[side]
                begin = cpu_s(pid)
                asyncio.run(load(port, requests, count))
                found[side].append((cpu_s(pid) - begin) / count * 1e6)
    return found


def _quoted(text: str) -> bytes:
    import orjson

    return orjson.dumps(text)


async def ask_at_rate(port: int, seconds: float, at_half: Callable[[], None]) -> Counter[int]:
    """Ask at a steady rate over several connections; the statuses of the answers."""
    statuses: Counter[int] = Counter()
    connections = 40
    pause_s = connections / (PER_SECOND * OVER)
    begin = time.monotonic()

    async def ask(number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.sleep(pause_s * number / connections)
        while time.monotonic() - begin < seconds:
            due = time.monotonic() + pause_s
            writer.write(REQUEST)
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
            statuses[int(head[9:12])] += 1
            await asyncio.sleep(max(0.0, due - time.monotonic()))
        writer.close()

    async def interrupt() -> None:
        await asyncio.sleep(seconds / 2)
        at_half()

    await asyncio.gather(interrupt(), *map(ask, range(connections)))
    return statuses


@contextmanager
def redis(folder: Path) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """A Redis server of its own."""
    folder.mkdir()
    port = upstream.free_port()
    options = [
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--appendonly",
        "no",
        "--save",
        "",
        "--logfile",
        "log",
    ]
    process = subprocess.Popen(["redis-server", *options], cwd=folder)
    try:
        upstream.wait_for_port(port, alive=lambda: process.poll() is None)
        yield port, process
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(30)


def over_quota(root: Path, seconds: float, *, kills: bool) -> tuple[Counter[int], float]:
    """The statuses of a run at twice the quota, and what was expected to be admitted."""
    quota = PER_SECOND * SECONDS_OF_WINDOW
    with redis(root / f"redis-{kills}") as (redis_port, server):
        more = SHARED.format(port=redis_port, quota=quota, seconds=SECONDS_OF_WINDOW)
        with served_gateway(root / f"shared-{kills}", 1, more=more, cpu=None) as (port, _):
            kill = lambda: server.send_signal(signal.SIGKILL) if kills else None  # noqa: E731
            found = asyncio.run(ask_at_rate(port, seconds, kill))
    return found, quota + PER_SECOND * seconds


def measure_quotas(seconds: float, pairs: int, count: int) -> int:
    """Print all of it; 1 where a quota did not hold, or an answer was a 5xx."""
    console = Console(width=120)
    table = Table("in process", "CPU µs", "target", title_justify="left")
    for what, cost, target in parts():
        table.add_row(what, f"{cost:.2f}", f"≤ {target:g}" if target else "")
    console.print(table)
    failed = False
    with tempfile.TemporaryDirectory(prefix="bench-quotas-") as name:
        root = Path(name)
        if pairs:
            table = Table("whole request", "without µs", "with µs", "ratio [95 %]", "≤ 1.03")
            without, with_it = whole(root, pairs, count)
            ratio = median_of_ratios(with_it, without)
            medians = (f"{statistics.median(series):.0f}" for series in (without, with_it))
            table.add_row("posts-and-users", *medians, str(ratio), ratio.verdict(1.03))
            console.print(table)
        table = Table("four workers, Redis", "admitted", "expected", "off by", "5xx")
        for what, kills in (("at twice the quota", False), ("Redis killed in the middle", True)):
            found, expected = over_quota(root, seconds, kills=kills)
            errors = sum(n for status, n in found.items() if status >= 500)
            off = found[200] / expected - 1
            failed |= bool(errors) or (not kills and abs(off) > 0.02)
            table.add_row(what, str(found[200]), f"{expected:.0f}", f"{off:+.2%}", str(errors))
        console.print(table)
    return int(failed)

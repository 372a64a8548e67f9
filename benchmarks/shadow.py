"""What `@shadow` costs: `python -m benchmarks.shadow [--pairs 20] [--requests 400] [--rate 40]`.

A pair takes about 21 seconds, of which 20 are the fixed rate; 24 pairs take nine minutes. A half that has not ended in
its time by the rate and 30 seconds ends the run with an error.

in process    the draw of a request: CPU µs
5 %           posts-and-users, the type User with a shadow: CPU of the server beside the same without, in pairs whose
              order alternates, as fast as a few connections ask
100 %         the same at a fixed rate, within the default budget: the clients' 99th percentile beside the same without
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.table import Table

from benchmarks.identity import cost_us, cpu_s, load
from benchmarks.load import data, upstream
from benchmarks.load.process import CPUS
from benchmarks.load.served import PEER, served_gateway
from benchmarks.load.traffic import varied_requests
from benchmarks.stats import median_of_ratios
from gateway.override.buckets import bucket_of, prefix_of

BODY = json.dumps({"query": data.POSTS_AND_USERS}).encode()
ALONE = """type User
  @connect(
    source: "people"
    http: { GET: "/users", queryParams: "id: $batch.id" }
    selection: "id name email"
  )"""
MOVED = """
  @connect(
    source: "numbers"
    http: { GET: "/users", queryParams: "id: $batch.id" }
    selection: "id name email"
  )
  @override(from: "people", label: "users")"""
SPARE_S = 30.0
T = TypeVar("T")
OFF = "[override.labels]\nusers = false\n"


@contextmanager
def moving(folder: Path, source: int, shadow: str) -> Iterator[tuple[int, int]]:
    """A server whose users move, pinned; its port and its process."""
    schema = (PEER / "schema.graphql").read_text()
    assert ALONE in schema
    moved = schema.replace(ALONE, ALONE + MOVED + shadow)
    with served_gateway(folder, source, schema=moved, more=OFF) as served:
        yield served


async def paced(port: int, requests: Iterator[bytes], count: int, rate: float) -> list[float]:
    """Seconds of each answer at a fixed rate, from when its request was due."""
    loop = asyncio.get_running_loop()
    begin = loop.time() + 0.05

    async def one(number: int) -> float:
        due = begin + number / rate
        await asyncio.sleep(max(0.0, due - loop.time()))
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(next(requests))
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        body = await reader.readexactly(length)
        took_s = loop.time() - due
        if body.count(b'"email":"') != 100:
            raise RuntimeError((head + body)[:500].decode())
        writer.close()
        return took_s

    return list(await asyncio.gather(*(one(number) for number in range(count))))


async def timed(work: Awaitable[T], most_s: float) -> T:
    """What some work gives. Errors: TimeoutError where it takes longer: no run of the benchmark hangs."""
    async with asyncio.timeout(most_s):
        return await work


def pairs_of(
    root: Path, shadow: str, pairs: int, count: int, rate: float | None
) -> list[list[float]]:
    """Without and with, pair by pair: CPU µs of a request, or the p99 in ms at a rate."""
    found: list[list[float]] = [[], []]
    requests = varied_requests(BODY, "/graphql", "localhost")
    with ExitStack() as stack:
        source = stack.enter_context(upstream.started("fast", CPUS.upstream))
        servers = [
            stack.enter_context(moving(root / f"{len(os.listdir(root))}", source, one))
            for one in ("", shadow)
        ]
        for port, _ in servers:
            asyncio.run(timed(load(port, requests, 300), SPARE_S))
        for turn in range(pairs):
            for side in (0, 1) if turn % 2 else (1, 0):
                port, pid = servers[side]
                begin = cpu_s(pid)
                if rate is not None:
                    paced_s = count / rate + SPARE_S
                    took = sorted(asyncio.run(timed(paced(port, requests, count, rate), paced_s)))
                    found[side].append(took[int(len(took) * 0.99)] * 1e3)
                    continue
                asyncio.run(timed(load(port, requests, count), SPARE_S))
                time.sleep(0.2)  # what is compared ends after the last answer
                found[side].append((cpu_s(pid) - begin) / count * 1e6)
    return found


def main() -> int:
    """Print both tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.shadow", description=__doc__)
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--requests", type=int, default=400, help="of one half of a pair")
    parser.add_argument("--rate", type=float, default=40.0, help="requests in a second, at 100 %%")
    options = parser.parse_args()
    console, prefix = Console(width=120), prefix_of("", "@shadow")
    cost = cost_us(lambda number: bucket_of(prefix, f"{number:032x}") < 500, 50_000)
    console.print(f"the draw of a request: {cost:.2f} µs, ≤ 3")
    table = Table("", "without", "with", "ratio [95 %]", "target")
    with tempfile.TemporaryDirectory(prefix="bench-shadow-") as name:
        for what, percent, rate, target in (
            ("5 %: CPU µs of a request", 5, None, 1.03),
            ("100 %: p99, ms", 100, options.rate, 1.05),
        ):
            shadow = f" @shadow(percent: {percent})"
            without, with_it = pairs_of(Path(name), shadow, options.pairs, options.requests, rate)
            ratio = median_of_ratios(with_it, without)
            medians = (f"{statistics.median(series):.1f}" for series in (without, with_it))
            table.add_row(what, *medians, str(ratio), f"≤ {target}: {ratio.verdict(target)}")
    console.print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())

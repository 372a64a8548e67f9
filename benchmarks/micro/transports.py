"""What one upstream call costs on each transport: `python -m benchmarks.micro.transports [--rounds 15]`.

GET of a small and of a 5 KB JSON answer from nginx in a process of its own, body read as bytes, at
three concurrencies. CPU time of this process on one pinned core, in rounds that are interleaved so that
what slows the machine slows all; beside them the smallest client that can be written by hand.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import statistics
import sys
import time
from collections.abc import Awaitable, Callable

import orjson
import uvloop
from rich.console import Console
from rich.table import Table

from benchmarks.load import data, upstream
from benchmarks.load.process import CPUS
from benchmarks.peers.bare_client import Client
from gateway.upstream.build_transport import build_transport
from gateway.upstream.settings import SourceSettings
from gateway.upstream.transport import Transport, UpstreamRequest

CONCURRENCIES = (1, 16, 64)
CALLS = 1920
HEADERS = (
    ("accept", "application/json"),
    ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    ("x-request-id", "0af7651916cd43dd8448eb211c80319c"),
)
FILES = {"small": data.posts()[0], "users": data.users()}

Get = Callable[[str], Awaitable[bytes]]


def by_hand(base: str) -> Get:
    """The floor: no headers of its caller, no deadline, no limit."""
    client = Client(base)

    async def get(path: str) -> bytes:
        return await client.get(path.encode())

    return get


def by_transport(transport: Transport, base: str) -> Get:
    """One of ours, through the port."""
    time_of = asyncio.get_running_loop().time

    async def get(path: str) -> bytes:
        request = UpstreamRequest("GET", base + path, HEADERS, source="bench")
        response = await transport.send(request, time_of() + 30)
        return await response.read(1 << 24)

    return get


async def cpu_us(get: Get, path: str, concurrency: int) -> float:
    """CPU µs a call, over `CALLS` calls."""

    async def worker(calls: int) -> None:
        for _ in range(calls):
            await get(path)

    begin = time.process_time()
    await asyncio.gather(*(worker(CALLS // concurrency) for _ in range(concurrency)))
    return (time.process_time() - begin) / CALLS * 1e6


async def measure(port: int, rounds: int) -> dict[tuple[str, str, int], list[float]]:
    """All samples by client, path and concurrency. Errors: ValueError for a wrong answer."""
    base = f"http://127.0.0.1:{port}"
    native = build_transport(SourceSettings(transport="native"))
    clients = {
        "bare floor": by_hand(base),
        "native": by_transport(native, base),
    }
    samples: dict[tuple[str, str, int], list[float]] = {}
    for name, get in clients.items():
        for file, value in FILES.items():
            if orjson.loads(await get("/" + file)) != value:
                raise ValueError(f"{name} gave a wrong answer for {file}")
    for turn in range(rounds + 1):
        for file in FILES:
            for concurrency in CONCURRENCIES:
                for name, get in clients.items():
                    took = await cpu_us(get, "/" + file, concurrency)
                    if turn:  # the first one warms up
                        samples.setdefault((name, file, concurrency), []).append(took)
    await native.aclose()
    return samples


def table(samples: dict[tuple[str, str, int], list[float]]) -> Table:
    """Median and lowest of each."""
    columns = [(file, concurrency) for file in FILES for concurrency in CONCURRENCIES]
    made = Table(title="CPU µs a call, median (lowest)", title_justify="left")
    made.add_column("client")
    for file, concurrency in columns:
        size = len(orjson.dumps(FILES[file]))
        made.add_column(f"{size} B, {concurrency}", justify="right")
    for name in dict.fromkeys(key[0] for key in samples):
        cells = [samples[name, file, concurrency] for file, concurrency in columns]
        made.add_row(name, *(f"{statistics.median(cell):.1f} ({min(cell):.1f})" for cell in cells))
    return made


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.micro.transports", description=__doc__
    )
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    with upstream.nginx(FILES, CPUS.upstream) as port:
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, {CPUS.server})
        samples = uvloop.run(measure(port, options.rounds))
    Console(width=140).print(table(samples))
    print(
        f"{platform.machine()}, Python {platform.python_version()}, {options.rounds} rounds of {CALLS} calls"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Load at a constant rate: `python -m benchmarks.load.openloop URL BODY RATE SECONDS`.

Requests are due at fixed times whatever the server does, and a latency is counted from when its request was
*due*: a server that stalls is charged for everybody who would have come meanwhile (coordinated omission
is what a closed loop hides). Prints one line of JSON.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httptools
import msgspec
import uvloop

from benchmarks.load.traffic import varied_requests

PERCENTILES = (50.0, 75.0, 90.0, 95.0, 99.0, 99.5, 99.9, 99.95, 99.99)
GRACE_S = 2.0
MAX_CONNECTIONS = 512
# What is due meanwhile is sent together: a turn of the loop for each would cost more than the requests.
LEAST_SLEEP_S = 0.001
now = time.perf_counter  # the loop's own clock counts in milliseconds


class Answer(msgspec.Struct):
    """What the generator prints: see `benchmarks.results.OpenLoop`."""

    answered: int
    unanswered: int
    latencies_ms: list[float]


@dataclass(slots=True)
class Load:
    """Requests that are due, and what became of them.

    Attributes:
        requests: What is sent, one after the other.
        waiting: When each request was due that has no connection yet.
        latencies_s: From due to answered, of those that were answered with 200.
        refusals_s: From sent to answered, of those that were answered with 503.
        expected_bytes: Of a good answer's body; another 200 has failed. None takes any.
        max_connections: Beyond that, what is due waits here.
    """

    host: str
    port: int
    requests: Iterator[bytes]
    waiting: deque[float] = field(default_factory=deque)
    idle: list[Connection] = field(default_factory=list)
    latencies_s: list[float] = field(default_factory=list)
    refusals_s: list[float] = field(default_factory=list)
    failed: int = 0
    expected_bytes: int | None = None
    max_connections: int = MAX_CONNECTIONS
    connections: int = 0
    open: set[Connection] = field(default_factory=set)
    opening: set[asyncio.Task[None]] = field(default_factory=set)

    def due(self, when: float) -> None:
        """A request's time has come: send it, or let it wait for a connection."""
        if self.idle:
            self.idle.pop().send(when)
            return
        self.waiting.append(when)
        if self.connections < self.max_connections:
            self.connections += 1
            loop = asyncio.get_running_loop()
            self.opening.add(task := loop.create_task(self._open()))
            task.add_done_callback(self.opening.discard)

    async def open_all(self) -> None:
        """Every connection before the first request: opening them is no part of what is measured."""
        while self.connections < self.max_connections:
            self.connections += 1
            await self._open()

    async def _open(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.create_connection(lambda: Connection(self), self.host, self.port)
        except OSError:  # its request goes to another connection, or stays unanswered
            self.connections -= 1

    def free(self, connection: Connection) -> None:
        """A connection has nothing to do."""
        if self.waiting:
            connection.send(self.waiting.popleft())
        else:
            self.idle.append(connection)


class Connection(asyncio.Protocol):
    """One kept-alive connection with at most one request on it."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.transport: Any = None
        self.parser: Any = None
        self.when = self.sent = 0.0
        self.is_busy = False
        self.size_bytes = 0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.load.open.add(self)
        self.load.free(self)

    def send(self, when: float) -> None:
        """Send the request that was due at `when`."""
        self.when, self.is_busy = when, True
        self.sent = now()
        self.size_bytes = 0
        self.parser = httptools.HttpResponseParser(self)
        self.transport.write(next(self.load.requests))

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self.size_bytes += len(body)

    def on_message_complete(self) -> None:
        self.is_busy = False
        is_right = self.load.expected_bytes in (None, self.size_bytes)
        if self.parser.get_status_code() == 200 and is_right:
            self.load.latencies_s.append(now() - self.when)
        else:
            self.load.failed += 1
            if self.parser.get_status_code() == 503:
                self.load.refusals_s.append(now() - self.sent)
        self.load.free(self)

    def connection_lost(self, _exc: Exception | None) -> None:
        self.load.connections -= 1
        self.load.open.discard(self)
        if self.is_busy:
            self.load.failed += 1
        elif self in self.load.idle:
            self.load.idle.remove(self)


async def generate(url: str, body: bytes, rate: float, seconds: float) -> Answer:
    """Send `rate` requests a second for `seconds`; those without an answer in the end are unanswered."""
    load = made(url, body)
    total = await drive(load, rate, seconds)
    return summary(load.latencies_s, total)


def made(url: str, body: bytes, max_connections: int = MAX_CONNECTIONS) -> Load:
    """A load that nothing of was sent yet."""
    parts = urlsplit(url)
    host, port = parts.hostname or "127.0.0.1", parts.port or 80
    requests = varied_requests(body, parts.path, parts.netloc)
    return Load(host, port, requests, max_connections=max_connections)


async def drive(load: Load, rate: float, seconds: float) -> int:
    """Send at that rate, wait for the last answers, and give how many were due."""
    total, sent, start = max(int(rate * seconds), 1), 0, now()
    while sent < total:
        time_now = now()
        while sent < total and start + sent / rate <= time_now:
            load.due(start + sent / rate)
            sent += 1
        await asyncio.sleep(max(start + sent / rate - now(), LEAST_SLEEP_S))
    end = now() + GRACE_S
    while len(load.latencies_s) + load.failed < total and now() < end:  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    return total


def summary(latencies_s: list[float], total: int) -> Answer:
    """The histogram of what was answered, and how many of `total` were not."""
    ordered = sorted(latencies_s)
    found = [percentile(ordered, at) * 1000 for at in PERCENTILES] if ordered else []
    return Answer(len(ordered), total - len(ordered), found)


def percentile(ordered: list[float], at: float) -> float:
    """The smallest value that at least `at` per cent are not above (nearest rank)."""
    rank = -(-len(ordered) * at // 100)
    return ordered[min(max(int(rank), 1), len(ordered)) - 1]


def main() -> None:
    url, body, rate, seconds = sys.argv[1:5]
    answer = uvloop.run(generate(url, Path(body).read_bytes(), float(rate), float(seconds)))
    sys.stdout.write(msgspec.json.encode(answer).decode() + "\n")


if __name__ == "__main__":
    main()

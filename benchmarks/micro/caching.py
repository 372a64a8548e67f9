"""What stored answers cost and save: `python -m benchmarks.micro.caching [--pairs 20]`.

A request of posts-and-users from its text to its bytes, over a transport that answers at once: with the cache off, with
answers that may not be kept, with those that are stored each time, from memory, and from Redis (a redis-server is
started where there is one). In interleaved pairs on one pinned core, each beside the first. Then how long it takes
until a second pod has heard of a purge, and how many calls reach the origin where pages are asked for by Zipf's law.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import sys
import tempfile
import time
from bisect import bisect_left
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import accumulate
from pathlib import Path
from random import Random

import orjson
from rich.console import Console
from rich.table import Table

from benchmarks.load import data
from benchmarks.load.needed import check_needed
from benchmarks.micro.timing import RUNNER, measure
from benchmarks.stats import median_of_ratios
from gateway.admin.commands import Command
from gateway.app.config import load_config
from gateway.app.gateway import Gateway
from gateway.client.request import ClientRequest
from gateway.concurrency.awaitable import value_of
from gateway.pipeline.operation import GraphQLParams, Operation
from gateway.testing import FakeAnswer, FakeSource

FOLDER = Path(__file__).resolve().parent.parent / "peers" / "gateway"
Run = Callable[[], Awaitable[bytes]]
PURGES = 40
PAGES, TTL_S, RATES, SECONDS = 1000, 10.0, (200, 2000), 60


class CachedGateway:
    """A gateway in this process over a backend that answers at once.

    Args:
        control: What the backend says of caching.
        more: Members of the environment beside.
    """

    def __init__(self, control: str, **more: str) -> None:
        headers = {"content-type": "application/json", "cache-control": control}
        source = FakeSource({
            "GET /posts": FakeAnswer(body=orjson.dumps(data.posts()), headers=headers),
            "GET /users": FakeAnswer(body=orjson.dumps(data.users()), headers=headers),
        })  # fmt: skip
        environment = {
            "UPSTREAM": "http://127.0.0.1:1",
            "GATEWAY_LOGS__ACCESS": os.devnull,
            "GATEWAY_TRAFFIC_SHAPING__ROUTER__DEDUPE__ENABLED": "false",
            **more,
        }
        self.app = Gateway(load_config(FOLDER / "gateway.toml", environment), FOLDER, {})
        self.app.transports = {"api": source, "people": source, "numbers": source, "": source}
        self.heard: Callable[[], None] = lambda: None
        self._lifespan = self.app.lifespan()
        RUNNER.run(self._lifespan.__aenter__())

    async def run(self) -> bytes:
        """One request."""
        serving = self.app.worker.serving()
        client = ClientRequest({}, request_id="r")
        context = await value_of(serving.new_context(client))
        operation = Operation(GraphQLParams(data.POSTS_AND_USERS), client, serving)
        return (await value_of(serving.pipeline.run(operation, context))).body

    async def forget(self) -> bytes:
        """One request that finds nothing in memory."""
        self.app.worker.upstream.memory._entries.clear()
        self.app.worker.upstream.memory.size_bytes = 0
        return await self.run()

    def hear(self) -> None:
        """A purge has come."""
        self.heard()

    def close(self) -> None:
        RUNNER.run(self._lifespan.__aexit__(None, None, None))


def cached(on: bool) -> dict[str, str]:
    """The environment that switches the cache on."""
    return {f"GATEWAY_SOURCES__{n}__CACHE__ENABLED": str(on).lower() for n in ("api", "people")}


@contextmanager
def redis_server() -> Iterator[str | None]:
    """The URL of a redis-server of its own; None where none is installed."""
    if shutil.which("redis-server") is None:
        yield None
        return
    check_needed(extras=["redis"])
    from tests.support.redis_server import RedisServer

    with tempfile.TemporaryDirectory() as folder:
        server = RedisServer(Path(folder))
        server.start()
        try:
            yield server.url
        finally:
            server.stop()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.micro.caching", description=__doc__)
    parser.add_argument("--pairs", type=int, default=20)
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {0})
    console = Console(width=120)
    with ExitStack() as stack:
        plain = CachedGateway("max-age=600", **cached(on=False))
        stack.callback(plain.close)
        miss = CachedGateway("no-store", **cached(on=True))
        stack.callback(miss.close)
        hit = CachedGateway("max-age=600", **cached(on=True))
        stack.callback(hit.close)
        expected = orjson.loads(RUNNER.run(plain.run()))
        cases: list[tuple[str, Run]] = [
            ("not kept: asked each time", miss.run),
            ("stored each time", hit.forget),
            ("from memory", hit.run),
        ]
        url = stack.enter_context(redis_server())
        if url is not None:
            more = {"GATEWAY_REDIS__URL": url, "GATEWAY_RESPONSE_CACHE__REDIS__ENABLED": "true"}
            shared = CachedGateway("max-age=600", **cached(on=True), **more)
            stack.callback(shared.close)
            tier = shared.app.worker.upstream.shared
            assert tier is not None
            while not tier.is_usable:
                RUNNER.run(asyncio.sleep(0.01))
            RUNNER.run(shared.run())
            RUNNER.run(tier.lines.settle())
            cases.append(("from Redis, memory empty", shared.forget))
            other = CachedGateway("max-age=600", **cached(on=True), **more)
            stack.callback(other.close)
            follows = other.app.worker.upstream.shared
            assert follows is not None
            while not follows.is_usable:
                RUNNER.run(asyncio.sleep(0.01))
            heard = sorted(RUNNER.run(purged(shared, other)) for _ in range(PURGES))
            console.print(
                f"A purge reaches another pod by Redis in {heard[PURGES // 2] * 1e3:.1f} ms "
                f"(median of {PURGES}; the longest {heard[-1] * 1e3:.1f} ms)"
            )
        table = Table(title="posts-and-users, kept answers", title_justify="left")
        for column in ("", "µs", "cache off µs", "ratio [95 %]"):
            table.add_column(column, justify="left" if not column else "right")
        for name, run in cases:
            assert orjson.loads(RUNNER.run(run())) == expected
            first, second = measure(run, plain.run, options.pairs)
            middles = (f"{sorted(s)[len(s) // 2] * 1e6:,.0f}" for s in (first, second))
            table.add_row(name, *middles, str(median_of_ratios(first, second)))
        console.print(table)
    for rate in RATES:
        console.print(
            f"{PAGES:,} pages by Zipf's law, {rate:,} requests a second for {SECONDS} s, TTL {TTL_S:g} s: "
            f"{zipf(rate):.1%} of the requests reach the origin"
        )
    return 0


async def purged(one: CachedGateway, other: CachedGateway) -> float:
    """Seconds from a purge at one pod until another has heard of it."""
    heard = asyncio.Event()
    other.heard = heard.set
    other.app.worker.upstream.memory.watch(other.hear)
    purge = Command("benchmark", [{"kind": "subgraph", "subgraph": "api"}])
    begin = time.perf_counter()
    told = await one.app.worker.commands.actions["POST", "/invalidation"](purge)
    assert told.status == 202
    await heard.wait()
    return time.perf_counter() - begin


def zipf(rate: int) -> float:
    """The part of requests that reach the origin, with the cache itself on a clock that is moved."""
    from tests.upstream.cache.origin import Origin

    rng = Random("zipf")
    weights = list(accumulate(1 / rank for rank in range(1, PAGES + 1)))
    origin = Origin(max_bytes=2**26)
    origin.says(cache_control=f"max-age={TTL_S:.0f}")

    async def ask() -> None:
        for _ in range(rate * SECONDS):
            origin.now += 1 / rate
            await origin.read(f"http://s/{bisect_left(weights, rng.random() * weights[-1])}")

    RUNNER.run(ask())
    return len(origin.asked) / (rate * SECONDS)


if __name__ == "__main__":
    sys.exit(main())

"""A purge in one worker is one in its neighbors."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from gateway.app.config import build_config
from gateway.app.purges import TOPIC, PurgeRelay
from gateway.broker.settings import BrokerSettings
from gateway.broker.unix import UnixBroker
from gateway.testing import GatewayClient
from gateway.upstream.cache.memory import MemoryCache
from gateway.upstream.cache.tags import url_tag
from gateway.upstream.transport import Fetched, UpstreamRequest
from tests.support.redis_server import RedisServer
from tests.upstream.cache.origin import Origin

SDL = """
extend schema @link(url: "https://specs.apollo.dev/connect/v0.3", import: ["@connect"])
type Query { a: Int @connect(http: {GET: "http://x.test/"}, selection: "$") }
"""
SETTINGS = BrokerSettings(max_queue=3, max_event_bytes=1_000)


@pytest.fixture
async def workers() -> AsyncIterator[list[Origin]]:
    """Two workers of one machine with a source each."""
    origins = [Origin(), Origin()]
    with tempfile.TemporaryDirectory(prefix="broker-") as folder:
        brokers = [UnixBroker(SETTINGS, folder) for _ in origins]
        for broker in brokers:
            await broker.connect()
        relays = [PurgeRelay(o.memory, b) for o, b in zip(origins, brokers, strict=True)]
        for relay in relays:
            relay.open()
        await asyncio.sleep(0)
        yield origins
        for relay in relays:
            await relay.aclose()
        for broker in brokers:
            await broker.aclose()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():
            await asyncio.sleep(0.001)


async def test_a_write_of_one_worker_is_seen_by_the_other(workers: list[Origin]) -> None:
    for worker in workers:
        worker.says(cache_control="max-age=60")
        assert [await worker.body("http://s/1"), await worker.body("http://s/2")] == [1, 2]
    first, second = workers
    first.cache.write(UpstreamRequest("POST", "http://s/1"), Fetched(200, [], b""))
    await until(lambda: second.memory.purges == 1)
    assert [await second.body("http://s/1"), await second.body("http://s/2")] == [3, 2]
    assert first.memory.purges == 1, "it hears of its own once"


async def test_what_is_too_much_for_one_event_is_told_in_parts(workers: list[Origin]) -> None:
    first, second = workers
    second.says(cache_control="max-age=60")
    assert [await second.body("http://s/1"), await second.body("http://s/2")] == [1, 2]
    first.memory.purge([*(f"tag-{number}" for number in range(150)), url_tag("http://s/1")])
    await until(lambda: second.memory.purges == 2)
    assert [await second.body("http://s/1"), await second.body("http://s/2")] == [3, 2]


async def test_a_tag_that_is_too_much_to_tell_empties_the_other(workers: list[Origin]) -> None:
    first, second = workers
    second.says(cache_control="max-age=60")
    await second.read()
    first.memory.purge(["t" * 1_000])
    await until(lambda: len(second.memory) == 0)
    assert await second.body() == 2


async def test_who_has_missed_a_purge_keeps_nothing(workers: list[Origin]) -> None:
    first, second = workers
    second.says(cache_control="max-age=60")
    await second.read()
    for number in range(50):
        first.memory.purge([str(number)])
    await until(lambda: second.memory.purges >= 50 or len(second.memory) == 0)
    first.memory.purge(["http://s/"])
    (request,) = second.asked
    await until(lambda: second.memory.lookup(request) is None)


async def test_neighbors_are_told_while_the_redis_of_topics_and_answers_hangs(
    tmp_path: Path,
) -> None:
    (tmp_path / "schema.graphql").write_text(SDL)
    server = RedisServer(tmp_path)
    server.start()
    config = build_config(
        {
            "graph": {"schema": ["schema.graphql"]},
            "redis": {"url": server.url, "timeout_s": 0.5},
            "pubsub": {"kind": "redis"},
            "response_cache": {"redis": {"enabled": True}},
        }
    )
    try:
        async with GatewayClient(config, base=tmp_path) as client, asyncio.timeout(60):
            worker = client.app.worker
            heard = worker.house.subscribe(TOPIC)
            server.pause()
            worker.upstream.memory.purge(["tag s users"])
            assert (await anext(aiter(heard)))["tags"] == ["tag s users"]
            server.resume()
    finally:
        server.stop()


def test_nobody_is_told_where_there_is_nobody() -> None:
    memory = MemoryCache(1000)
    memory.purge(["a"])
    assert memory.on_purge is None

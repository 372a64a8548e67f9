"""Whoever asks the origin for all pods: a purge ends its lease, so that nobody waits for what may be gone."""

from __future__ import annotations

import asyncio

import pytest

from .test_redis import pods, until

HOUR = 3600.0


async def test_a_neighbor_that_speaks_after_the_stream_leaves_no_doubt(redis_url: str) -> None:
    async with pods(redis_url, lease_s=0.0) as (one, two), asyncio.timeout(60):
        assert await one.relay.purge(["tag s users"])
        await until(lambda: two.shared.log.last == one.shared.log.sent)
        assert await one.body() == b"1"
        await one.shared.lines.settle()
        two.relay._hear({"by": "a neighbor", "tags": ["tag s users"]})
        assert await two.body() == b"1"
        assert two.origin.asked == 2, "it may be from before"
        two.memory.clear()
        told = {"by": "a neighbor", "tags": ["tag s users"]}
        two.relay._hear({**told, "number": [one.shared.log.sent[0] + 1, 0]})
        await two.body()
        assert two.origin.asked == 3, "the stream was not heard so far"
        two.memory.clear()
        two.relay._hear({**told, "number": list(one.shared.log.sent)})
        await two.body()
        assert two.origin.asked == 3


@pytest.mark.parametrize("reader", [0, 1])
async def test_nobody_waits_for_a_fill_from_before_a_purge(redis_url: str, reader: int) -> None:
    async with pods(redis_url, lease_s=HOUR) as both, asyncio.timeout(60):
        one, origin = both[0], both[0].origin
        for pod in both:  # that its answers are kept is known
            pod.cache.tiers._kept.add("e")
        assert await one.body() == b"1"
        await one.shared.lines.settle()
        origin.version = 2
        assert await one.relay.purge(["tag s users"])
        await until(lambda: both[1].shared.log.last == one.shared.log.newest)
        assert await both[reader].body() == b"2"
        assert origin.asked == 2


async def test_who_waits_for_a_fill_asks_when_a_purge_comes(redis_url: str) -> None:
    async with pods(redis_url, lease_s=HOUR) as (one, two), asyncio.timeout(60):
        origin = one.origin
        for pod in (one, two):
            pod.cache.tiers._kept.add("e")
        origin.waits = asyncio.Event()
        first = asyncio.create_task(one.body())
        await until(lambda: origin.asked == 1)
        second = asyncio.create_task(two.body())
        for _ in range(5):
            await asyncio.sleep(0)
        assert origin.asked == 1
        await one.relay.purge(["tag s users"])
        await until(lambda: origin.asked == 2)
        origin.waits.set()
        assert list(await asyncio.gather(first, second)) == [b"1", b"1"]

"""Whoever asks the origin for all pods: a purge ends its lease, so that nobody waits for what may be gone."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from pathlib import Path

import pytest

from gateway.app.purges import PurgeRelay
from gateway.broker.local import LocalBroker
from gateway.broker.settings import BrokerSettings
from gateway.errors import UpstreamError
from gateway.upstream.cache import purge_log, untold
from gateway.upstream.transport import Fetched, UpstreamRequest
from tests.support.redis_server import RedisServer

from .test_redis import FRESH, pods, until

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


async def test_a_purge_that_its_neighbor_never_sends_is_sent(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The neighbor was held up with Redis, or has ended."""
    async with pods(redis_url, lease_s=0.0) as (one, two), asyncio.timeout(60):
        assert await one.body() == b"1"
        await one.shared.lines.settle()
        assert await two.body() == b"1"
        one.origin.version = 2
        monkeypatch.setattr(untold, "DOUBT_S", 0.0)
        two.relay._hear({"by": "a neighbor", "tags": ["tag s users"]})
        assert await two.body() == b"2", "it counts before anybody has sent it"
        await until(lambda: one.memory.purges > 0)
        one.memory.clear()
        assert await one.body() == b"2"
        assert not two.shared.log.untold.doubted


TOO_LARGE = "t" * 500
HOUSE = BrokerSettings(max_event_bytes=400, max_queue=8)


@pytest.mark.parametrize("way", ["a tag that no event holds", "a worker that ends", "lost events"])
async def test_whoever_is_told_all_uses_nothing_from_before(redis_url: str, way: str) -> None:
    """Neither of its memory nor of Redis, whichever way it comes to be told, and before the stream tells it."""
    async with pods(redis_url, lease_s=0.0) as (one, two), asyncio.timeout(60):
        house = LocalBroker(HOUSE)
        for pod in (one, two):
            await pod.relay.aclose()
            pod.relay = PurgeRelay(pod.memory, house, pod.shared if pod is two else None)
            pod.relay.open()
        await asyncio.sleep(0)
        assert await one.body() == b"1"
        await one.shared.lines.settle()
        assert await two.body() == b"1"
        one.origin.version = 2
        if way == "a tag that no event holds":
            await one.relay.purge([TOO_LARGE])
        elif way == "a worker that ends":
            one.relay._shared = one.shared
            one.shared.log.untold.keep([TOO_LARGE])
            await one.relay.aclose()
        else:
            house.fail()
        await until(lambda: two.memory.purges > 0)
        assert await two.body() == b"2", "nothing was found"
        assert two.origin.asked == 2


async def test_lost_events_purge_nothing_for_other_pods(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has purged is there, and sends it."""
    async with pods(redis_url, lease_s=0.0) as (one, two), asyncio.timeout(60):
        monkeypatch.setattr(untold, "DOUBT_S", 0.0)
        two.shared.log.untold.doubt_all()
        assert not two.shared.log.untold.texts()
        await until(lambda: not two.shared.log.untold.doubted)
        assert await two.relay.purge(["tag s other"])
        await until(lambda: one.memory.purges > 0)
        assert one.shared.log._all_purged == purge_log.NOTHING


async def test_workers_that_are_replaced_while_redis_hangs_lose_no_purge(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each ends after the next has begun, and none of them can send."""
    monkeypatch.setattr(untold, "DOUBT_S", 0.0)
    server = RedisServer(tmp_path)
    server.start()
    house = LocalBroker(BrokerSettings())
    try:
        async with (
            pods(server.url, 3, lease_s=0.0, invalidate_timeout_s=0.2) as workers,
            asyncio.timeout(60),
        ):
            first, _, third = workers
            assert await first.body() == b"1"
            await first.shared.lines.settle()
            for worker in workers:
                await worker.relay.aclose()
                worker.relay = PurgeRelay(worker.memory, house, worker.shared)
            first.relay.open()
            server.pause()
            assert not await first.relay.purge(["tag s users"])
            first.origin.version = 2
            for old, new in pairwise(workers):
                new.relay.open()
                await asyncio.sleep(0)
                assert not new.shared.log.untold.texts()
                await old.relay.aclose()
                assert old.shared.log._following is not None
                old.shared.log._following.cancel()
                await until(lambda log=new.shared.log: bool(log.untold.texts()))  # type: ignore[misc]
            server.resume()
            await until(lambda: third.shared.is_usable)
            assert await third.body() == b"2"
            await until(lambda: third.shared.log.sent != purge_log.NOTHING)
    finally:
        server.stop()


async def test_a_worker_that_ends_sends_what_is_left(redis_url: str) -> None:
    async with pods(redis_url, lease_s=0.0) as (one, two), asyncio.timeout(60):
        log = one.shared.log
        assert log._following is not None
        log._following.cancel()
        log.untold.keep(["tag s users"])  # Redis has not taken it
        await one.shared.aclose()
        await until(lambda: two.memory.purges > 0)
        assert not log.untold.unsent


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


async def test_nobody_waits_for_a_call_that_has_kept_nothing(redis_url: str) -> None:
    """Its lease has an hour to go, and answers of its endpoint are kept otherwise."""
    async with pods(redis_url, lease_s=HOUR) as (one, two), asyncio.timeout(60):
        origin = one.origin
        for pod in (one, two):
            pod.cache.tiers._kept.add("e")
        for headers in ([("cache-control", "no-store")], FRESH):
            origin.headers, asked = headers, origin.asked
            assert await one.body() == b"1"
            await one.shared.lines.settle()
            for pod in (one, two):
                pod.cache.tiers._kept.add("e")
            assert await two.body() == b"1"
            assert origin.asked == asked + (1 if headers is FRESH else 2)
            one.memory.clear()
            two.memory.clear()


async def test_nobody_waits_for_a_call_that_has_failed(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with pods(redis_url, lease_s=HOUR) as (one, two), asyncio.timeout(60):
        for pod in (one, two):
            pod.cache.tiers._kept.add("e")

        async def fail(_: UpstreamRequest) -> Fetched:
            raise UpstreamError("HTTP_CLIENT_ERROR", source="s", detail="away")

        with monkeypatch.context() as away:
            away.setattr(one.origin, "fetch", fail)
            with pytest.raises(UpstreamError):
                await one.body()
        await one.shared.lines.settle()
        assert await two.body() == b"1"


async def test_what_is_given_while_it_is_refreshed_waits_for_nobody(redis_url: str) -> None:
    async with pods(redis_url, lease_s=HOUR) as (one, two), asyncio.timeout(60):
        one.origin.headers = [("cache-control", "public, max-age=0, stale-while-revalidate=600")]
        assert await one.body() == b"1"
        await one.shared.lines.settle()
        one.origin.version = 2
        for pod in (two, one):  # the second finds a lease that is held
            pod.cache.tiers._kept.add("e")
            pod.memory.clear()
            one.origin.waits = asyncio.Event()
            assert await pod.body() == b"1"
        await until(lambda: one.origin.asked == 2)


async def test_who_waits_for_a_lease_asks_when_redis_is_gone(tmp_path: Path) -> None:
    server = RedisServer(tmp_path)
    server.start()
    async with pods(server.url, lease_s=HOUR) as (one, two), asyncio.timeout(60):
        for pod in (one, two):
            pod.cache.tiers._kept.add("e")
        one.origin.waits = asyncio.Event()
        first = asyncio.create_task(one.body())
        await until(lambda: one.origin.asked == 1)
        second = asyncio.create_task(two.body())
        server.stop()
        await until(lambda: one.origin.asked == 2)
        one.origin.waits.set()
        assert list(await asyncio.gather(first, second)) == [b"1", b"1"]

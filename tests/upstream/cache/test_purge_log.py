"""The stream of purges, and what is made of it where it cannot be read, is gone, or another server has it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from gateway.upstream.cache import purge_log, untold
from tests.support.redis_server import RedisServer

from .test_redis import pods, until

STREAM = "test:cache:purges"


@pytest.mark.parametrize(
    "entry", [{"a": "b"}, {"by": "x", "tags": "{"}, {"by": "x", "tags": "[1]"}]
)
async def test_a_purge_that_cannot_be_read_purges_everything(
    redis_url: str, entry: dict[Any, Any]
) -> None:
    async with pods(redis_url, lease_s=0.0) as (one, two), asyncio.timeout(60):
        await one.body()
        await one.shared.lines.settle()
        await two.body()
        one.origin.version = 2
        await one.client.xadd(STREAM, entry)
        await until(lambda: one.memory.purges > 0 and two.memory.purges > 0)
        assert await two.body() == b"2"
        one.origin.version = 3
        assert await one.relay.purge(["tag s users"])
        await until(lambda: two.shared.log.last == one.shared.log.sent)
        assert [await two.body(), await one.body()] == [b"3", b"3"]
        async with pods(redis_url, 1, lease_s=0.0) as (late,):
            assert await late.body() in (b"1", b"3"), "its own origin's, or what was stored since"
            assert late.shared.is_usable


async def test_purges_that_come_while_redis_hangs_wait_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (purge_log, untold):
        monkeypatch.setattr(module, "MOST_TAGS", 3)
    server = RedisServer(tmp_path)
    server.start()
    async with (
        pods(server.url, invalidate_timeout_s=0.2, lease_s=0.0) as (one, two),
        asyncio.timeout(60),
    ):
        await two.body("http://s/other")
        tried, write = [], one.shared.log._write

        async def count(told: dict[Any, Any]) -> Any:
            tried.append(told)
            return await write(told)

        monkeypatch.setattr(one.shared.log, "_write", count)
        server.pause()
        told = await asyncio.gather(*(one.relay.purge([f"tag s {n}"]) for n in range(25)))
        assert not any(told)
        assert len(tried) <= 2, "and whoever follows the stream"
        assert one.shared.log.is_purged(one.shared.log.last, ["tag s 1"])
        assert len(one.shared.log.untold.unsent) == 1, "more than are remembered are all of them"
        server.resume()
        await until(lambda: not one.shared.log.untold.unsent and two.memory.purges > 0)
        one.origin.version = 2
        assert await two.body("http://s/other") == b"2"
    server.stop()


@pytest.mark.parametrize("has_snapshot", [True, False])
async def test_a_server_that_forgets_purges_makes_nobody_give_what_was_purged(
    tmp_path: Path, has_snapshot: bool
) -> None:
    """It comes back with what it had before the purge, or with nothing."""
    server = RedisServer(tmp_path)
    server.start()
    async with pods(server.url, lease_s=0.0) as (one, two), asyncio.timeout(60):
        assert await one.relay.purge(["tag s other"])
        await until(lambda: two.shared.log.last == one.shared.log.sent)
        await one.body()
        await one.shared.lines.settle()
        await two.body()
        if has_snapshot:
            await one.client.save()
        await two.shared.log.aclose()  # it is cut off
        one.origin.version = 2
        assert await one.relay.purge(["tag s users"])
        server.stop()
        server.start()
        async with pods(server.url, 1, lease_s=0.0) as (late,):
            late.origin.version = 2
            assert await late.body() == b"2"
        two.shared.log.open()
        await until(lambda: two.shared.is_usable)
        assert await two.body() == b"2"
        await until(lambda: one.shared.is_usable)
        assert await one.relay.purge(["tag s users"])
    server.stop()

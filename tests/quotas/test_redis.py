"""Quotas in a real Redis: one command for all that is demanded in one turn; and what holds without it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.asyncio import Redis

from gateway.app.config import build_config
from gateway.quotas import redis_windows
from gateway.quotas.redis_windows import RedisWindows, StoreAwayError
from gateway.quotas.settings import QuotaPolicy, WindowSettings
from gateway.quotas.windows import Verdict, Window, refunds_s, windows_of
from gateway.redis.client import make_redis
from gateway.redis.settings import RedisSettings
from gateway.testing import GatewayClient
from tests.quotas.test_served import RESOLVERS, ROWS, SCHEMA, tables
from tests.support.redis_server import RedisServer

BURST = WindowSettings(requests=100, seconds=3600, name="burst")
COST = WindowSettings(cost=1_000, seconds=3600, name="cost")
WINDOWS = windows_of(QuotaPolicy(windows=(BURST, COST)))


@asynccontextmanager
async def store(
    server: RedisServer, prefix: str, timeout_s: float = 5.0
) -> AsyncIterator[RedisWindows]:
    client: Redis = make_redis(RedisSettings(url=server.url, timeout_s=5.0), "quotas.store")
    windows = RedisWindows(client, prefix, timeout_s)
    try:
        yield windows
    finally:
        await windows.aclose()
        await client.aclose()


def left(verdict: Verdict) -> list[int]:
    return [state.window.left(state.ahead_s) for state in verdict.states]


async def test_all_windows_are_decided_together(shared_redis: RedisServer) -> None:
    async with store(shared_redis, "together:") as windows:
        first = await windows.take("a", WINDOWS, 1, 900)
        refused = await windows.take("a", WINDOWS, 1, 200)
        again = await windows.take("a", WINDOWS, 1, 100)
        never = await windows.take("a", WINDOWS, 1, 1001)
    assert (first.is_admitted, left(first)) == (True, [99, 100])
    assert (refused.is_admitted, left(refused)) == (False, [99, 100])
    assert refused.tightest.window.title == "cost"
    assert 300 < refused.tightest.wait_s <= 360
    assert (again.is_admitted, left(again)) == (True, [98, 0])
    assert never.tightest.wait_s == float("inf")


async def test_one_command_for_all_that_one_turn_demands(shared_redis: RedisServer) -> None:
    with redis.Redis(port=shared_redis.port) as direct:
        async with store(shared_redis, "turn:") as windows:
            await windows.take("a", WINDOWS, 1, 0)
            before = commands(direct)
            found = await asyncio.gather(*(windows.take("a", WINDOWS, 1, 0) for _ in range(120)))
            after = commands(direct)
        assert sum(verdict.is_admitted for verdict in found) == 99
        assert after - before == 1
        assert direct.ttl("turn:quota:a") > 3500


def commands(direct: Any) -> int:
    return int(direct.info("commandstats").get("cmdstat_evalsha", {}).get("calls", 0))


async def test_what_was_not_needed_comes_back(shared_redis: RedisServer) -> None:
    async with store(shared_redis, "back:") as windows:
        assert (await windows.take("a", WINDOWS, 1, 1_000)).is_admitted
        for cost in (700, 800):
            windows.give_back("a", WINDOWS, refunds_s(WINDOWS, 1_000, cost, 0))
        windows._give_back_now()
        verdict = await windows.take("a", WINDOWS, 1, 0)
    assert left(verdict) == [98, 500]


async def test_workers_share_what_is_counted_there(shared_redis: RedisServer) -> None:
    async with store(shared_redis, "all:") as one, store(shared_redis, "all:") as other:
        taken = [await (one, other)[n % 2].take("a", WINDOWS, 1, 10) for n in range(110)]
    assert sum(verdict.is_admitted for verdict in taken) == 100


async def test_a_server_that_is_new_learns_the_script(shared_redis: RedisServer) -> None:
    with redis.Redis(port=shared_redis.port) as direct:
        async with store(shared_redis, "new:") as windows:
            await windows.take("a", WINDOWS, 1, 0)
            direct.script_flush()
            assert left(await windows.take("a", WINDOWS, 1, 0)) == [98, 1000]


@pytest.mark.parametrize("written", ["future", "nan", "1e400", "x"])
async def test_what_no_script_of_ours_wrote_heals(shared_redis: RedisServer, written: str) -> None:
    """A server whose clock was put back leaves times far in the future: nobody is locked out for longer than twice."""
    now_us = int(redis.Redis(port=shared_redis.port).time()[0]) * 1_000_000
    value = str(now_us + 10**13) if written == "future" else written
    burst = windows_of(QuotaPolicy(windows=(WindowSettings(requests=2, seconds=10, name="b"),)))
    with redis.Redis(port=shared_redis.port) as direct:
        direct.hset(f"heals:quota:{written}", "b", value)
        async with store(shared_redis, "heals:") as windows:
            verdict = await windows.take(written, burst, 1, 0)
    if written in ("future", "1e400"):
        assert 0 < verdict.tightest.wait_s <= 20
    else:
        assert verdict.is_admitted


async def test_a_key_of_another_kind_is_no_matter_of_others(shared_redis: RedisServer) -> None:
    with redis.Redis(port=shared_redis.port) as direct:
        direct.set("kind:quota:a", "text")
        async with store(shared_redis, "kind:") as windows:
            found = await asyncio.gather(*(asked(windows, key) for key in "ab"))
    assert found == [True, True]


async def test_a_server_that_cannot_write_is_away_until_it_can(
    own_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It answers a ping: only the script shows it."""
    monkeypatch.setattr(redis_windows, "LOOK_EVERY_S", 0.01)
    with redis.Redis(port=own_redis.port) as direct:
        async with store(own_redis, "") as windows:
            direct.config_set("maxmemory", "1")
            assert await asked(windows, "a") is None
            looked = direct.info("commandstats").get("cmdstat_evalsha", {}).get("calls", 0)
            while direct.info("commandstats")["cmdstat_evalsha"]["calls"] < looked + 3:
                await asyncio.sleep(0)
            state = (windows.is_away, windows.failures)
            direct.config_set("maxmemory", "0")
            while windows.is_away:
                await asyncio.sleep(0)
            assert await asked(windows, "a")
    assert state == (True, 1)


@pytest.fixture
def own_redis(tmp_path: Path) -> Any:
    folder = tmp_path / "redis"
    folder.mkdir()
    server = RedisServer(folder)
    server.start()
    yield server
    server.stop()


async def asked(windows: RedisWindows, key: str, of: Sequence[Window] = WINDOWS) -> bool | None:
    try:
        return (await windows.take(key, of, 1, 0)).is_admitted
    except StoreAwayError:
        return None


async def test_nobody_waits_twice_for_a_server_that_hangs(
    own_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_windows, "LOOK_EVERY_S", 0.01)
    async with store(own_redis, "hang:", timeout_s=0.2) as windows:
        assert await asked(windows, "a")
        own_redis.pause()
        together = await asyncio.gather(*(asked(windows, f"k{n}") for n in range(50)))
        assert together == [None] * 50
        assert windows.failures == 1  # all of them waited for one command
        assert await asked(windows, "a") is None
        assert windows.failures == 1  # and whoever comes now does not wait at all
        own_redis.resume()
        assert windows._looking is not None
        await windows._looking
        assert await asked(windows, "a")


def redis_tables(url: str, on_unavailable: str, requests: int = 4) -> dict[str, Any]:
    quotas = {"store": "redis", "on_unavailable": on_unavailable}
    return {
        **tables([{"requests": requests, "seconds": 36_000}], quotas=quotas),
        "redis": {"url": url},
    }


@pytest.mark.parametrize(
    ("on_unavailable", "expected"),
    [("local", [200] * 4 + [429] * 2), ("open", [200] * 6), ("closed", [429] * 6)],
)
async def test_what_holds_while_redis_is_away(
    own_redis: RedisServer, tmp_path: Path, on_unavailable: str, expected: list[int]
) -> None:
    (tmp_path / "schema.graphql").write_text(SCHEMA)
    (tmp_path / "quota_resolvers.py").write_text(RESOLVERS)
    config = build_config(redis_tables(own_redis.url, on_unavailable))
    async with GatewayClient(config, base=tmp_path) as client:
        first = await client.execute(ROWS)
        assert first.status == 200
        assert first.headers["ratelimit"].startswith('"requests-36000";r=3')
        own_redis.stop()
        found = [await client.execute(ROWS) for _ in range(6)]
    assert [result.status for result in found] == expected
    if on_unavailable == "closed":
        assert found[0].errors[0]["message"] == "The quotas cannot be looked up."


async def test_redis_that_was_never_there_fails_no_request(tmp_path: Path) -> None:
    (tmp_path / "schema.graphql").write_text(SCHEMA)
    (tmp_path / "quota_resolvers.py").write_text(RESOLVERS)
    config = build_config(redis_tables("redis://127.0.0.1:1/0", "local"))
    async with GatewayClient(config, base=tmp_path) as client:
        found = await asyncio.gather(*(client.execute(ROWS) for _ in range(8)))
    assert sorted(result.status for result in found) == [200] * 4 + [429] * 4

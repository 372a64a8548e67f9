"""The tier in Redis: what pods share, what they purge, and that no failure of Redis is one of a request."""

from __future__ import annotations

import asyncio
import socket
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest

from gateway.app.purges import PurgeRelay
from gateway.broker.local import LocalBroker
from gateway.broker.settings import BrokerSettings
from gateway.redis.client import make_redis
from gateway.redis.settings import RedisSettings
from gateway.upstream.cache.memory import MemoryCache
from gateway.upstream.cache.redis_lines import MOST_LINES, RedisLines
from gateway.upstream.cache.response_cache import ResponseCache
from gateway.upstream.cache.settings import SharedCacheSettings, SourceCacheSettings
from gateway.upstream.cache.shared_tier import SharedTier
from gateway.upstream.cache.tags import source_tag, stale_tag
from gateway.upstream.cache.wire import read_entry, write_entry
from gateway.upstream.transport import Fetched, UpstreamRequest
from tests.support.redis_server import RedisServer
from tests.upstream.cache.origin import Origin

FIELDS = (
    "status", "names", "values", "body", "varies", "asked", "fresh_until", "born", "needs_validation", "may_be_stale",
    "stale_while_revalidate_s", "stale_if_error_s", "took_s", "tags", "private_id",
)  # fmt: skip
FRESH = [("cache-control", "public, max-age=600"), ("surrogate-key", "users")]


class Pod:
    """A worker of its own pod, and the origin that all pods share."""

    def __init__(
        self, url: str, origin: SharedOrigin, rules: SourceCacheSettings, **settings: Any
    ) -> None:
        self.origin = origin
        self.counts: Counter[tuple[str, str, str]] = Counter()
        self.memory = MemoryCache(2**20)
        self.client = make_redis(RedisSettings(url=url, timeout_s=1.0), "test")
        self.shared = SharedTier(
            self.client,
            SharedCacheSettings(enabled=True, **settings),
            "test:",
            1.0,
            self.memory.drop,
            clock=asyncio.get_running_loop().time,
        )
        self.cache = ResponseCache("s", rules, self.memory, self.counts, shared=self.shared)
        self.relay = PurgeRelay(self.memory, LocalBroker(BrokerSettings()), self.shared)

    async def body(self, url: str = "http://s/", headers: Any = ()) -> bytes:
        """What a read is answered."""
        request = UpstreamRequest("GET", url, headers, source="s", endpoint="e", is_read=True)
        answer = await self.cache.answer(request, self.origin.fetch, self.origin.fetch)
        return answer.body

    def results(self) -> dict[str, int]:
        """What was counted."""
        return {result: count for (_, _, result), count in self.counts.items()}


class SharedOrigin:
    """Answers with its version, or with what it was sent."""

    def __init__(self) -> None:
        self.version = 1
        self.asked = 0
        self.headers = FRESH
        self.waits: asyncio.Event | None = None
        self.echoes = False

    async def fetch(self, request: UpstreamRequest) -> Fetched:
        self.asked += 1
        body = f"{request.url} {dict(request.headers)}" if self.echoes else str(self.version)
        if self.waits is not None:
            await self.waits.wait()
        return Fetched(200, list(self.headers), body.encode())


async def until(holds: Callable[[], bool]) -> None:
    """Let the loop turn until something holds."""
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.001)


@asynccontextmanager
async def pods(
    url: str, number: int = 2, rules: Sequence[SourceCacheSettings] = (), **settings: Any
) -> AsyncIterator[list[Pod]]:
    """So many pods over one origin, which hear each other; `rules` of each, where they are not the same."""
    origin = SharedOrigin()
    all_rules = rules or [SourceCacheSettings(enabled=True)] * number
    # A test that is not about time passes on a machine that is busy.
    settings = {"fetch_timeout_s": 30.0, "insert_timeout_s": 30.0, **settings}
    made = [Pod(url, origin, one, **settings) for one in all_rules]
    for pod in made:
        pod.shared.open()
        pod.relay.open()
    try:
        await until(lambda: all(pod.shared.is_usable for pod in made))
        yield made
    finally:
        for pod in made:
            await pod.relay.aclose()
            await pod.cache.aclose()
            await pod.shared.aclose()
            await pod.client.aclose()


async def test_what_one_pod_has_fetched_the_others_find(redis_url: str) -> None:
    async with pods(redis_url) as (one, two):
        assert await one.body() == b"1"
        await one.shared.lines.settle()
        assert await two.body() == b"1"
        assert await two.body() == b"1"
        assert one.origin.asked == 1
        assert two.results() == {"shared_hit": 1, "hit": 1}


async def test_answers_that_differ_by_headers_are_told_apart(redis_url: str) -> None:
    async with pods(redis_url) as (one, two):
        one.origin.echoes = True
        one.origin.headers = [("cache-control", "public, max-age=600"), ("vary", "x-a")]
        for name in ("1", "2"):
            await one.body(headers=[("x-a", name)])
        await one.shared.lines.settle()
        for name in ("1", "2", "3"):
            assert f"'x-a': '{name}'".encode() in await two.body(headers=[("x-a", name)])
        assert one.origin.asked == 3


async def test_pods_share_what_was_stored_under_their_own_settings(redis_url: str) -> None:
    trusting = SourceCacheSettings(enabled=True, trust_vary=True)
    rules = [trusting, trusting, SourceCacheSettings(enabled=True)]
    async with pods(redis_url, rules=rules) as (one, two, careful):
        one.origin.headers = [("cache-control", "max-age=600")]
        one.origin.echoes = True
        found = []
        for pod, headers in [
            (one, [("x-user", "1")]),
            (two, [("x-user", "2")]),
            (careful, [("x-user", "3")]),
            (two, [("x-user", "1"), ("cookie", "s=1")]),
        ]:
            found.append(await pod.body(headers=headers))
            await pod.shared.lines.settle()
        assert found[1] == found[0]
        assert found[2:] == [
            b"http://s/ {'x-user': '3'}",
            b"http://s/ {'x-user': '1', 'cookie': 's=1'}",
        ]
        assert one.origin.asked == 3
        assert two.results() == {"shared_hit": 1, "miss": 1}


async def test_a_purge_reaches_all_pods(redis_url: str) -> None:
    async with pods(redis_url) as (one, two):
        await one.body()
        await one.shared.lines.settle()
        await two.body()
        one.origin.version = 2
        assert await two.relay.purge(["tag s users"])
        assert await two.body() == b"2"
        await until(lambda: one.memory.purges > 0)
        assert await one.body() == b"2"
        assert await one.client.xlen("test:cache:purges") == 1


@pytest.mark.parametrize("purger", [0, 1])
async def test_what_was_on_its_way_while_it_was_purged_is_found_by_nobody(
    redis_url: str, purger: int
) -> None:
    async with pods(redis_url) as both:
        one, two = both
        origin = one.origin
        origin.waits = asyncio.Event()
        reading = asyncio.create_task(one.body())
        await until(lambda: origin.asked == 1)
        assert await both[purger].relay.purge(["tag s users"])
        origin.version, waits, origin.waits = 2, origin.waits, None
        waits.set()
        assert await reading == b"1"  # it was asked before
        await one.shared.lines.settle()
        await until(lambda: one.shared.log.last == two.shared.log.last > (0, 0))
        assert await two.body() == b"2"
        assert await one.body() == b"2"


async def test_a_pod_that_starts_later_knows_the_purges_before(redis_url: str) -> None:
    async with pods(redis_url) as (one, two):
        one.origin.waits = asyncio.Event()
        reading = asyncio.create_task(one.body())
        await until(lambda: one.origin.asked == 1)
        assert await two.relay.purge(["tag s users"])
        one.origin.waits.set()
        await reading
        await one.shared.lines.settle()
        async with pods(redis_url, 1) as (late,):
            late.origin.version = 2
            assert await late.body() == b"2"


async def test_a_stream_that_has_a_gap_leaves_nothing_to_be_trusted(
    redis_url: str, shared_redis: RedisServer
) -> None:
    """A pod whose way to Redis was cut while more was purged than the stream holds."""
    async with pods(redis_url) as (one, two):
        assert await two.relay.purge(["tag s other"])
        await until(lambda: one.shared.log.last == two.shared.log.last > (0, 0))
        old = one.shared.log.last
        await one.body()
        await one.shared.log.aclose()
        client = two.client
        await client.delete("test:cache:purges")
        assert await two.relay.purge(["tag s users"])
        one.origin.version = 2
        one.shared.log.open()
        await until(lambda: one.shared.log.last > old)
        assert await one.body() == b"2"


async def test_one_pod_asks_for_what_all_of_them_lack(redis_url: str) -> None:
    async with pods(redis_url, 3) as all_of_them:
        origin = all_of_them[0].origin
        for pod in all_of_them:  # that its answers are kept is known
            await pod.body("http://s/known")
        await all_of_them[0].shared.lines.settle()
        for pod in all_of_them:
            pod.cache.tiers._kept.add("e")
        before, origin.waits = origin.asked, asyncio.Event()
        reading = [asyncio.create_task(pod.body("http://s/new")) for pod in all_of_them]
        await until(lambda: origin.asked > before)
        origin.waits.set()
        assert set(await asyncio.gather(*reading)) == {b"1"}
        assert origin.asked == before + 1


async def test_look_ups_of_one_turn_are_one_round_trip(redis_url: str) -> None:
    async with pods(redis_url) as (one, two):
        for number in range(20):
            await one.body(f"http://s/{number}")
        await one.shared.lines.settle()
        client = two.client
        before = (await client.info("commandstats"))["cmdstat_mget"]["calls"]
        await asyncio.gather(*(two.body(f"http://s/{number}") for number in range(20)))
        after = (await client.info("commandstats"))["cmdstat_mget"]["calls"]
        assert after - before == 1
        assert one.origin.asked == 20


async def test_no_client_is_answered_what_another_was_sent(redis_url: str) -> None:
    """Random paths, credentials and freshness, two pods: the answer to a request is what was made for the same."""
    rng = Random("partitions")
    async with pods(redis_url, lease_s=0.0) as both:
        origin = both[0].origin
        origin.echoes = True
        for number in range(1500):
            if number % 50 == 0:  # for a while
                pod = rng.choice(both)
                origin.headers = [
                    ("cache-control", rng.choice(["max-age=9", "private, max-age=9"]))
                ]
                both[0].memory.clear()
                both[1].memory.clear()
                await pod.shared.lines.settle()
            url = f"http://s/{rng.randrange(5)}"
            headers = [("x-user", str(rng.randrange(8)))]
            body = await rng.choice(both).body(url, headers)
            assert body == f"{url} {dict(headers)}".encode()
        assert origin.asked < 1200, "nothing was shared"
        assert sum(pod.results().get("shared_hit", 0) for pod in both) > 20


class Trouble:
    """A Redis of its own, which a test may break."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._loading: subprocess.Popen[bytes] | None = None
        self.server = RedisServer(folder)
        self.server.start()

    def end(self) -> None:
        self.server.stop()
        if self._loading is not None:
            self._loading.kill()
            self._loading.wait(30)

    async def kill(self) -> None:
        self.server.stop()

    async def hang(self) -> None:
        self.server.pause()

    async def fill(self) -> None:
        client = make_redis(RedisSettings(url=self.server.url), "test")
        await client.config_set("maxmemory", "1")
        await client.aclose()

    async def load(self) -> None:
        """Start anew, and read a file for minutes: it answers -LOADING."""
        client = make_redis(RedisSettings(url=self.server.url), "test")
        for number in range(1000):
            await client.set(f"k{number}", b"x" * 1000)
        await client.save()
        await client.aclose()
        self._begin_loading()
        await until(self._is_loading)

    def _begin_loading(self) -> None:
        self.server.stop()
        options = f"--port {self.server.port} --bind 127.0.0.1 --key-load-delay 100000"
        options += " --loading-process-events-interval-bytes 1024 --logfile loading.log"
        command = ["redis-server", *options.split()]
        self._loading = subprocess.Popen(command, cwd=self._folder)

    def _is_loading(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.server.port), 5) as client:
                client.sendall(b"GET a\r\n")
                return client.recv(16).startswith(b"-LOADING")
        except OSError:
            return False


@pytest.mark.parametrize("trouble", ["kill", "hang", "fill", "load"])
async def test_no_trouble_of_redis_is_one_of_a_request(tmp_path: Path, trouble: str) -> None:
    broken = Trouble(tmp_path)
    try:
        async with pods(
            broken.server.url, fetch_timeout_s=0.05, insert_timeout_s=0.5, lease_s=0.0
        ) as (one, two):
            await one.body("http://s/before")
            await getattr(broken, trouble)()
            for number in range(40):
                assert await one.body(f"http://s/{number}") == b"1"
                assert await two.body(f"http://s/{number}") == b"1"
            # Redis is asked once, and then left alone.
            assert one.shared.lines.failures["fetch"] <= 2
    finally:
        broken.end()


async def test_a_purge_without_redis_is_told_when_it_is_back(tmp_path: Path) -> None:
    broken = Trouble(tmp_path)
    try:
        async with pods(broken.server.url, invalidate_timeout_s=0.2, fetch_timeout_s=0.05) as (
            one,
            two,
        ):
            await one.body()
            await one.shared.lines.settle()
            await two.body()
            broken.server.pause()
            assert not await one.relay.purge(["tag s users"])
            one.origin.version = 2
            assert await one.body() == b"2"
            broken.server.resume()
            await until(lambda: two.memory.purges > 0)
            assert await two.body() == b"2"
    finally:
        broken.end()


@pytest.mark.parametrize("size", [0, 10, 5000])
def test_an_answer_is_the_same_after_it_was_in_redis(size: int) -> None:
    origin = Origin()
    origin.says(cache_control="max-age=5, stale-if-error=7", etag='"a"', surrogate_key="a b")
    asyncio.run(origin.read())
    (kept,) = origin.memory
    kept.body = b"x" * size
    data = write_entry(b"k", kept, (5, 6))
    read = read_entry(b"k", data, kept.began)
    assert read is not None
    entry, began = read
    assert began == (5, 6)
    for name in FIELDS:
        assert getattr(entry, name) == getattr(kept, name), name
    assert len(data) < 1000 + size % 4096


@pytest.mark.parametrize("data", [b"", b"x", b"\x90", b"\x91\x02", b"\xc1" * 9])
def test_what_another_version_wrote_is_no_answer(data: bytes) -> None:
    assert read_entry(b"k", data, 0) is None


@pytest.mark.parametrize("how", ["a refresh", "a soft purge"])
async def test_what_is_noted_of_an_answer_is_what_was_given(redis_url: str, how: str) -> None:
    """While Redis is looked into for the one, another request brings what is stored up to date."""
    async with pods(redis_url) as (one, _):
        one.origin.headers = [("cache-control", "max-age=600, stale-while-revalidate=60")]
        await one.body()
        await one.shared.lines.settle()
        (old,) = one.memory
        asked, other = request_of(), request_of()
        if how == "a soft purge":
            await one.relay.purge([stale_tag(source_tag("s"), one.cache._now())])
        else:
            old.fresh_until = one.cache._now() - 1
        one.origin.version = 2
        look, gate = one.cache.tiers.lookup_shared, asyncio.Event()

        async def slow(request: UpstreamRequest, known: Any) -> Any:
            await gate.wait()
            return known

        one.cache.tiers.lookup_shared = slow  # type: ignore[method-assign]
        reading = asyncio.create_task(one.cache.answer(asked, one.origin.fetch, one.origin.fetch))
        await asyncio.sleep(0)
        one.cache.tiers.lookup_shared = look  # type: ignore[method-assign]
        one.memory.clear()
        await one.cache.answer(other, one.origin.fetch, one.origin.fetch)
        gate.set()
        assert (await reading).body == b"1"
        assert asked.cache_entry is old
        (new,) = one.memory
        assert other.cache_entry is new
        assert new is not old


def request_of(url: str = "http://s/") -> UpstreamRequest:
    return UpstreamRequest("GET", url, (), source="s", endpoint="e", is_read=True)


async def test_what_was_changed_on_its_way_is_no_answer() -> None:
    origin = Origin()
    origin.says(cache_control="max-age=60", etag='"e"')
    await origin.read()
    (entry,) = origin.memory
    written, rng = write_entry(b"k", entry, (1, 2)), Random("bits")
    assert read_entry(b"k", written, 0) is not None
    assert read_entry(b"l", written, 0) is None, "it stands under another key"
    for _ in range(300):
        at = rng.randrange(8 * len(written))
        changed = bytearray(written)
        changed[at // 8] ^= 1 << at % 8
        assert read_entry(b"k", bytes(changed), 0) is None


async def test_who_asks_while_all_connections_are_busy_is_answered(redis_url: str) -> None:
    """Leases, look-ups and writes at once, each turn: nobody waits for good, and few connections are enough."""
    client = make_redis(RedisSettings(url=redis_url, timeout_s=1.0), "test")
    lines = RedisLines(client, 5.0, 5.0, asyncio.get_running_loop().time)
    try:
        async with asyncio.timeout(20):
            waiting: list[Any] = []
            for turn in range(30):
                waiting += [
                    lines.take(b"lease%d" % number, 5000) for number in range(turn, turn + 3)
                ]
                waiting += [lines.get_many([b"x", b"y%d" % turn]), lines.get_many([b"z"])]
                lines.put(b"z", b"1", 5000)
            tasks = [asyncio.ensure_future(one) for one in waiting]
            for _ in range(3):
                await asyncio.sleep(0)
                tasks.append(asyncio.ensure_future(lines.get_many([b"z"])))
            found = await asyncio.gather(*tasks)
            await lines.settle()
            assert await lines.get_many([b"z"]) == [b"1"]
            again = await asyncio.gather(*(lines.take(b"many%d" % n, 5000) for n in range(300)))
        assert found[:3] == [True, True, True]
        assert found[5:8] == [False, False, True], "of three leases two are held already"
        assert all(again)
        assert len(lines._idle) <= MOST_LINES + 1
        assert lines.failures == {"fetch": 0, "insert": 0}
    finally:
        await lines.aclose()
        await client.aclose()


async def test_who_waits_when_it_ends_is_told_that_nothing_is_there(redis_url: str) -> None:
    client = make_redis(RedisSettings(url=redis_url, timeout_s=1.0), "test")
    lines = RedisLines(client, 5.0, 5.0, asyncio.get_running_loop().time)
    async with asyncio.timeout(10):
        looks = [asyncio.ensure_future(lines.get_many([b"x"])) for _ in range(3)]
        lease = asyncio.ensure_future(lines.take(b"l", 5000))
        for _ in range(2):
            await asyncio.sleep(0)
        late = asyncio.ensure_future(lines.get_many([b"x"]))
        await asyncio.sleep(0)
        await lines.aclose()
        assert await asyncio.gather(*looks, late) == [[None]] * 4
        assert await lease
    await client.aclose()

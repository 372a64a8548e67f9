"""Purges and fills in every order, many readers at once, and an origin that is away: counted, on one event loop.

The invariant: whoever asks after a purge has been answered gets nothing that was fetched before it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest

from gateway.admin.commands import Command
from gateway.app.config import build_config
from gateway.concurrency.singleflight import Singleflight
from gateway.testing import FakeAnswer, FakeSource, GatewayClient
from gateway.upstream.transport import Fetched, UpstreamRequest
from tests.connectors.scenario import LINK
from tests.upstream.cache.origin import Origin

SDL = (
    LINK
    + """
  @source(name: "s", http: { baseURL: "http://s" })
type Query {
  page: Page @connect(source: "s", http: { GET: "/page" }, selection: "version")
  posts: [Post] @connect(source: "s", http: { GET: "/posts" }, selection: "author: { id: $ }")
}
type Page { version: Int }
type Post { author: User }
type User @cacheTag(format: "user-{$key.id}")
  @connect(source: "s", http: { GET: "/users" queryParams: "id: $batch.id" } selection: "id version") {
  id: ID! version: Int
}
"""
)
QUERIES = {"whole": "{ page { version } }", "rows": "{ posts { author { version } } }"}
PURGE = [{"kind": "subgraph", "subgraph": "s"}]
TURNS = 5
"""Of the event loop that the origin takes: at each of them a purge may come."""


class Versions:
    """An origin whose answers have the version that it is at when it is asked."""

    def __init__(self) -> None:
        self.version = 1
        self.calls = 0

    async def answer(self, value: Callable[[int], Any]) -> Any:
        self.calls += 1
        made = value(self.version)
        for _ in range(TURNS):
            await asyncio.sleep(0)
        return made

    def source(self) -> FakeSource:
        def given(value: Callable[[int], Any]) -> Callable[[Any], Awaitable[Any]]:
            async def make() -> Any:
                body = await self.answer(value)
                return FakeAnswer(body, headers={"cache-control": "max-age=600"})

            return lambda _: make()

        return FakeSource({
            "GET /page": given(lambda version: {"version": version}),
            "GET /posts": given(lambda _: ["1", "2"]),
            "GET /users": given(lambda v: [{"id": "1", "version": v}, {"id": "2", "version": v}]),
        })  # fmt: skip


@asynccontextmanager
async def gateway(folder: Path, **more: Any) -> AsyncIterator[tuple[GatewayClient, Versions]]:
    versions = Versions()
    (folder / "s.graphql").write_text(SDL)
    config = build_config({
        "graph": {"schema": [str(folder / "s.graphql")]},
        "sources": {"s": {"cache": {"enabled": True}}},
        "logs": {"access": "off"},
        **more,
    })  # fmt: skip
    async with GatewayClient(config, sources={"s": versions.source()}) as client:
        yield client, versions


async def version_of(client: GatewayClient, kind: str) -> set[int]:
    result = await client.execute(QUERIES[kind])
    found = result.data["page"] or {}
    return {found["version"]}


async def rows_of(client: GatewayClient) -> set[int]:
    result = await client.execute(QUERIES["rows"])
    return {post["author"]["version"] for post in result.data["posts"]}


@pytest.mark.parametrize("kind", ["whole", "rows"])
@pytest.mark.parametrize("tier", ["memory", "redis"])
async def test_after_a_purge_nobody_gets_what_was_fetched_before(
    tmp_path: Path, kind: str, tier: str, redis_url: str
) -> None:
    """The purge comes after each number of turns of a fill, until the fill has ended before it."""
    more: dict[str, Any] = {}
    if tier == "redis":
        more = {
            "redis": {"url": redis_url},
            "response_cache": {"redis": {"enabled": True, "lease_s": 0, "fetch_timeout_s": 30}},
        }
    async with gateway(tmp_path, **more) as (client, versions):

        def read() -> Awaitable[set[int]]:
            return rows_of(client) if kind == "rows" else version_of(client, kind)

        purge = client.app.worker.commands.actions["POST", "/invalidation"]
        shared = client.app.worker.upstream.shared
        for _ in range(1000 if shared is not None else 0):
            if shared is not None and shared.is_usable:
                break
            await asyncio.sleep(0.01)
        orders = 0
        for turns in range(400):
            assert (await purge(Command("test", PURGE))).status == 202
            old = versions.version
            filling = asyncio.ensure_future(read())
            for _ in range(turns):
                await asyncio.sleep(0)
            ended = filling.done()
            versions.version += 1
            assert (await purge(Command("test", PURGE))).status == 202
            assert await read() == {old + 1}, f"after {turns} turns"
            assert await filling <= {old, old + 1}
            assert await read() == {old + 1}, f"after {turns} turns, from what was kept"
            orders += 1
            if ended:
                break
        assert ended, "the fill takes more turns than were tried"
        assert orders > TURNS


@pytest.mark.parametrize("kind", ["whole", "rows"])
async def test_after_a_purge_nobody_gets_an_answer_that_was_kept_before(
    tmp_path: Path, kind: str
) -> None:
    """Of several reads the first fills, the third keeps the whole answer: the purge comes after each turn of them."""
    async with gateway(tmp_path) as (client, versions):

        async def read(times: int) -> list[set[int]]:
            found = [await rows_of(client) if kind == "rows" else await version_of(client, kind)]
            return found if times == 1 else found + await read(times - 1)

        purge = client.app.worker.commands.actions["POST", "/invalidation"]
        for turns in range(400):
            assert (await purge(Command("test", PURGE))).status == 202
            old = versions.version
            reading = asyncio.ensure_future(read(4))
            for _ in range(turns):
                await asyncio.sleep(0)
            ended = reading.done()
            versions.version += 1
            assert (await purge(Command("test", PURGE))).status == 202
            assert await read(4) == [{old + 1}] * 4, f"after {turns} turns"
            assert set().union(*await reading) <= {old, old + 1}
            assert await read(1) == [{old + 1}], f"after {turns} turns, from what was kept"
            if ended:
                break
        assert ended, "the reads take more turns than were tried"
        answers = client.app.worker.serving().sharing.answers
        assert answers is not None
        assert answers.hits > turns, "nothing was kept whole"


async def test_a_thousand_readers_at_expiry_are_one_call() -> None:
    origin = Origin()
    origin.says(cache_control="max-age=10")
    await origin.read()
    origin.now += 11
    gate = asyncio.Event()
    flights: Singleflight[Fetched] = Singleflight()

    async def slow(request: UpstreamRequest) -> Fetched:
        response = await origin.fetch(request)
        await gate.wait()
        return response

    async def fetch(request: UpstreamRequest) -> Fetched:
        key = request.url, tuple(request.headers)
        deadline = asyncio.get_running_loop().time() + 60
        return await flights.call_once(key, lambda: slow(request), deadline, lambda _: None)

    request = UpstreamRequest("GET", "http://s/", source="s", is_read=True)
    reading = [asyncio.create_task(origin.cache.answer(request, fetch, fetch)) for _ in range(1000)]
    while len(origin.asked) < 2:
        await asyncio.sleep(0)
    gate.set()
    bodies = {answer.body for answer in await asyncio.gather(*reading)}
    assert (bodies, len(origin.asked)) == ({b"2"}, 2)


async def test_at_steady_load_nobody_waits_for_what_many_ask_for() -> None:
    """An answer of 10 s that takes 0.5 s to fetch, asked for 50 times a second: it is asked anew before it is stale."""
    origin = Origin()
    origin.says(cache_control="max-age=10")
    rng = Random("steady")
    waits = 0

    async def take_long(request: UpstreamRequest) -> Fetched:
        response = await origin.fetch(request)
        origin.now += 0.5
        return response

    async def wait(request: UpstreamRequest) -> Fetched:
        nonlocal waits
        waits += 1
        return await take_long(request)

    request = UpstreamRequest("GET", "http://s/", source="s", is_read=True)
    for _ in range(10 * 60 * 50):
        origin.now += 0.02
        origin.luck = rng.random()
        await origin.cache.answer(request, wait, take_long)
        await asyncio.gather(*origin.cache._refreshes.values())
    assert waits == 1, "only the first"
    assert 60 <= len(origin.asked) <= 100


async def test_an_origin_that_is_away_for_a_minute_is_not_missed() -> None:
    origin = Origin()
    origin.says(cache_control="max-age=5, stale-if-error=120")
    urls = [f"http://s/{number}" for number in range(100)]
    for url in urls:
        await origin.read(url)
    origin.fails = True
    whole = 0
    for _ in range(60):
        origin.now += 1
        for url in urls:
            whole += (await origin.read(url)).status == 200
    assert whole == 60 * 100

"""What is purged softly is stale from then on: given while it is refreshed, or where its source fails; never fresh."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from gateway.admin.commands import Command
from gateway.upstream.cache.settings import SourceCacheSettings
from gateway.upstream.cache.tags import purged_by, source_tag, stale_tag
from gateway.upstream.transport import Fetched, UpstreamRequest
from tests.pipeline.test_kept_answers import PAGE, POSTS, gateway, kept, times
from tests.upstream.cache.origin import Origin
from tests.upstream.cache.test_redis import Pod, SharedOrigin, until

WINDOW = "max-age=600, stale-while-revalidate=60"


def purge(origin: Origin, tag: str = "source s") -> None:
    origin.memory.purge([stale_tag(tag, origin.now)])


def test_a_soft_purge_is_a_text_that_names_its_tag_and_its_time() -> None:
    tag = 'key s User {"id":"7 8"}'
    assert purged_by(stale_tag(tag, 1_800_000_000.125)) == (tag, 1_800_000_000.125)
    assert purged_by(tag) == (tag, None)


async def test_it_is_given_while_it_is_refreshed() -> None:
    origin = Origin()
    origin.says(cache_control=WINDOW)
    assert [await origin.body(), await origin.body()] == [1, 1]
    purge(origin)
    assert await origin.body() == 1
    await asyncio.sleep(0)
    assert await origin.body() == 2
    assert origin.results() == {"miss": 2, "hit": 2, "stale": 1}


async def test_when_its_time_as_a_stale_one_is_over_it_is_asked_for() -> None:
    origin = Origin()
    origin.says(cache_control=WINDOW)
    await origin.body()
    purge(origin)
    origin.now += 61
    assert await origin.body() == 2


@pytest.mark.parametrize("control", ["max-age=600", f"{WINDOW}, must-revalidate", "s-maxage=600"])
async def test_what_may_not_be_given_stale_is_asked_for(control: str) -> None:
    origin = Origin()
    origin.says(cache_control=control)
    await origin.body()
    purge(origin)
    assert await origin.body() == 2


async def test_what_has_a_validator_is_asked_whether_it_still_holds() -> None:
    origin = Origin()
    origin.says(cache_control="max-age=600", etag='"e"')
    await origin.body()
    purge(origin)
    assert [await origin.body(), await origin.body()] == [1, 1]
    assert origin.results() == {"miss": 1, "revalidated": 1, "hit": 1}


async def test_it_stands_in_for_an_origin_that_fails() -> None:
    origin = Origin(stale_if_error_s=60)
    origin.says(cache_control="max-age=600")
    await origin.body()
    purge(origin)
    origin.fails = True
    assert await origin.body() == 1


async def test_what_has_another_tag_is_as_fresh_as_before() -> None:
    origin = Origin()
    origin.says(cache_control=WINDOW)
    await origin.body()
    purge(origin, "source other")
    assert [await origin.body(), await origin.body()] == [1, 1]


@pytest.mark.parametrize("order", ["soft, hard", "hard, soft"])
async def test_what_is_to_be_gone_is_gone_whatever_comes_beside(order: str) -> None:
    origin = Origin()
    origin.says(cache_control=WINDOW)
    await origin.body()
    for kind in order.split(", "):
        if kind == "soft":
            purge(origin)
        else:
            origin.memory.purge(["source s"])
    assert await origin.body() == 2


async def test_an_answer_that_was_on_its_way_is_stale_when_it_comes() -> None:
    origin = Origin()
    origin.says(cache_control=WINDOW)
    ask = origin.fetch

    async def purged_meanwhile(request: UpstreamRequest) -> Fetched:
        answer = await ask(request)
        purge(origin)
        return answer

    origin.fetch = purged_meanwhile  # type: ignore[method-assign]
    assert await origin.body() == 1
    origin.fetch = ask  # type: ignore[method-assign]
    assert await origin.body() == 1
    await asyncio.sleep(0)
    assert await origin.body() == 2


@pytest.mark.parametrize("query", [PAGE, POSTS])
async def test_rows_and_whole_answers_are_refreshed_once_and_nobody_waits(
    tmp_path: Path, query: str
) -> None:
    async with gateway(tmp_path) as (client, backend):
        says = {"cache-control": WINDOW}
        backend.says = {"/pages/1": says, "/users": says, "/posts": says}
        before = await times(client, 5, query)
        assert len(kept(client)) == 1
        calls = len(backend.calls)
        soft: Any = [{"kind": "subgraph", "subgraph": "s", "soft": True}]
        command = client.app.worker.commands.actions["POST", "/invalidation"]
        assert (await command(Command("t", soft))).body == {"count": 1}
        after = await times(client, 1, query)
        assert after[0] == before[0], "it is given"
        async with asyncio.timeout(10):
            while len(backend.calls) < 2 * calls:
                await asyncio.sleep(0)
        await asyncio.sleep(0)
        again = await times(client, 4, query)
        assert again[-1] != before[0], "it was refreshed"
        assert len(backend.calls) == 2 * calls


async def test_pods_have_it_stale_in_memory_and_not_at_all_in_redis(redis_url: str) -> None:
    origin = SharedOrigin()
    origin.headers = [("cache-control", WINDOW)]
    pods = [Pod(redis_url, origin, SourceCacheSettings(enabled=True)) for _ in range(3)]
    try:
        for pod in pods:
            pod.shared.open()
            await until(lambda pod=pod: pod.shared.is_usable)  # type: ignore[misc]
        assert [await pods[0].body(), await pods[1].body()] == [b"1", b"1"]
        await pods[0].shared.lines.settle()
        origin.version = 2
        assert await pods[0].relay.purge([stale_tag(source_tag("s"), pods[0].cache._now())])
        await until(lambda: pods[1].memory.purges == 1 and pods[2].memory.purges == 1)
        origin.waits = asyncio.Event()
        assert [await pods[0].body(), await pods[1].body()] == [b"1", b"1"], "given meanwhile"
        origin.waits.set()
        assert await pods[2].body() == b"2", "who has nothing asks"
    finally:
        for pod in pods:
            await pod.cache.aclose()
            await pod.shared.aclose()
            await pod.client.aclose()

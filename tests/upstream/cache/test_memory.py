"""What is too large for memory takes the place of what it is newer than: nobody is given what is known to be old."""

from __future__ import annotations

from gateway.upstream.cache.memory import MemoryCache
from gateway.upstream.cache.stored import StoredResponse
from tests.upstream.cache.origin import BEGIN, Origin


async def test_an_answer_that_is_too_large_ends_the_one_before() -> None:
    origin = Origin(max_bytes=1_000)
    origin.says(cache_control="max-age=1, stale-while-revalidate=3600, stale-if-error=3600")
    assert await origin.body() == 1
    origin.now += 2
    origin.says(cache_control="max-age=600", x_large="x" * 1_000)
    await origin.read()  # is given the first, and refreshes it
    for task in list(origin.cache._refreshes.values()):
        await task
    assert await origin.body() == 3
    assert origin.memory.size_bytes == 0


def test_a_row_that_is_too_large_ends_the_one_before() -> None:
    memory = MemoryCache(1_000)
    memory.set("key", entry(b"1"))
    memory.set("key", entry(b"1" * 1_000))
    assert memory.get("key") is None
    assert (len(memory), memory.size_bytes) == (0, 0)


def test_what_is_from_before_a_purge_ends_nothing() -> None:
    memory = MemoryCache(1_000)
    memory.purge(["all"])
    newer, older = entry(b"2"), entry(b"1")
    newer.began = 1
    memory.set("key", newer)
    memory.set("key", older)
    assert memory.get("key") is newer


def entry(body: bytes) -> StoredResponse:
    """An answer that began before any purge."""
    return StoredResponse(
        status=200, names=(), values=b"", body=body, varies=None, asked=b"", fresh_until=BEGIN, born=BEGIN,
        needs_validation=False, may_be_stale=False, stale_while_revalidate_s=0.0, stale_if_error_s=0.0,
        took_s=0.0, tags=("all",), began=0,
    )  # fmt: skip


async def test_a_clock_that_is_set_back_makes_nothing_fresh() -> None:
    origin = Origin()
    origin.says(cache_control="max-age=1")
    assert await origin.body() == 1
    origin.now -= 3  # it is corrected
    assert await origin.body() == 1
    origin.now -= 3600
    assert await origin.body() == 2
    origin.now += 2
    assert await origin.body() == 3

"""What is written to Redis, and what is not."""

from __future__ import annotations

import time
from functools import partial

from gateway.upstream.cache.wire import PurgeNumber

from .test_redis import pods

NO_PURGE: PurgeNumber = (0, 0)


async def test_what_has_less_than_a_millisecond_is_not_written(redis_url: str) -> None:
    """Redis refuses a TTL of 0, and a refusal ends the use of it for a moment."""
    async with pods(redis_url, 1) as (pod,):
        assert await pod.body() == b"1"
        (entry,) = pod.memory
        for _ in range(20):
            entry.fresh_until = time.time() + 0.0009
            pod.shared.put_digest(b"digest", entry, NO_PURGE)
        await pod.shared.lines.settle()
        assert pod.shared.lines.failures["insert"] == 0
        assert not pod.shared.lines.rests


async def test_what_was_written_before_the_clock_was_set_back_is_not_found(redis_url: str) -> None:
    async with pods(redis_url, 2) as (one, two):
        assert await one.body() == b"1"
        await one.shared.lines.settle()
        one.origin.version = 2
        for set_back_s, said in ((0.0, b"1"), (3600.0, b"2")):
            two.memory.clear()
            now = time.time() - set_back_s
            two.shared._now = partial(float, now)
            assert await two.body() == said

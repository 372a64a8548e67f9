"""A hedge: an attempt that takes unusually long gets a rival, and the first good answer wins.

It must leave no attempt running and no answer open. Whether a rival may begin is its caller's to say.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine
from typing import Any

from gateway.upstream.policy.call import Answer, discard

Attempt = Coroutine[Any, Any, Answer]


async def race(
    attempt: Attempt, begin_rival: Callable[[], Attempt | None], after_s: float
) -> tuple[asyncio.Future[Answer], bool]:
    """The attempt that won, which has ended, and whether it is the rival.

    Args:
        attempt: Begins at once.
        begin_rival: The rival, where one may begin.
        after_s: How long the attempt is alone, seconds.
    """
    first = asyncio.ensure_future(attempt)
    rivals = {first}
    winner = None
    try:
        await asyncio.wait(rivals, timeout=after_s)
        if not first.done() and (rival := begin_rival()) is not None:
            rivals.add(asyncio.ensure_future(rival))
        winner = await _first_good(rivals)
        return winner, winner is not first
    finally:
        for each in rivals:
            each.cancel()
        await asyncio.gather(*rivals, return_exceptions=True)
        for each in rivals - {winner}:
            if not each.cancelled() and each.exception() is None:
                await discard(each.result())


async def _first_good(rivals: Collection[asyncio.Future[Answer]]) -> asyncio.Future[Answer]:
    """The first that ends well, or the last to end when none does."""
    pending = set(rivals)
    while True:
        done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        for rival in done:
            if not pending or (rival.exception() is None and rival.result().status < 500):
                return rival

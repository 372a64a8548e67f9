"""Threads for calls of a provider that waits for the network in them: of its own, so that nothing else waits too."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from typing import Any


class ProviderThreads:
    """A few threads. A call waits for one in the event loop, so that one that is not wanted any more is never made.

    Args:
        most: Calls at a time.
    """

    def __init__(self, most: int) -> None:
        self._places = asyncio.Semaphore(most)
        self._threads = ThreadPoolExecutor(most, "flags")

    async def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """What a function returns. Errors: those of the function."""
        loop = asyncio.get_running_loop()
        await self._places.acquire()

        def give_back(_: Future[Any]) -> None:
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(self._places.release)

        try:
            called = self._threads.submit(copy_context().run, function, *arguments)
        except RuntimeError:
            self._places.release()
            raise
        called.add_done_callback(give_back)
        return await asyncio.wrap_future(called)

    def close(self) -> None:
        """Begin no more calls."""
        self._threads.shutdown(wait=False, cancel_futures=True)

"""Threads for calls of a provider that waits for the network in them: of its own, so that nothing else waits too."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from threading import BoundedSemaphore
from typing import Any


class ProviderThreads:
    """A few threads. A call for which there is none fails at once: those that are under way may never end.

    Args:
        most: Calls at a time.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._places = BoundedSemaphore(most)
        self._threads = ThreadPoolExecutor(most, "flags")

    async def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """What a function returns. Errors: TimeoutError where all threads are taken, and those of the function."""
        if not self._places.acquire(blocking=False):
            raise TimeoutError(f"{self._most} calls wait for the provider")
        try:
            called = self._threads.submit(copy_context().run, function, *arguments)
        except RuntimeError:
            self._places.release()
            raise
        called.add_done_callback(lambda _: self._places.release())
        return await asyncio.wrap_future(called)

    def close(self) -> None:
        """Begin no more calls."""
        self._threads.shutdown(wait=False, cancel_futures=True)

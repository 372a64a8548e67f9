"""Looking at something again and again: files, documents in Redis, whatever tells of no change by itself."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from gateway.concurrency.awaitable import AwaitableOrValue, value_of


class Looking:
    """Looks until it is stopped. A look that fails is logged, of several in a row the first, and ends nothing.

    Args:
        look: One look; False says that it was the last.
        every_s: How long it waits before each look, asked each time.
        what: It is looked at, as the log says it.
        log: Who is told.
    """

    def __init__(
        self,
        look: Callable[[], AwaitableOrValue[object]],
        every_s: Callable[[], float],
        what: str,
        log: logging.Logger,
    ) -> None:
        self._look = look
        self._every_s = every_s
        self._what = what
        self._log = log
        self._is_over = False
        self._has_failed = False
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Look from now on; nothing where it does already."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._look_on())

    async def stop(self) -> None:
        """Look no more."""
        self._is_over = True  # a client of Redis may lose the cancellation
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _look_on(self) -> None:
        while not self._is_over:
            await asyncio.sleep(self._every_s())
            try:
                if await value_of(self._look()) is False:
                    return
                self._has_failed = False
            except Exception:
                # A key that is taken back later has to be seen, whatever was wrong with this look.
                if not self._has_failed:
                    self._log.exception("%s cannot be looked at", self._what)
                self._has_failed = True

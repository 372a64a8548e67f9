"""Reloads that no command asks for: by SIGHUP, and when the files have changed. What they do is the reloader's."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from functools import partial
from typing import Any

from gateway.app.reload.inputs import Origin
from gateway.app.reload.report import Report
from gateway.app.reload.settings import ReloadSettings
from gateway.app.reload.shelf import BusyError, Shelf
from gateway.concurrency.looking import Looking
from gateway.errors import ConfigError
from gateway.settings.file_state import FileState

logger = logging.getLogger("gateway.reload")


class Triggers:
    """Reloads when it is time. What comes while another reload is under way comes after it.

    Args:
        reload: Does it. Errors: BusyError.
        settings: As configured now.
        shelf: What the workers have in common.
        origin: Where the files are.
        env: What the configuration names.
    """

    def __init__(
        self,
        reload: Callable[[], Awaitable[Report]],
        settings: Callable[[], ReloadSettings],
        shelf: Shelf,
        origin: Origin,
        env: Mapping[str, str],
    ) -> None:
        self._reload = reload
        self._settings = settings
        self._shelf = shelf
        self._origin = origin
        self._env = env
        self._tasks: set[asyncio.Task[Any]] = set()
        self._is_signaled = False
        self._seen: list[FileState] | None = None
        self._handled: list[FileState] | None = None
        self._again_at = 0.0
        self._looking = Looking(self.look, lambda: settings().poll_interval_s, "the files", logger)

    def begin(self) -> None:
        """Look from now on."""
        self._looking.begin()

    async def stop(self) -> None:
        """Look no more, and begin none."""
        await self._looking.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def listen(self) -> Callable[[], object]:
        """Reload on SIGHUP; gives what ends that. For a process that serves nothing else."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGHUP, lambda: self._spawn(self.signal()))
        return partial(loop.remove_signal_handler, signal.SIGHUP)

    async def signal(self) -> None:
        """Reload, now or when the one that is under way has ended."""
        if await self._reload_unless_busy() is None:
            self._is_signaled = True
            logger.info("reload: another is under way, and this one comes after it")

    async def look(self) -> None:
        """Reload when that is due, or when the files have changed, and have then stayed the same for a while."""
        if self._is_signaled:
            self._is_signaled = False
            self._is_signaled = await self._reload_unless_busy() is None or self._is_signaled
        settings = self._settings()
        if not settings.watch or not self._shelf.take_office("watch"):
            return
        state, now = (
            await asyncio.to_thread(self._origin.state, self._env),
            asyncio.get_running_loop().time(),
        )
        if state != self._seen:
            self._seen, self._again_at = state, 0.0
        elif self._handled is None and await asyncio.to_thread(self._was_handled):
            self._handled = state
        elif state != self._handled and now >= self._again_at:
            report = await self._reload_unless_busy()
            if report is not None and report.may_pass:
                self._again_at = now + settings.prepare_timeout_s
            elif report is not None:
                self._handled = state

    def _was_handled(self) -> bool:
        """Whether the one that has watched before has seen to these files: what it refused is not tried again."""
        try:
            return self._origin.read(self._env).digest == self._shelf.handled()
        except ConfigError:  # a reload says what is wrong
            return False

    async def _reload_unless_busy(self) -> Report | None:
        try:
            return await self._reload()
        except BusyError:
            return None

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

"""A file that is read again when it changes: key sets and API keys.

It looks at the file's state twice a second, which also sees the change of a symbolic link (Kubernetes' `..data`). What
cannot be read or used leaves what was there before, and is logged once.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from pathlib import Path

LOOK_EVERY_S = 0.5
State = tuple[int, int, int, int]


class WatchedFile:
    """One file.

    Args:
        path: Which.
        take: Called with its bytes, at first and after each change. Errors: ValueError for what is of no use.
        what: What it is, for the log.
        every_s: How often it is looked at.
    """

    def __init__(
        self, path: Path, take: Callable[[bytes], None], what: str, every_s: float = LOOK_EVERY_S
    ) -> None:
        self._path = path
        self._take = take
        self._what = what
        self._every_s = every_s
        self._state: State | None = None
        self._task: asyncio.Task[None] | None = None
        self._was_away = False

    def load(self) -> None:
        """Read it for the first time. Errors: OSError, ValueError."""
        state = state_of(self._path)
        self._take(self._path.read_bytes())
        self._state = state

    def watch(self) -> None:
        """From now on, until `stop`."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._every_s)
            await self.look()

    async def look(self) -> None:
        """Read it where it has changed."""
        log = logging.getLogger("gateway.auth")
        try:
            state = state_of(self._path)
            if state == self._state:
                self._was_away = False
                return
            text = await asyncio.to_thread(self._path.read_bytes)
            self._take(text)
        except OSError as exc:
            if not self._was_away:
                log.error("%s cannot be read; the last one stays: %s", self._what, exc.strerror)  # noqa: TRY400
            self._was_away = True
            return
        except ValueError as exc:
            log.error("%s is invalid; the previous version stays in use: %s", self._what, exc)  # noqa: TRY400
        else:
            log.info("%s was read again", self._what)
        self._state = state  # what is of no use is not read again before it changes
        self._was_away = False


def state_of(path: Path) -> State:
    """What changes with a file. Errors: OSError."""
    found = os.stat(path)
    return found.st_mtime_ns, found.st_size, found.st_ino, found.st_ctime_ns

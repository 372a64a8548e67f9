"""Reads the files of a reload within a bounded time: a disk that hangs holds no reload up, and is told."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from gateway.app.config import Config
from gateway.app.reload.inputs import Inputs, Origin
from gateway.errors import ConfigError

Read = tuple[Inputs, Config]


class SlowDiskError(ConfigError):
    """Files that are not read in time; they may be the next time."""


class BoundedReading:
    """One thread at most that reads; the one that hangs is not joined by others.

    Args:
        origin: Where the files are.
        env: What the configuration names.
    """

    def __init__(self, origin: Origin, env: Mapping[str, str]) -> None:
        self._origin = origin
        self._env = env
        self._under_way: asyncio.Future[Read] | None = None

    async def within(self, timeout_s: float) -> Read:
        """What the files are now. Errors: ConfigError; SlowDiskError where they cannot be read in that time."""
        if self._under_way is not None:
            raise SlowDiskError(
                "the files are still being read since the reload before: the disk hangs"
            )
        reading = asyncio.ensure_future(asyncio.to_thread(self._read))
        self._under_way = reading
        reading.add_done_callback(self._end)
        done, _ = await asyncio.wait({reading}, timeout=timeout_s)
        if not done:
            raise SlowDiskError(
                f"the files could not be read within {timeout_s:g} s: the disk hangs"
            )
        return reading.result()

    def _read(self) -> Read:
        inputs = self._origin.read(self._env)
        return inputs, self._origin.parse(inputs.config, self._env)

    def _end(self, reading: asyncio.Future[Read]) -> None:
        self._under_way = None
        if not reading.cancelled():
            reading.exception()  # what nobody waits for any more is nobody's

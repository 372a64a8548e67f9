"""New workers in place of those that run: asked of the process that started them, and told by the first that is new.

    a worker that leads a reload ── wanted ─► the parent ── starts one ─► the first new worker
                  ▲                              │ it has ended: why           │ it is ready, and not yet listening
                  └──────────────────────────────┴─────────────────────────────┘

The first new worker waits until what it serves is decided, and listens then; the parent replaces the others after it.
Where it does not come up nothing was decided, and nothing is replaced.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from typing import Any

from gateway.app.reload.shelf import Shelf
from gateway.broker.calls import WorkerCalls
from gateway.concurrency.looking import Looking
from gateway.errors import ConfigError

logger = logging.getLogger("gateway.reload")
SERVE_PARENT = "GATEWAY_SERVE_PARENT"
"""The variable that holds the process which starts the workers of `gateway serve`."""
SERVE_DIGEST = "GATEWAY_SERVE_DIGEST"
"""The variable that holds what a worker is to serve that is the first of a roll; not there for others."""
START_TIMEOUT_S = 120.0
"""Seconds that a worker which replaces another may take before it serves."""
DECIDE_TIMEOUT_S = 60.0
LOOK_EVERY_S = 0.02
LOOK_FOR_PARENT_S = 1.0
CAME_UP = "reload.came_up"


class Successors:
    """One worker's way to have all workers replaced, and its part where it is the first new one.

    Args:
        calls: Reaches the others.
        shelf: What they have in common, with the parent too.
    """

    def __init__(self, calls: WorkerCalls, shelf: Shelf) -> None:
        self._calls = calls
        self._shelf = shelf
        self._awaited: str | None = None
        self._is_up = asyncio.Event()
        self._decides_for = os.environ.get(SERVE_DIGEST)
        self._looking = Looking(self.look, lambda: LOOK_FOR_PARENT_S, "the parent", logger)
        calls.add(CAME_UP, self._came_up)

    @property
    def are_possible(self) -> bool:
        """Whether there is a process that replaces workers: that of `gateway serve` with several."""
        parent = os.environ.get(SERVE_PARENT, "")
        return bool(parent) and int(parent) == os.getppid()

    @property
    def waits(self) -> bool:
        """Whether this worker is the first new one, and nothing is decided yet."""
        return self._decides_for is not None

    def begin(self) -> None:
        """Look from now on whether the process that starts the workers is there, where this is one of several."""
        if SERVE_PARENT in os.environ and self._shelf.is_shared:
            self._looking.begin()

    async def stop(self) -> None:
        """Look no more."""
        await self._looking.stop()

    def look(self) -> bool:
        """End this process where the one that started it is gone: nobody would replace it, reload it or end it."""
        if self.are_possible:
            return True
        logger.error("the process that starts the workers is gone: this worker ends")
        os.kill(os.getpid(), signal.SIGTERM)
        return False

    async def replace(self, digest: str) -> list[str]:
        """Have workers started that serve this: nothing where the first is ready to, or why it is not."""
        parent = int(os.environ[SERVE_PARENT])
        self._is_up.clear()
        self._awaited = digest
        self._shelf.want(digest)
        if os.getppid() == parent:
            os.kill(parent, signal.SIGUSR2)
        loop = asyncio.get_running_loop()
        latest = loop.time() + START_TIMEOUT_S + DECIDE_TIMEOUT_S
        try:
            while not self._is_up.is_set():
                errors = self._shelf.outcome(digest)
                if errors is not None:
                    return errors
                if loop.time() > latest or os.getppid() != parent:
                    return ["the process that starts the workers does not answer"]
                try:
                    async with asyncio.timeout(LOOK_EVERY_S):
                        await self._is_up.wait()
                except TimeoutError:
                    continue
        finally:
            self._awaited = None
        return []

    async def wait_for_decision(self) -> None:
        """Say that this worker, the first of a roll, can serve, and wait until it is to.

        Errors: ConfigError where nobody decides for it.
        """
        digest = self._decides_for
        assert digest is not None
        # What was decided counts, and not who has heard: one that does not answer is not waited for.
        telling = asyncio.create_task(self._calls.ask(CAME_UP, digest, DECIDE_TIMEOUT_S))
        loop = asyncio.get_running_loop()
        latest = loop.time() + DECIDE_TIMEOUT_S
        try:
            while (decided := self._shelf.decided()) is None or decided.digest != digest:
                if loop.time() > latest:
                    raise ConfigError("it was not decided to serve this: the reload was given up")
                await asyncio.sleep(LOOK_EVERY_S)
        finally:
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)
        self._decides_for = None

    async def _came_up(self, digest: Any) -> None:
        if digest == self._awaited:
            self._is_up.set()

"""Revisions by which nothing begins any more: they are let go when the last request that they answer has ended."""

from __future__ import annotations

import asyncio
import gc
from weakref import ref

from gateway.app.reload.dismantle import dismantle, in_turns
from gateway.app.revision import Revision
from gateway.app.worker import Worker
from gateway.upstream.client import Upstream

LOOK_EVERY_S = 0.1
DRAIN_GRACE_S = 5.0
FOLDED_PER_TURN = 20
"""Plans whose requests become sums in one turn of the event loop: a quarter of a millisecond."""
COLLECT_EVERY = 50
"""Reloads after which Python's collector looks for the little that is left of old revisions."""


class Remains:
    """What a revision was made of, without the revision: that goes with the last request that it answers."""

    def __init__(self, revision: Revision) -> None:
        assert revision.graph.schema is not None
        self.schema = revision.graph.schema
        self.plans = revision.plans
        self.timeout_s = revision.timeout_s
        self._upstream = revision.upstream
        self._threads = revision.graph.threads

    async def close(self, used: Upstream) -> None:
        """Close what no other revision has. What still holds it calls these sources instead."""
        await self._upstream.aclose(used)
        self._threads.shutdown(wait=False)


class Draining:
    """The revisions of one worker that still have something under way.

    Args:
        worker: Whose.

    Attributes:
        revisions: They; nothing here holds them.
    """

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._dismantled = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self.revisions: list[ref[Revision]] = []

    def begin(self, before: Revision, spread_s: float) -> None:
        """Let a revision go, soon. It holds no later one meanwhile, which may be let go before it.

        Args:
            before: That revision.
            spread_s: How long subscriptions may take to end.
        """
        gone = ref(before)
        self.revisions.append(gone)
        remains = Remains(before)
        task = asyncio.create_task(self._drain(gone, remains, max(remains.timeout_s, spread_s)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def ended(self) -> None:
        """Wait until all of them are gone."""
        while self._tasks:
            await asyncio.gather(*self._tasks)

    async def aclose(self) -> None:
        """Wait no more: the worker ends."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _drain(self, old: ref[Revision], remains: Remains, most_s: float) -> None:
        """Wait until nothing holds the old one, and let go of what it was made of."""
        loop = asyncio.get_running_loop()
        latest = loop.time() + most_s + DRAIN_GRACE_S
        try:
            while old() is not None and loop.time() < latest:  # noqa: ASYNC110 - nothing tells of its end
                await asyncio.sleep(LOOK_EVERY_S)
        finally:
            await remains.close(self._worker.upstream)
        if self._worker.measures is not None:  # it holds plans until it is read
            await in_turns(self._worker.measures.usage.folding(), FOLDED_PER_TURN)
        self.revisions.remove(old)
        if old() is None:
            await dismantle(remains.schema, remains.plans)
        self._dismantled += 1
        if self._dismantled % COLLECT_EVERY == 0:
            gc.collect()

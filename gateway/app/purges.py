"""What one worker finds to have changed, nobody else may answer from memory either: purges go to the worker's neighbors
over the broker, and to all pods by the stream in Redis, where there is one.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from gateway.broker.mailbox import EventsLostError
from gateway.broker.port import Broker
from gateway.upstream.cache.memory import MemoryCache
from gateway.upstream.cache.purge_log import TAGS_OF_ONE
from gateway.upstream.cache.shared_tier import SharedTier
from gateway.upstream.cache.tags import EVERYTHING

logger = logging.getLogger("gateway.cache")
HAND_OVER_S = 2.0
TOPIC = "gateway:purge"
"""No schema's: its topics stand in `@topic` as they are, and a name of ours has a colon where they have none."""


class PurgeRelay:
    """Tells the other workers what this one purges, and purges what they tell.

    Args:
        memory: This worker's.
        broker: Reaches the others of this machine.
        shared: Reaches those of other pods; None without.
    """

    def __init__(
        self, memory: MemoryCache, broker: Broker, shared: SharedTier | None = None
    ) -> None:
        self._memory = memory
        self._broker = broker
        self._shared = shared
        self._name = secrets.token_hex(8)
        self._told: set[asyncio.Task[bool]] = set()
        self._listening: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Listen, from this moment on."""
        self._memory.on_purge = self._tell
        self._listening = asyncio.create_task(self._listen())

    async def aclose(self) -> None:
        """Listen and tell no more. The neighbors have from now on to send what Redis has not taken."""
        self._memory.on_purge = None
        await self._hand_over()
        tasks = [*self._told, *([self._listening] if self._listening else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def purge(self, tags: list[str]) -> bool:
        """Purge everywhere, and wait until it is told.

        False where Redis does not answer: it is told as soon as it does, and until then this worker finds nothing
        there that has one of the tags.
        """
        self._drop(tags)
        return await self._publish(tags)

    def _tell(self, tags: list[str]) -> None:
        self._doubt(tags)
        task = asyncio.create_task(self._publish(tags))
        self._told.add(task)
        task.add_done_callback(self._told.discard)

    async def _publish(self, tags: list[str]) -> bool:
        if self._shared is None:
            await self._say(tags)
            return True
        try:
            await self._say(tags)
        except Exception:  # whatever a broker raises: the stream tells them too
            logger.warning("a purge has not reached the neighbors by the broker", exc_info=True)
        is_told = await self._shared.log.add(tags)
        if is_told:
            with suppress(Exception):  # whatever a broker raises: they doubt a while longer
                await self._say(tags, number=self._shared.log.sent)
        return is_told

    async def _say(self, tags: Sequence[str], **about: Any) -> None:
        """Tell the neighbors: in parts where it is too large for an event, and all where one tag is."""
        try:
            await self._broker.publish(TOPIC, {"by": self._name, "tags": tags, **about})
        except ValueError:
            if tags == [EVERYTHING]:  # no event is small enough
                raise
            half = len(tags) // 2
            for part in (tags[:half], tags[half:]) if half else ([EVERYTHING],):
                await self._say(part, **about)

    async def _hand_over(self) -> None:
        """Tell the neighbors what this worker will not send any more: those that have begun since know nothing of it.

        It goes on with the last of them that lives, so that workers which are replaced one by one lose no purge.
        """
        untold = self._shared.log.untold.texts() if self._shared is not None else []
        try:
            async with asyncio.timeout(HAND_OVER_S):
                for begin in range(0, len(untold), TAGS_OF_ONE):
                    await self._say(untold[begin : begin + TAGS_OF_ONE])
        except Exception:  # whatever a broker raises: the stream may yet take it
            logger.warning("purges have not reached the neighbors by the broker", exc_info=True)

    async def _listen(self) -> None:
        while True:
            mailbox = self._broker.subscribe(TOPIC)
            try:
                async for event in mailbox:
                    self._hear(event)
            except EventsLostError:  # something was missed: nothing that is kept can be trusted
                self._memory.drop([EVERYTHING])
                if self._shared is not None:
                    self._shared.log.untold.doubt_all()
            else:
                return

    def _hear(self, event: Any) -> None:
        if event["by"] == self._name:
            return
        if "number" in event:
            if self._shared is not None:
                self._shared.log.believe(event["tags"], event["number"])
        else:
            self._drop(event["tags"])

    def _drop(self, tags: Sequence[str]) -> None:
        """Find nothing with these tags any more, in Redis either, before the stream has said so."""
        self._memory.drop(tags)
        self._doubt(tags)

    def _doubt(self, tags: Sequence[str]) -> None:
        if self._shared is not None:
            self._shared.log.untold.doubt(tags)

"""What one worker finds to have changed, nobody else may answer from memory either: purges go to the worker's neighbors
over the broker, and to all pods by the stream in Redis, where there is one.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Collection
from contextlib import suppress
from typing import Any

from gateway.broker.mailbox import EventsLostError
from gateway.broker.port import Broker
from gateway.upstream.cache.memory import MemoryCache
from gateway.upstream.cache.purge_log import EVERYTHING, TAGS_OF_ONE
from gateway.upstream.cache.shared_tier import SharedTier

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
        self._memory.drop(tags)
        self._doubt(tags)
        return await self._publish(tags)

    def _tell(self, tags: list[str]) -> None:
        self._doubt(tags)
        task = asyncio.create_task(self._publish(tags))
        self._told.add(task)
        task.add_done_callback(self._told.discard)

    async def _publish(self, tags: list[str]) -> bool:
        if self._shared is None:
            await self._publish_to_neighbors(tags)
            return True
        try:
            await self._publish_to_neighbors(tags)
        except Exception:  # whatever a broker raises: the stream tells them too
            logger.warning("a purge has not reached the neighbors by the broker", exc_info=True)
        is_told = await self._shared.log.add(tags)
        if is_told:
            with suppress(
                Exception
            ):  # too large for an event, or no broker: they doubt a while longer
                told = {"by": self._name, "tags": tags, "number": self._shared.log.sent}
                await self._broker.publish(TOPIC, told)
        return is_told

    async def _publish_to_neighbors(self, tags: list[str]) -> None:
        try:
            await self._broker.publish(TOPIC, {"by": self._name, "tags": tags})
        except ValueError:  # too large for an event: all of it, then
            await self._broker.publish(TOPIC, {"by": self._name, "tags": None})

    async def _hand_over(self) -> None:
        """Tell the neighbors what this worker will not send any more: those that have begun since know nothing of it.

        It goes on with the last of them that lives, so that workers which are replaced one by one lose no purge.
        """
        untold = self._shared.log.untold if self._shared is not None else []
        try:
            async with asyncio.timeout(HAND_OVER_S):
                for begin in range(0, len(untold), TAGS_OF_ONE):
                    told = {"by": self._name, "tags": untold[begin : begin + TAGS_OF_ONE]}
                    try:
                        await self._broker.publish(TOPIC, told)
                    except ValueError:  # too large for an event
                        await self._broker.publish(TOPIC, {**told, "tags": [EVERYTHING]})
        except Exception:  # whatever a broker raises: the stream may yet take it
            logger.warning("purges have not reached the neighbors by the broker", exc_info=True)

    async def _listen(self) -> None:
        while True:
            mailbox = self._broker.subscribe(TOPIC)
            try:
                async for event in mailbox:
                    self._hear(event)
            except EventsLostError:  # something was missed: nothing that is kept can be trusted
                self._memory.clear()
            else:
                return

    def _hear(self, event: Any) -> None:
        if event["by"] == self._name:
            return
        if "number" in event:
            if self._shared is not None:
                self._shared.log.believe(event["tags"], event["number"])
        elif event["tags"] is None:
            self._memory.clear()
        else:
            self._memory.drop(event["tags"])
            self._doubt(event["tags"])

    def _doubt(self, tags: Collection[str]) -> None:
        """Find nothing with these tags in Redis either, before the stream has said so."""
        if self._shared is not None:
            self._shared.log.doubt(tags)

"""What one worker finds to have changed, its neighbors may not answer from memory either: purges go over the broker."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

from gateway.broker.mailbox import SlowConsumerError
from gateway.broker.port import Broker
from gateway.upstream.cache.memory import MemoryCache

TOPIC = "gateway:purge"
"""No schema's: its topics stand in `@topic` as they are, and a name of ours has a colon where they have none."""


class PurgeRelay:
    """Tells the other workers what this one purges, and purges what they tell.

    Args:
        memory: This worker's.
        broker: Reaches the others.
    """

    def __init__(self, memory: MemoryCache, broker: Broker) -> None:
        self._memory = memory
        self._broker = broker
        self._name = secrets.token_hex(8)
        self._told: set[asyncio.Task[None]] = set()
        self._listening: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Listen, from this moment on."""
        self._memory.on_purge = self._tell
        self._listening = asyncio.create_task(self._listen())

    async def aclose(self) -> None:
        """Listen and tell no more."""
        self._memory.on_purge = None
        tasks = [*self._told, *([self._listening] if self._listening else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _tell(self, tags: list[str]) -> None:
        task = asyncio.create_task(self._publish(tags))
        self._told.add(task)
        task.add_done_callback(self._told.discard)

    async def _publish(self, tags: list[str]) -> None:
        try:
            await self._broker.publish(TOPIC, {"by": self._name, "tags": tags})
        except ValueError:  # too large for an event: all of it, then
            await self._broker.publish(TOPIC, {"by": self._name, "tags": None})

    async def _listen(self) -> None:
        while True:
            mailbox = self._broker.subscribe(TOPIC)
            try:
                async for event in mailbox:
                    self._hear(event)
            except SlowConsumerError:  # something was missed: nothing that is kept can be trusted
                self._memory.clear()
            else:
                return

    def _hear(self, event: Any) -> None:
        if event["by"] == self._name:
            return
        if event["tags"] is None:
            self._memory.clear()
        else:
            self._memory.drop(event["tags"])

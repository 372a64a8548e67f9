"""What one worker learns, told to the others of its server: any of them may get the client's next request."""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing, suppress

from gateway.broker.mailbox import EventsLostError, Mailbox
from gateway.broker.port import Broker
from gateway.documents.apq import DocumentStore, MemoryStore

logger = logging.getLogger("gateway.documents")
TOPIC = "gateway.documents"
Told = Mailbox[tuple[str, str]]


class SharedStore(DocumentStore):
    """A worker's memory that the others fill, too.

    Args:
        memory: Of this worker.
        broker: Between the workers; started.
    """

    def __init__(self, memory: MemoryStore, broker: Broker) -> None:
        self._memory = memory
        self._broker = broker
        self._told: Told = broker.subscribe(TOPIC)
        self._task = asyncio.create_task(self._listen())

    async def get(self, hash_: str) -> str | None:
        """As `DocumentStore`."""
        return await self._memory.get(hash_)

    async def put(self, hash_: str, text: str) -> None:
        """As `DocumentStore`."""
        if await self._memory.get(hash_) is None:
            await self._memory.put(hash_, text)
            # Too large for an event, or half a surrogate pair in it: each worker is sent it once.
            with suppress(ValueError, TypeError):
                await self._broker.publish(TOPIC, [hash_, text])

    async def aclose(self) -> None:
        """Hear no more."""
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _listen(self) -> None:
        while True:
            async with aclosing(self._told):
                try:
                    async for hash_, text in self._told:
                        await self._memory.put(hash_, text)
                except EventsLostError:
                    logger.warning(
                        "documents of other workers were missed; clients send them again"
                    )
                else:
                    return  # the broker is closed
            self._told = self._broker.subscribe(TOPIC)

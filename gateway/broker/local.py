"""Topics within one worker: the part of every broker that ends at a listener."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson

from gateway.broker.mailbox import EventsLostError, Mailbox
from gateway.broker.port import encode_event
from gateway.broker.settings import BrokerSettings


class LocalBroker:
    """A broker that reaches the listeners of this worker."""

    def __init__(self, settings: BrokerSettings) -> None:
        self.settings = settings
        self._listeners: dict[str, dict[Mailbox[Any], None]] = {}

    async def connect(self) -> None:
        """Nothing to begin."""

    async def publish(self, topic: str, payload: Any) -> None:
        """As `Broker`."""
        _, encoded = encode_event(topic, payload, self.settings.max_event_bytes)
        self.deliver(topic, encoded)
        # A loop that publishes would not let the listeners read, and so end them.
        await asyncio.sleep(0)

    def subscribe(self, topic: str) -> Mailbox[Any]:
        """As `Broker`."""

        def leave(mailbox: Mailbox[Any]) -> None:
            del listeners[mailbox]
            if not listeners and self._listeners.get(topic) is listeners:
                del self._listeners[topic]

        listeners = self._listeners.setdefault(topic, {})
        mailbox: Mailbox[Any] = Mailbox(self.settings.max_queue, leave)
        listeners[mailbox] = None
        return mailbox

    def deliver(self, topic: str, encoded: bytes) -> None:
        """Give an event to its listeners, who share one decoded payload and do not change it."""
        listeners = self._listeners.get(topic)
        if listeners:
            payload = orjson.loads(encoded)
            for mailbox in list(listeners):
                mailbox.put(payload)

    def fail(self, error: EventsLostError | None = None) -> None:
        """End every listener with an error: events were lost."""
        for mailbox in self._every():
            mailbox.fail(error)

    async def aclose(self) -> None:
        """As `Broker`."""
        for mailbox in self._every():
            mailbox.close()

    def _every(self) -> list[Mailbox[Any]]:
        return [mailbox for listeners in self._listeners.values() for mailbox in listeners]

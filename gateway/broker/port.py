"""What a broker of topics is.

An event reaches every listener of its topic that was there when it was published, in order for each
publisher, or ends the listener with an error: it is never lost in silence. Nothing is kept for those who
come later.
"""

from __future__ import annotations

from typing import Any, Protocol

import orjson

from gateway.broker.mailbox import Mailbox


class Broker(Protocol):
    """Carries events from publishers to listeners, by topic."""

    async def publish(self, topic: str, payload: Any) -> None:
        """Send an event to the listeners of a topic, those of the other workers too.

        Args:
            topic: Any string.
            payload: What JSON can say, whichever broker there is.

        Errors: TypeError and ValueError for what is no JSON or too large.
        """
        ...

    def subscribe(self, topic: str) -> Mailbox[Any]:
        """Listen from this moment on. Closing the stream ends it."""
        ...

    async def connect(self) -> None:
        """Begin on the worker's event loop."""
        ...

    async def aclose(self) -> None:
        """End every listener and every connection."""
        ...


def encode_event(topic: str, payload: Any, max_bytes: int) -> tuple[bytes, bytes]:
    """Topic and payload as they travel. Errors: TypeError and ValueError, as `Broker.publish`."""
    name, encoded = topic.encode(), orjson.dumps(payload)
    if len(name) + len(encoded) > max_bytes:
        raise ValueError(
            f"an event of {len(encoded)} bytes on {topic[:100]!r} is larger than"
            f" pubsub.max_event_bytes, {max_bytes}"
        )
    return name, encoded

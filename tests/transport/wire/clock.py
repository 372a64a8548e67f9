"""Time for connections: seconds pass when a test says so, and the registry looks at once."""

from __future__ import annotations

import asyncio
from typing import Any

from gateway.app.gateway import Gateway


class Clock:
    """Of one application's connections.

    It moves back what each connection has written down of the time: that is what passing is to it. The event loop's
    own clock stays, so that no operation's deadline comes along.
    """

    def __init__(self, app: Gateway) -> None:
        self._registry: Any = app.connections

    async def advance(self, seconds: float) -> None:
        """So many seconds later the registry looks at its connections."""
        for connection in list(self._registry.open):
            watch = getattr(connection, "_watch", None)  # a handshake has none
            if watch is not None and watch._taken_at:
                watch._taken_at -= seconds
            if hasattr(connection, "_since"):
                connection._since -= seconds
        self._registry.sweep(asyncio.get_running_loop().time())
        for _ in range(4):
            await asyncio.sleep(0)

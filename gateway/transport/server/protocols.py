"""What `gateway serve` hands to uvicorn's server: our own HTTP, and uvicorn's WebSockets with two things changed.

At shutdown the application is told before its sockets are cut: uvicorn would close them with 1012 at that moment.
And a socket is one of the worker's connections: it counts, and ends when its client reads nothing.
"""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from gateway.transport.http.protocol import HttpProtocol
from gateway.transport.server.connections import WriteWatch, unread_bytes
from gateway.transport.server.drain import begin_drain
from gateway.transport.server.served import served_app

__all__ = ["HttpProtocol", "WebSocketProtocol"]


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """WebSockets by websockets."""

    def connection_made(self, transport: Any) -> None:
        """A handshake is to be answered."""
        self._registry = served_app(self.config).connections
        self._watch = WriteWatch()
        self._registry.open.add(self)
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is over."""
        self._registry.open.discard(self)
        super().connection_lost(exc)

    def sweep(self, now: float) -> str | None:
        """End the socket when its client reads nothing: as `server.connections.Connection`."""
        unread = self.transport.get_write_buffer_size() and unread_bytes(self.transport)
        if not self._watch.is_late(unread, now, self._registry.settings.write_timeout_s):
            return None
        self.transport.abort()
        return "write"

    def shutdown(self) -> None:
        """Tell the application, which closes its own sockets."""
        if not self.handshake_complete or self.close_sent or not begin_drain(self.app_state):
            super().shutdown()

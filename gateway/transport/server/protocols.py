"""What `gateway serve` hands to uvicorn's server: our own HTTP, and uvicorn's WebSockets with three things changed.

At shutdown the application is told before its sockets are cut: uvicorn would close them with 1012 at that moment.
A socket is one of the worker's connections: it counts, and ends when its client reads nothing. And nothing that a
client sends is an exception of the server, which would write a traceback for each.
"""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from gateway.transport.http.flows import HELD_BYTES
from gateway.transport.http.protocol import HttpProtocol
from gateway.transport.server.connections import LARGE_BYTES, WriteWatch, unread_bytes
from gateway.transport.server.drain import begin_drain
from gateway.transport.server.served import served_app

__all__ = ["HttpProtocol", "WebSocketProtocol"]


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """WebSockets by websockets."""

    def connection_made(self, transport: Any) -> None:
        """A handshake is to be answered."""
        self._registry = served_app(self.config).connections
        self._watch = WriteWatch()
        self._held = b""
        self._waiting = 0  # bytes of large messages that wait for the client
        self._registry.open.add(self)
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is over."""
        self._registry.remove(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read frames; what comes before the handshake is answered is held, as no frame may."""
        if self.handshake_initiated and not self.handshake_complete:
            self._held += data
            if len(self._held) > HELD_BYTES:
                self.transport.abort()
            return
        super().data_received(data)

    async def send(self, message: Any) -> None:
        """What the application sends; behind its answer to the handshake, what was held is read."""
        size = len(message.get("text") or "")
        if size > LARGE_BYTES:
            self._waiting += size
            self._registry.add_large(self)
        try:
            await super().send(message)
        finally:
            if size > LARGE_BYTES:
                self._waiting -= size
        if message["type"] == "websocket.http.response.body":
            self.handshake_complete = True  # by a rejection; uvicorn would log an error for each
        if self._held and self.handshake_complete and not self.close_sent:
            held, self._held = self._held, b""
            self.data_received(held)

    def send_receive_event_to_app(self) -> None:
        """A whole message. Text that is not UTF-8 ends the socket (RFC 6455 §8.1), and is no error of ours to log."""
        if self.curr_msg_data_type == "text" and not self.close_sent:
            try:
                b"".join(self.frames).decode()
            except UnicodeDecodeError:
                self.frames = []
                self.conn.send_close(1007)
                self.handle_parser_exception()
                return
        super().send_receive_event_to_app()

    def handle_parser_exception(self) -> None:
        """What is no frame ends the socket, with a close frame where one may be sent."""
        if self.conn.close_sent is not None:
            super().handle_parser_exception()
        else:
            self.transport.abort()

    def unread_bytes(self) -> int:
        """As `server.connections.WatchedConnection`."""
        return self._waiting + self.transport.get_write_buffer_size()

    def abort(self) -> None:
        """As `server.connections.WatchedConnection`."""
        self.transport.abort()

    def sweep(self, now: float) -> str | None:
        """End the socket when its client reads nothing: as `server.connections.WatchedConnection`."""
        unread = self.transport.get_write_buffer_size() and unread_bytes(self.transport)
        if not self._watch.is_late(unread, now, self._registry.settings.write_timeout_s):
            return None
        self.transport.abort()
        return "write"

    def shutdown(self) -> None:
        """Tell the application, which closes its own sockets."""
        if not self.handshake_complete or self.close_sent or not begin_drain(self.app_state):
            super().shutdown()

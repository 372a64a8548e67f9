"""uvicorn's protocols, but for one thing: at shutdown the application is told before its streams are cut.

uvicorn asks each connection to shut down and then waits for what is under way. A WebSocket of its own would
be closed with 1012 at that moment, and a stream over HTTP would go on until the time is over. Here the first
connection that is asked starts the application's own drain, which it left in the lifespan's state.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from gateway.transport.ws.endpoint import DRAIN

Http: Any
try:
    from gateway.transport.http.protocol import DirectProtocol as Http
except ImportError:
    from uvicorn.protocols.http.h11_impl import H11Protocol as Http


def begin_drain(app_state: dict[str, Any]) -> bool:
    """Start the application's drain. False when it has none."""
    drain: Callable[[], Any] | None = app_state.get(DRAIN)
    if drain is None:
        return False
    drain()
    return True


class HttpProtocol(Http):  # type: ignore[misc]  # one of two, by what is installed
    """HTTP by httptools and the short way of `protocol`, or by h11 where httptools is not installed."""

    def shutdown(self) -> None:
        """Tell the application, then finish what is under way."""
        begin_drain(self.app_state)
        super().shutdown()


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """WebSockets by websockets."""

    def shutdown(self) -> None:
        """Tell the application, which closes its own sockets."""
        if not self.handshake_complete or self.close_sent or not begin_drain(self.app_state):
            super().shutdown()

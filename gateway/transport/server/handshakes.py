"""TLS in front of HTTP: from the first moment a client is one of the worker's connections, with a deadline, and each
gets the certificate of that moment.

An event loop's own TLS server says nothing of a client before its handshake is over. Here the loop accepts without TLS,
and the handshake begins on a second descriptor of the same connection: uvloop reads as soon as `connection_made`
returns, whatever is paused, and a later `start_tls` would miss what it has read.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from typing import Any

from gateway.transport.http.protocol import HttpProtocol
from gateway.transport.server.connections import Connections
from gateway.transport.server.served import served_app

# The registry ends a handshake that is late, and counts it; the event loop's own timer stands behind it.
LOOP_TIMEOUT_S = 60.0
logger = logging.getLogger("gateway.tls")


class TlsHandshake(asyncio.Protocol):
    """A connection until its handshake is over. Then `HttpsProtocol` has it.

    Args:
        config, server_state, app_state: As of `HttpProtocol`.
    """

    def __init__(
        self,
        config: Any,
        server_state: Any,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._given = (config, server_state, app_state, _loop)
        self._certificates = served_app(config).certificates
        self._registry: Connections = served_app(config).connections
        self._server = server_state
        self._loop = _loop or asyncio.get_event_loop()
        self._socket: socket.socket | None = None  # until the event loop has taken it
        self._task: asyncio.Task[None] | None = None
        self._since = self._loop.time()

    def connection_made(self, transport: Any) -> None:
        """A client has connected."""
        try:
            descriptor = os.dup(transport.get_extra_info("socket").fileno())
        except OSError:  # none is left, as the registry says
            return
        finally:
            transport.abort()  # closes its descriptor: the connection goes on by the other
        self._socket = socket.socket(fileno=descriptor)
        self._socket.setblocking(False)
        self._task = self._loop.create_task(self._shake_hands())
        self._server.connections.add(self)
        self._registry.add(self)

    async def _shake_hands(self) -> None:
        taken, self._socket = self._socket, None
        assert taken is not None
        assert self._certificates is not None
        try:
            await self._loop.connect_accepted_socket(
                lambda: HttpsProtocol(self, *self._given),
                taken,
                ssl=self._certificates.context,
                ssl_handshake_timeout=self._registry.settings.header_timeout_s + LOOP_TIMEOUT_S,
            )
        except OSError as exc:  # ssl.SSLError is one: the client's TLS is none, or it has gone
            logger.debug("a handshake failed: %s", exc)
        finally:
            self.leave()

    def leave(self) -> None:
        """It is a connection no longer."""
        self._server.connections.discard(self)
        self._registry.remove(self)

    def sweep(self, now: float) -> str | None:
        """End the handshake when it is late: as `server.connections.WatchedConnection`."""
        if now - self._since <= self._registry.settings.header_timeout_s:
            return None
        self.abort()
        return "handshake"

    def unread_bytes(self) -> int:
        """As `server.connections.WatchedConnection`."""
        return 0

    def abort(self) -> None:
        """As `server.connections.WatchedConnection`."""
        self.leave()
        if self._socket is not None:
            self._socket.close()
        if self._task is not None:
            self._task.cancel()

    def turn_away(self) -> None:
        """As `server.connections.ReservedConnection`; there is no answer before the handshake."""
        self.abort()

    def shutdown(self) -> None:
        """The server ends: uvicorn's server asks each connection."""
        self.abort()


class HttpsProtocol(HttpProtocol):
    """HTTP on a connection whose handshake is over: it has the handshake's place."""

    def __init__(self, handshake: TlsHandshake, *given: Any) -> None:
        super().__init__(*given)
        self._handshake = handshake

    def connection_made(self, transport: Any) -> None:
        """The client may ask now."""
        self._handshake.leave()
        super().connection_made(transport)

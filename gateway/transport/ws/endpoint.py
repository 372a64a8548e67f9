"""The GraphQL route's WebSockets: which handshakes are let in, and how all of them end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, Protocol

from gateway.context import Context
from gateway.pipeline.pipeline import Pipeline
from gateway.telemetry.logs import AccessLog
from gateway.transport.http.asgi import Receive, Scope, Send, read_headers
from gateway.transport.settings import SubscriptionSettings
from gateway.transport.ws import state as ws_state
from gateway.transport.ws.origin import is_allowed_origin
from gateway.transport.ws.socket import Socket

DRAIN = "gateway.drain"
"""The key of the lifespan's state: a function that begins to end every stream, and may be called again."""


class MakeContext(Protocol):
    """Makes the state of one execution; the composition root gives it."""

    def __call__(
        self,
        headers: dict[str, str],
        header_values: dict[str, list[str]],
        request_id: str,
        client_name: str | None,
        client_version: str | None,
        connection_params: dict[str, Any] | None = None,
    ) -> Awaitable[Context]: ...


class WebSocketEndpoint:
    """The GraphQL route's WebSockets.

    Args:
        pipeline: Answers operations.
        make_context: Makes the state of one execution.
        settings: What is allowed.
        access_log: Gets one line per operation, when it ends.

    Attributes:
        sockets: Those that are open.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        make_context: MakeContext,
        settings: SubscriptionSettings,
        access_log: AccessLog,
    ) -> None:
        self.pipeline = pipeline
        self.make_context = make_context
        self.settings = settings
        self.access_log = access_log
        self.sockets: set[Socket] = set()
        self._draining = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        headers, values = read_headers(scope["headers"])
        status = self._refused(headers)
        if status:
            await refuse_handshake(scope, send, status)
            return
        if ws_state.SUBPROTOCOL not in scope.get("subprotocols", ()):
            # A browser shows its page no status of a failed handshake, but it does show a close code.
            await send({"type": "websocket.accept"})
            how = ws_state.NOT_ACCEPTABLE
            await send({"type": "websocket.close", "code": how.code, "reason": how.reason})
            return
        socket = Socket(self, receive, send, headers, values)
        self.sockets.add(socket)
        try:
            await send({"type": "websocket.accept", "subprotocol": ws_state.SUBPROTOCOL})
            await socket.serve()
        except OSError:
            pass  # the client is gone, and its operations with it
        finally:
            self.sockets.discard(socket)
            await socket.cancel()

    def _refused(self, headers: dict[str, str]) -> int | None:
        """The status of a handshake that is refused."""
        settings = self.settings
        if not is_allowed_origin(
            headers.get("origin"), headers.get("host"), settings.allowed_origins
        ):
            return 403
        if self._draining or len(self.sockets) >= settings.max_sockets:
            return 503
        return None if settings.enabled else 404

    async def drain(self, timeout_s: float) -> None:
        """End every socket: subscriptions at once, queries and mutations when they have answered.

        Args:
            timeout_s: What is not over then is cut.
        """
        self._draining = True
        await asyncio.gather(*(socket.drain(timeout_s) for socket in list(self.sockets)))


async def refuse_handshake(scope: Scope, send: Send, status: int) -> None:
    """Answer a handshake with a status, where the server can: else it is 403."""
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close"})
        return
    await send({"type": "websocket.http.response.start", "status": status, "headers": []})
    await send({"type": "websocket.http.response.body", "body": b""})

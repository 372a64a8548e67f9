"""The GraphQL route's WebSockets: which handshakes are let in, and how all of them end."""

from __future__ import annotations

import asyncio

from gateway.auth.authenticator import Authenticator
from gateway.errors import ClientError
from gateway.hooks.hook import RequestHooks
from gateway.hooks.seen import SCOPE
from gateway.pipeline.serving import CurrentServing
from gateway.quotas.addresses import AddressLimiter
from gateway.telemetry.logs import AccessLog
from gateway.transport.asgi import Receive, Scope, Send
from gateway.transport.http.asgi import raw_head
from gateway.transport.http.forwarded import Peer, TrustedProxies
from gateway.transport.http.head import RawHead
from gateway.transport.settings import SubscriptionSettings
from gateway.transport.ws import state as ws_state
from gateway.transport.ws.origin import is_allowed_origin
from gateway.transport.ws.socket import Socket


class WebSocketEndpoint:
    """The GraphQL route's WebSockets.

    Args:
        serving: What an operation that begins now is answered by.
        settings: What is allowed.
        access_log: Gets one line per operation, when it ends.
        path: Where they are opened.
        proxies: Whose word about a client is taken; None for nobody's.
        authenticator: Says who opens them; None where everybody is nobody in particular.
        hooks: Say who opens them, and whether they are let in; None for none.
        gate: Counts the handshakes of each address; None without a limit.

    Attributes:
        sockets: Those that are open.
    """

    def __init__(
        self,
        serving: CurrentServing,
        settings: SubscriptionSettings,
        access_log: AccessLog,
        path: str,
        proxies: TrustedProxies | None = None,
        authenticator: Authenticator | None = None,
        hooks: RequestHooks | None = None,
        gate: AddressLimiter | None = None,
    ) -> None:
        self.hooks = hooks
        self.serving = serving
        self.settings = settings
        self.access_log = access_log
        self.authenticator = authenticator
        self.gate = gate
        self._path = path
        self._proxies = proxies
        self.sockets: set[Socket] = set()
        self._draining = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        if self.hooks is not None:
            SCOPE.set(scope)
        raw = raw_head(scope)
        peer = raw.peer if self._proxies is None else self._proxies.resolve(raw.peer, raw.headers)
        status = self._rejected(raw, peer)
        if status:
            await refuse_handshake(scope, send, status)
            return
        if ws_state.SUBPROTOCOL not in scope.get("subprotocols", ()):
            # A browser shows its page no status of a failed handshake, but it does show a close code.
            await send({"type": "websocket.accept"})
            how = ws_state.NOT_ACCEPTABLE
            await send({"type": "websocket.close", "code": how.code, "reason": how.reason})
            return
        socket = Socket(self, receive, send, raw, peer)
        self.sockets.add(socket)
        try:
            await send({"type": "websocket.accept", "subprotocol": ws_state.SUBPROTOCOL})
            await socket.serve()
        except OSError:
            pass  # the client is gone, and its operations with it
        finally:
            self.sockets.discard(socket)
            await socket.cancel()

    def _rejected(self, raw: RawHead, peer: Peer) -> int | None:
        """The status of a handshake that is rejected."""
        settings, headers = self.settings, raw.headers
        if self.gate is not None:
            try:
                self.gate.check(peer.key)
            except ClientError as exc:
                return exc.http_status
        if raw.path != self._path:
            return 404
        host = peer.host or headers.get("host")
        # Without proxies that say it, TLS may have ended before this server.
        scheme = peer.scheme if self._proxies is not None or peer.scheme == "https" else ""
        if not is_allowed_origin(headers.get("origin"), host, settings.allowed_origins, scheme):
            return 403
        if self._draining or len(self.sockets) >= settings.max_connections:
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

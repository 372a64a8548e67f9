"""A WebSocket to the gateway in this process, and one operation over it by the graphql-transport-ws protocol.

No port is opened: ASGI's messages go through two queues.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from typing import Any

from gateway.transport.asgi import Scope

PROTOCOL = "graphql-transport-ws"


class SocketError(Exception):
    """The gateway closed the socket, or did not let it in."""


class OperationSocket:
    """One operation over a socket of its own.

    Args:
        app: The gateway.
        path: Of its endpoint.
        headers: Of the handshake.
        connection_params: The payload of `connection_init`.
    """

    def __init__(
        self,
        app: Any,
        path: str,
        headers: Mapping[str, str],
        connection_params: Mapping[str, Any] | None,
    ) -> None:
        self._app = app
        self._scope = _scope(path, headers)
        self._params = connection_params
        self._sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._received: asyncio.Queue[Any] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def events(self, payload: Mapping[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
        """The results of an operation, each as it comes. Errors: SocketError."""
        self._sent.put_nowait({"type": "websocket.connect"})
        self._task = asyncio.create_task(self._app(self._scope, self._sent.get, self._receive))
        try:
            await self._accepted()
            init: dict[str, Any] = {"type": "connection_init"}
            if self._params is not None:
                init["payload"] = dict(self._params)
            self._send(init)
            self._send({"type": "subscribe", "id": "1", "payload": dict(payload)})
            while True:
                message = await self._message()
                match message["type"]:
                    case "next":
                        yield message["payload"]
                    case "error":
                        yield {"errors": message["payload"]}
                        return
                    case "complete":
                        return
                    case "ping":
                        self._send({"type": "pong"})
        finally:
            await self._leave()

    async def _receive(self, message: Any) -> None:
        self._received.put_nowait(message)

    async def _accepted(self) -> None:
        message = await self._received.get()
        if message["type"] != "websocket.accept":
            raise SocketError(f"the handshake was rejected: {message.get('status', message)}")

    async def _message(self) -> dict[str, Any]:
        message = await self._received.get()
        if message["type"] == "websocket.close":
            reason = message.get("reason") or "no reason"
            raise SocketError(f"closed by the gateway: {message.get('code')} {reason}")
        found: dict[str, Any] = json.loads(message.get("text") or message["bytes"])
        return found

    def _send(self, message: Mapping[str, Any]) -> None:
        self._sent.put_nowait({"type": "websocket.receive", "text": json.dumps(message)})

    async def _leave(self) -> None:
        """Close as a browser does, and wait until the gateway has ended what ran."""
        if self._task is not None:
            self._send({"type": "complete", "id": "1"})
            self._sent.put_nowait({"type": "websocket.disconnect", "code": 1000})
            await self._task


def _scope(path: str, headers: Mapping[str, str]) -> Scope:
    given = [
        (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()
    ]
    return {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "scheme": "ws",
        "server": ("gateway.test", 80),
        "client": ("127.0.0.1", 1),
        "root_path": "",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"host", b"gateway.test"), *given],
        "subprotocols": [PROTOCOL],
        "extensions": {"websocket.http.response": {}},
    }

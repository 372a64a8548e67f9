"""A client of graphql-transport-ws for tests: what is sent and heard, message by message."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from tests.transport.served import Served


class Client:
    """A socket that speaks JSON."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def send(self, **message: Any) -> None:
        await self.socket.send_json(message)

    async def hear(self) -> Any:
        """The next message; the code and the reason when the socket is closed."""
        message = await self.socket.receive(timeout=10)
        if message.type is aiohttp.WSMsgType.CLOSE:
            return (message.data, message.extra)
        return message.json()

    async def subscribe(self, query: str, id_: str = "1", **payload: Any) -> None:
        await self.send(id=id_, type="subscribe", payload={"query": query, **payload})


@asynccontextmanager
async def connected(
    server: Served | str, params: Any = None, **options: Any
) -> AsyncIterator[Client]:
    """A socket, acknowledged unless `params` is False."""
    options.setdefault("protocols", ["graphql-transport-ws"])
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(server if isinstance(server, str) else server.url, **options) as socket,
    ):
        client = Client(socket)
        if params is not False:
            await client.send(type="connection_init", payload=params)
            assert await client.hear() == {"type": "connection_ack"}
        yield client

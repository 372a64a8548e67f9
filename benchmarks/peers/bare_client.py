"""The smallest HTTP/1.1 client that an expert would write by hand: asyncio.Protocol on httptools.

No policy, no TLS, no limit: the floor that a gateway's own client is measured against.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any
from urllib.parse import urlsplit

import httptools


class Connection(asyncio.Protocol):
    """One kept-alive connection with at most one request on it."""

    def __init__(self) -> None:
        self.transport: Any = None
        self.waiter: asyncio.Future[bytes] | None = None
        self.parser: Any = None
        self.parts: list[bytes] = []

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_body(self, data: bytes) -> None:
        self.parts.append(data)

    def on_message_complete(self) -> None:
        waiter, self.waiter = self.waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(self.parts[0] if len(self.parts) == 1 else b"".join(self.parts))

    def connection_lost(self, exc: Exception | None) -> None:
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_exception(exc or ConnectionError("closed"))


class Client:
    """Asks one host over kept-alive connections."""

    def __init__(self, base_url: str) -> None:
        parts = urlsplit(base_url)
        self.host, self.port = parts.hostname or "127.0.0.1", parts.port or 80
        self.idle: deque[Connection] = deque()
        self.tail = (
            f" HTTP/1.1\r\nhost: {parts.netloc}\r\naccept: application/json\r\n\r\n".encode()
        )

    async def get(self, path: bytes) -> bytes:
        """The body of the answer."""
        return await self._send(b"GET " + path + self.tail)

    async def post(self, path: bytes, body: bytes) -> bytes:
        """The body of the answer to a JSON body."""
        head = b"content-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body)
        return await self._send(b"POST " + path + self.tail[:-2] + head + body)

    async def _send(self, request: bytes) -> bytes:
        loop = asyncio.get_running_loop()
        if self.idle:
            connection = self.idle.pop()
        else:
            _, connection = await loop.create_connection(Connection, self.host, self.port)
        connection.parts = []
        connection.parser = httptools.HttpResponseParser(connection)
        waiter = connection.waiter = loop.create_future()
        connection.transport.write(request)
        body: bytes = await waiter
        self.idle.append(connection)
        return body

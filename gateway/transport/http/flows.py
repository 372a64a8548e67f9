"""What an operation reads of its request, or writes of its answer, while the connection goes on: forms and streams."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import MutableMapping
from typing import Any, Protocol

HELD_BYTES = 64 * 1024


class FlowConnection(Protocol):
    """What a flow asks of its connection."""

    def read_more(self) -> None:
        """Read on of the request's body."""
        ...

    async def write(self, data: bytes) -> None:
        """Write on, and wait where the client does not read."""
        ...

    async def wait_gone(self) -> None:
        """Return when the client has gone."""
        ...


class HttpChannel:
    """Where an answer that goes on is written."""

    def __init__(self, connection: FlowConnection, *, is_chunked: bool) -> None:
        self._connection = connection
        self._is_chunked = is_chunked

    async def send(self, data: bytes) -> None:
        """Write on."""
        if data:
            await self._connection.write(
                b"%x\r\n%b\r\n" % (len(data), data) if self._is_chunked else data
            )

    async def disconnected(self) -> None:
        """Return when the client has gone."""
        await self._connection.wait_gone()


class UploadBody:
    """The body of one request as it arrives, for the operation that reads it.

    Attributes:
        is_whole: All of it has arrived.
        is_full: So much waits that no more is read from the client.
    """

    def __init__(self, connection: FlowConnection) -> None:
        self._connection = connection
        self._pieces: deque[bytes] = deque()
        self._size = 0
        self._arrived = asyncio.Event()
        self._is_cut = False
        self.is_whole = False

    @property
    def is_full(self) -> bool:
        """Whether no more is read."""
        return self._size > HELD_BYTES

    def put(self, piece: bytes) -> None:
        """A piece has arrived; b"" is the end."""
        self._pieces.append(piece)
        self._size += len(piece)
        self.is_whole = self.is_whole or not piece
        self._arrived.set()

    def cut(self) -> None:
        """No more will come."""
        self._is_cut = True
        self._arrived.set()

    async def receive(self) -> MutableMapping[str, Any]:
        """The next piece, as ASGI has it."""
        while not self._pieces:
            if self._is_cut:
                return {"type": "http.disconnect"}
            self._arrived.clear()
            self._connection.read_more()
            if not self._pieces:
                await self._arrived.wait()
        piece = self._pieces.popleft()
        self._size -= len(piece)
        return {"type": "http.request", "body": piece, "more_body": bool(piece)}

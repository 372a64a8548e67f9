"""A client of bytes: what is sent is cut where a test wants it, what is heard is read by the RFCs and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson

TIME_S = 2.0
# So many turns of the loop, and the server, which runs in the same one, has read what was sent and answered it
# where nothing has to be waited for.
TURNS = 4


@dataclass(frozen=True, slots=True)
class Answer:
    """One final answer.

    Attributes:
        headers: By name in lower case; values of one name joined.
        interim: The statuses of the interim answers (1xx) before it.
    """

    status: int
    headers: dict[str, str]
    body: bytes
    interim: tuple[int, ...]

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return orjson.loads(self.body)


class Client(asyncio.Protocol):
    """One connection.

    Attributes:
        buffer: What was heard and not yet read.
        is_over: The server has ended its side, or reset the connection.
        error: How it was lost, when it was.
    """

    def __init__(self) -> None:
        self.buffer = b""
        self.is_over = False
        self.error: Exception | None = None
        self.transport: Any = None
        self._heard = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        self._heard.set()

    def eof_received(self) -> bool:
        self.is_over = True
        self._heard.set()
        return True  # our own side stays open

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_over, self.error = True, exc
        self._heard.set()

    async def send(self, *pieces: bytes) -> None:
        """Send; the server reads each piece by itself."""
        for piece in pieces:
            if self.transport.is_closing():
                return
            self.transport.write(piece)
            for _ in range(TURNS):
                await asyncio.sleep(0)

    def shut(self) -> None:
        """End our side: nothing more will be sent."""
        self.transport.write_eof()

    async def answer(self, method: str = "POST") -> Answer:
        """The next final answer. Errors: EOFError when the connection ends before it is whole."""
        interim: list[int] = []
        while True:
            status, headers = await self._head()
            if status >= 200 or status == 101:
                break
            interim.append(status)
        body = await self._body(status, headers, method)
        return Answer(status, headers, body, tuple(interim))

    async def rest(self) -> bytes:
        """What comes until the server ends its side."""
        async with asyncio.timeout(TIME_S):
            while not self.is_over:
                await self._more()
        said, self.buffer = self.buffer, b""
        return said

    async def _more(self) -> None:
        if self.is_over:
            raise EOFError(self.buffer) from self.error
        self._heard.clear()
        await self._heard.wait()

    async def _until(self, mark: bytes) -> bytes:
        async with asyncio.timeout(TIME_S):
            while mark not in self.buffer:
                await self._more()
        found, _, self.buffer = self.buffer.partition(mark)
        return found

    async def exactly(self, size: int) -> bytes:
        """So many bytes. Errors: EOFError."""
        async with asyncio.timeout(TIME_S):
            while len(self.buffer) < size:
                await self._more()
        found, self.buffer = self.buffer[:size], self.buffer[size:]
        return found

    async def _head(self) -> tuple[int, dict[str, str]]:
        first, *lines = (await self._until(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        version, status, *_ = first.split(" ")
        assert version == "HTTP/1.1", first
        headers: dict[str, str] = {}
        for line in lines:
            name, colon, value = line.partition(":")
            assert colon, line
            assert name.strip() == name, line
            name, value = name.lower(), value.strip()
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        return int(status), headers

    async def _body(self, status: int, headers: dict[str, str], method: str) -> bytes:
        if method == "HEAD" or status in (101, 204, 304):
            return b""
        if "transfer-encoding" in headers:
            assert headers["transfer-encoding"] == "chunked"
            assert "content-length" not in headers
            return await self._chunks()
        if "content-length" in headers:
            return await self.exactly(int(headers["content-length"]))
        return await self.rest()

    async def _chunks(self) -> bytes:
        body = b""
        while size := int(await self._until(b"\r\n"), 16):
            body += await self.exactly(size)
            assert await self.exactly(2) == b"\r\n"
        assert await self._until(b"\r\n") == b""
        return body


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[Client]:
    """A connection to 127.0.0.1, reset at the end."""
    loop = asyncio.get_running_loop()
    transport, client = await loop.create_connection(Client, "127.0.0.1", port)
    try:
        yield client
    finally:
        transport.abort()

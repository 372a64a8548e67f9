"""A scripted server on a raw socket, and the marks by which one test runs on every transport.

The script says each byte, so that a test can break the protocol where it likes. It must never sleep:
what happens next is always caused by what came.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from gateway.errors import UpstreamError
from gateway.upstream.build_transport import build_transport
from gateway.upstream.settings import SourceSettings
from gateway.upstream.transport import Transport, UpstreamRequest

# Transports whose every byte of HTTP/1.1 the suite scripts.
KINDS = ("native",)
conforms = pytest.mark.parametrize("kind", KINDS)


def conforms_in(cases: Mapping[str, Any]) -> pytest.MarkDecorator:
    """The same for a test of several `case`s by name."""
    params = [
        pytest.param(kind, case, id=f"{kind}-{name}")
        for kind in KINDS
        for name, case in cases.items()
    ]
    return pytest.mark.parametrize(("kind", "case"), params)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it stood on the wire.

    Attributes:
        head: Without the blank line.
        headers: Names in lower case, in order.
        body: Without its chunks' frames.
        connection: The number of its connection, from 1.
    """

    head: bytes
    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    connection: int

    def header(self, name: str) -> str | None:
        """The first value of a lower-case name."""
        return next((value for key, value in self.headers if key == name), None)


class Wire:
    """One connection that a client made."""

    def __init__(
        self,
        server: Server,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        number: int,
    ) -> None:
        self.number = number
        self._server = server
        self._reader = reader
        self._writer = writer

    @property
    def protocol(self) -> str | None:
        """What ALPN agreed on."""
        tls: ssl.SSLObject = self._writer.get_extra_info("ssl_object")
        return tls.selected_alpn_protocol()

    async def request(self) -> Asked:
        """The next request, whole. Errors: IncompleteReadError when the client closed."""
        asked = await self.head()
        body = b""
        if (length := asked.header("content-length")) is not None:
            body = await self._reader.readexactly(int(length))
        elif asked.header("transfer-encoding") == "chunked":
            while size := int(await self._reader.readuntil(b"\n"), 16):
                body += await self._reader.readexactly(size)
                await self._reader.readexactly(2)
            await self._reader.readexactly(2)
        whole = Asked(asked.head, asked.method, asked.target, asked.headers, body, asked.connection)
        self._server.asked.append(whole)
        return whole

    async def head(self) -> Asked:
        """The next request's head alone."""
        raw = (await self._reader.readuntil(b"\r\n\r\n"))[:-4]
        first, *lines = raw.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ", 2)
        pairs = tuple(line.split(": ", 1) for line in lines)
        headers = tuple((name.lower(), value) for name, value in pairs)
        return Asked(raw, method, target, headers, b"", self.number)

    async def send(self, *data: bytes) -> None:
        """Bytes as they are."""
        for part in data:
            self._writer.write(part)
        await self._writer.drain()

    def end(self) -> None:
        """Close our direction only."""
        self._writer.write_eof()

    def close(self) -> None:
        """Close."""
        self._writer.close()

    def reset(self) -> None:
        """Close with a TCP reset."""
        sock: socket.socket = self._writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    async def until_closed(self) -> bytes:
        """Until the client closes; what it sent before that."""
        try:
            return await self._reader.read()
        except ConnectionError:
            return b""


Script = Callable[[Wire], Awaitable[None]]


@dataclass
class Server:
    """Where it listens, and what it saw.

    Attributes:
        connections: Made so far.
        open: Open now.
        peak: Open at one time, at most.
        errors: What a script raised that is no end of a connection.
    """

    url: str = ""
    connections: int = 0
    open: int = 0
    peak: int = 0
    asked: list[Asked] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def until_open(self, count: int) -> None:
        """Until that many connections are open."""
        async with asyncio.timeout(10):
            while self.open != count:
                self.changed.clear()
                await self.changed.wait()


@asynccontextmanager
async def serving(
    script: Script, *, tls: ssl.SSLContext | None = None, path: str | None = None
) -> AsyncIterator[Server]:
    """A server whose every connection runs `script`, on loopback or a unix socket."""
    state = Server()
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        state.connections += 1
        state.open += 1
        state.peak = max(state.peak, state.open)
        state.changed.set()
        task: Any = asyncio.current_task()
        tasks.add(task)
        try:
            await script(Wire(state, reader, writer, state.connections))
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass
        except asyncio.CancelledError:
            pass  # by the end of `serving`, which awaits this task; asyncio would log it
        except Exception as exc:
            state.errors.append(exc)
        finally:
            tasks.discard(task)
            writer.close()
            state.open -= 1
            state.changed.set()

    if path is not None:
        server = await asyncio.start_unix_server(connected, path, ssl=tls)
        state.url = "http://unix.test"
    else:
        server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls, backlog=512)
        port = server.sockets[0].getsockname()[1]
        state.url = f"https://localhost:{port}" if tls else f"http://127.0.0.1:{port}"
    try:
        yield state
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert state.errors == []


def answer(body: bytes = b"{}", status: str = "200 OK", *headers: str) -> bytes:
    """A whole answer with a length."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def answering(*answers: bytes) -> Script:
    """Answers in turn, the last for ever, on every connection."""

    async def script(wire: Wire) -> None:
        turn = 0
        while True:
            await wire.request()
            await wire.send(answers[min(turn, len(answers) - 1)])
            turn += 1

    return script


async def echo(wire: Wire) -> None:
    """Answer every request with its target and its body."""
    while True:
        asked = await wire.request()
        await wire.send(answer(asked.target.encode() + b" " + asked.body))


@asynccontextmanager
async def transport_of(kind: str, **settings: Any) -> AsyncIterator[Transport]:
    """A transport by its name in the settings."""
    made = build_transport(SourceSettings(transport=kind, **settings))  # type: ignore[arg-type]
    try:
        yield made
    finally:
        await made.aclose()


def soon(seconds: float = 10.0) -> float:
    """A deadline that far from now."""
    return asyncio.get_running_loop().time() + seconds


async def call(
    transport: Transport,
    url: str,
    method: str = "GET",
    body: bytes | AsyncIterator[bytes] | None = None,
    *,
    headers: tuple[tuple[str, str], ...] = (),
    seconds: float = 10.0,
    max_bytes: int = 1 << 20,
    is_read: bool = False,
) -> tuple[int, bytes]:
    """Send, read the whole answer: its status and body."""
    request = UpstreamRequest(method, url, headers, body, source="s", is_read=is_read)
    response = await transport.send(request, soon(seconds))
    try:
        return response.status, await response.read_body(max_bytes)
    finally:
        await response.aclose()


async def code_of(awaitable: Awaitable[Any]) -> str:
    """The code of the UpstreamError that it must end with."""
    with pytest.raises(UpstreamError) as caught:
        await awaitable
    assert caught.value.source in ("s", "")
    return caught.value.code

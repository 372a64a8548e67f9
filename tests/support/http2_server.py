"""A scripted HTTP/2 server on a real socket, on the h2 package: each request is a function of the test.

It holds to flow control as a backend does, and breaks the protocol only where a script says so. It must
never sleep: what happens next is always caused by what came.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings

Pairs = Sequence[tuple[str, str]]


@dataclass(slots=True)
class Asked:
    """One request: its stream, headers with the pseudo ones, and body."""

    stream: int
    connection: int
    headers: dict[str, str]
    body: bytes = b""


class Peer:
    """One connection that a client made, and what was asked on it."""

    def __init__(self, server: Server, writer: asyncio.StreamWriter, number: int) -> None:
        self.number = number
        self.server = server
        self.writer = writer
        config = h2.config.H2Configuration(client_side=False, header_encoding="latin-1")
        self.h2 = h2.connection.H2Connection(config)
        self.changed = asyncio.Event()
        self.asking: dict[int, Asked] = {}
        self.tasks: dict[int, asyncio.Task[None]] = {}

    def flush(self) -> None:
        """Write what h2 has to say."""
        if data := self.h2.data_to_send():
            self.writer.write(data)

    def head(
        self, stream: int, status: str = "200", more: Pairs = (), *, end: bool = False
    ) -> None:
        """An answer's head."""
        self.h2.send_headers(stream, [(":status", status), *more], end_stream=end)
        self.flush()

    async def data(self, stream: int, body: bytes, *, end: bool = True) -> None:
        """A body, as fast as the client's windows let it."""
        view = memoryview(body)
        while view:
            size = min(
                len(view),
                self.h2.local_flow_control_window(stream),
                self.h2.max_outbound_frame_size,
            )
            if size <= 0:
                self.changed.clear()
                await self.changed.wait()
                continue
            self.h2.send_data(stream, bytes(view[:size]))
            self.flush()
            await self.writer.drain()
            view = view[size:]
        if end:
            self.h2.end_stream(stream)
            self.flush()

    async def answer(
        self, asked: Asked, body: bytes, more: Pairs = (), status: str = "200"
    ) -> None:
        """A whole answer."""
        self.head(asked.stream, status, more)
        await self.data(asked.stream, body)

    def refuse(
        self, stream: int, code: h2.errors.ErrorCodes = h2.errors.ErrorCodes.REFUSED_STREAM
    ) -> None:
        """RST_STREAM."""
        self.h2.reset_stream(stream, code)
        self.flush()

    def goaway(self, last: int, code: int = 0) -> None:
        """GOAWAY, as a server sends it that goes on serving what it has (h2 would stop)."""
        self.flush()
        payload = struct.pack(">II", last, code)
        self.writer.write(len(payload).to_bytes(3, "big") + b"\x07\x00" + bytes(4) + payload)

    def reset(self) -> None:
        """Close with a TCP reset."""
        sock: socket.socket = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


Handle = Callable[[Peer, Asked], Awaitable[None]]


@dataclass
class Server:
    """Where it listens, and what it saw.

    Attributes:
        connections: Made so far; `open` now.
        asked: Whole requests, in the order in which they ended.
        resets: Streams that the client reset, with the code.
        errors: What a script raised that is no end of a stream or connection.
    """

    url: str = ""
    connections: int = 0
    open: int = 0
    asked: list[Asked] = field(default_factory=list)
    resets: list[tuple[int, int]] = field(default_factory=list)
    errors: list[BaseException] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Until what was seen is so."""
        async with asyncio.timeout(30), self.changed:
            await self.changed.wait_for(holds)


async def connected(
    peer: Peer,
    reader: asyncio.StreamReader,
    handle: Handle,
    settings: dict[Any, int],
    *,
    at_head: bool,
) -> None:
    """One connection until its end."""
    server = peer.server
    if settings:
        peer.h2.local_settings = h2.settings.Settings(client=False, initial_values=settings)
    peer.h2.initiate_connection()
    peer.flush()
    while data := await reader.read(1 << 16):
        for event in peer.h2.receive_data(data):
            receive(peer, event, handle, at_head=at_head)
        peer.flush()
        peer.changed.set()
        async with server.changed:
            server.changed.notify_all()


def receive(peer: Peer, event: h2.events.Event, handle: Handle, *, at_head: bool) -> None:
    """One event; a whole request becomes a task."""
    match event:
        case h2.events.RequestReceived():
            headers = {str(name): str(value) for name, value in event.headers}
            peer.asking[event.stream_id] = asked = Asked(event.stream_id, peer.number, headers)
            if at_head:
                begin(peer, asked, handle)
        case h2.events.DataReceived():
            peer.asking[event.stream_id].body += event.data
            peer.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        case h2.events.StreamEnded():
            asked = peer.asking.pop(event.stream_id)
            if not at_head:
                begin(peer, asked, handle)
        case h2.events.StreamReset():
            peer.server.resets.append((event.stream_id, int(event.error_code)))
            if (task := peer.tasks.pop(event.stream_id, None)) is not None:
                task.cancel()


def begin(peer: Peer, asked: Asked, handle: Handle) -> None:
    """Run a request's script."""
    peer.server.asked.append(asked)
    peer.tasks[asked.stream] = asyncio.ensure_future(handled(peer, asked, handle))


async def handled(peer: Peer, asked: Asked, handle: Handle) -> None:
    """A script; a stream or connection that the client has closed ends it."""
    try:
        await handle(peer, asked)
    except (h2.exceptions.ProtocolError, ConnectionError, KeyError):
        pass
    except asyncio.CancelledError:
        pass  # by `receive` or the end of `serving_http2`
    except Exception as exc:
        peer.server.errors.append(exc)
    finally:
        peer.tasks.pop(asked.stream, None)


@asynccontextmanager
async def serving_http2(
    handle: Handle,
    *,
    tls: ssl.SSLContext | None = None,
    settings: dict[Any, int] | None = None,
    at_head: bool = False,
) -> AsyncIterator[Server]:
    """A server that answers each request by `handle`, on loopback; before its body comes if `at_head`."""
    state = Server()
    peers: dict[Peer, asyncio.Task[None]] = {}

    async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        state.connections += 1
        state.open += 1
        peer = Peer(state, writer, state.connections)
        peers[peer] = asyncio.current_task()  # type: ignore[assignment]
        try:
            await connected(peer, reader, handle, settings or {}, at_head=at_head)
        except (ConnectionError, ssl.SSLError, asyncio.CancelledError, h2.exceptions.ProtocolError):
            pass
        finally:
            del peers[peer]
            for task in list(peer.tasks.values()):
                task.cancel()
            writer.close()
            state.open -= 1
            async with state.changed:
                state.changed.notify_all()

    server = await asyncio.start_server(accepted, "127.0.0.1", 0, ssl=tls, backlog=512)
    port = server.sockets[0].getsockname()[1]
    state.url = f"https://localhost:{port}" if tls else f"http://127.0.0.1:{port}"
    try:
        yield state
    finally:
        server.close()
        tasks = list(peers.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert state.errors == []


async def echo(peer: Peer, asked: Asked) -> None:
    """Answer with the target and the body."""
    await peer.answer(asked, asked.headers[":path"].encode() + b" " + asked.body)

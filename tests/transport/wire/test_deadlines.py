"""What a connection may take: time for a head, a body, an answer that is read, and between requests."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from tests.transport.served import served
from tests.transport.wire.case import asks, chunk, chunked_raw, get, message, post, split_head
from tests.transport.wire.client import Client, connected
from tests.transport.wire.clock import Clock
from tests.transport.wire.conftest import Wire
from tests.transport.wire.project import write_project
from tests.transport.wire.test_connections import WAITS, until
from tests.transport.wire.test_cuts import FIRST_FRAME, HANDSHAKE

pytestmark = pytest.mark.asyncio(loop_scope="module")

# The defaults of `[server]`.
HEADER_S, BODY_S, WRITE_S, KEEPALIVE_S = 10, 30, 30, 75
LARGE = b'{"query":"{ many(bytes: 5000000) }"}'
EVENTS = b'{"query":"subscription { ticks }"}'


class Timed:
    """A server and its time."""

    def __init__(self, wire: Wire, clock: Clock) -> None:
        self.wire, self.clock = wire, clock


@pytest_asyncio.fixture(loop_scope="module")
async def timed(protocol: Wire) -> AsyncIterator[Timed]:
    """The server under a clock of the test's own."""
    protocol.begin()
    yield Timed(protocol, Clock(protocol.server.app))
    protocol.state["gate"].set()


async def is_waiting(client: Client) -> bool:
    """Whether a connection is open and nothing was said."""
    await asyncio.sleep(0.005)
    return not client.is_over and client.buffer == b""


HALF_HEADS = {
    "one byte": b"P",
    "half a line": b"POST /gra",
    "half a field": b"POST /graphql HTTP/1.1\r\nhos",
    "all but its end": split_head(post("a"))[0][:-2],
}
HALF_BODIES = {
    "nothing of it": split_head(post("a"))[0],
    "half of it": post("a")[:-3],
    "half of it, in the next read": (split_head(post("a"))[0], b"{"),
    "no chunk": chunked_raw(b""),
    "half a chunk": chunked_raw(chunk(asks("a"))[:-5]),
    "no last chunk": chunked_raw(chunk(asks("a"))),
    "half a trailer": chunked_raw(chunk(asks("a")) + b"0\r\nx-a: "),
    "a client that was told to go on": split_head(post("a", b"expect: 100-continue"))[0],
    "a body that nobody reads": message(b"GET /health/live HTTP/1.1", b"host: test", b"content-length: 5"),
    "a body of an unknown path": message(b"POST /nowhere HTTP/1.1", b"host: test", b"content-length: 5"),
}  # fmt: skip


@pytest.mark.parametrize("name", HALF_HEADS)
async def test_a_head_has_a_time(timed: Timed, name: str) -> None:
    async with connected(timed.wire.port) as client:
        await client.send(HALF_HEADS[name])
        await timed.clock.advance(HEADER_S - 1)
        assert await is_waiting(client)
        await timed.clock.advance(2)
        assert (await client.answer()).status == 408
        assert await client.rest() == b""
    assert timed.wire.state["ran"] == []


@pytest.mark.parametrize("before", [(), (post("a"),)], ids=["the first", "behind another"])
async def test_a_head_that_comes_slowly_has_no_more(
    timed: Timed, before: tuple[bytes, ...]
) -> None:
    async with connected(timed.wire.port) as client:
        await client.send(*before)
        for _ in before:
            assert (await client.answer()).status == 200
        for byte in (b"P", b"O", b"S", b"T", b" ", b"/"):
            await client.send(byte)
            await timed.clock.advance(HEADER_S / 5)
        assert (await client.answer()).status == 408
        assert await client.rest() == b""


async def test_a_connection_that_says_nothing_has_a_time(timed: Timed) -> None:
    async with connected(timed.wire.port) as client:
        await client.send()
        assert await is_waiting(client)
        await timed.clock.advance(KEEPALIVE_S + 1)
        assert (await client.rest())[:13] in (b"", b"HTTP/1.1 408 ")


async def test_line_ends_are_no_head(timed: Timed) -> None:
    async with connected(timed.wire.port) as client:
        for _ in range(20):
            await client.send(b"\r\n")
            await timed.clock.advance(KEEPALIVE_S / 10)
        assert (await client.rest())[:12] in (b"", b"HTTP/1.1 408", b"HTTP/1.1 400")


@pytest.mark.parametrize("name", HALF_BODIES)
async def test_a_body_has_a_time(timed: Timed, name: str) -> None:
    async with connected(timed.wire.port) as client:
        sent = HALF_BODIES[name]
        await client.send(*(sent if isinstance(sent, tuple) else (sent,)))
        early = client.buffer.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
        if early:  # it was answered by its head alone
            await client.answer()
        await timed.clock.advance(BODY_S - 1)
        if not early:
            assert client.buffer.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n") == b""
        await timed.clock.advance(2)
        if not early:
            assert (await client.answer()).status == 408
        assert await client.rest() == b""
    assert timed.wire.state["ran"] == []


async def test_a_body_that_goes_on_has_more(timed: Timed) -> None:
    """A second for each 500 bytes."""
    head, body = split_head(post(asks("a").ljust(90_000)))
    async with connected(timed.wire.port) as client:
        await client.send(head)
        for at in range(0, 90_000, 30_000):
            await client.send(body[at : at + 30_000])
            if at < 60_000:
                await timed.clock.advance(BODY_S + 20)
                assert await is_waiting(client)
        assert (await client.answer()).json == {"data": {"echo": "a"}}


async def test_a_body_that_comes_too_slowly_has_no_more(timed: Timed) -> None:
    head, body = split_head(post(asks("a").ljust(1_000)))
    async with connected(timed.wire.port) as client:
        await client.send(head)
        for at in range(40):
            await client.send(body[at : at + 1])
            await timed.clock.advance(1)
        assert (await client.answer()).status == 408
        assert await client.rest() == b""


async def test_time_between_requests(timed: Timed) -> None:
    async with connected(timed.wire.port) as client:
        for _ in range(3):
            await client.send(post("a"))
            assert (await client.answer()).status == 200
            await timed.clock.advance(KEEPALIVE_S - 1)
            assert await is_waiting(client)
        await timed.clock.advance(2)
        assert await client.rest() == b""


async def test_an_operation_has_its_own_time(timed: Timed) -> None:
    async with connected(timed.wire.port) as client:
        await client.send(post(WAITS))
        await until(lambda: timed.wire.state["begun"] == 1)
        await timed.clock.advance(10 * KEEPALIVE_S)
        timed.wire.state["gate"].set()
        assert (await client.answer()).json == {"data": {"echo": "slow"}}
        await client.send(get("b"))
        assert (await client.answer("GET")).json == {"data": {"echo": "b"}}


@asynccontextmanager
async def reads_nothing(port: int, *sent: bytes) -> AsyncIterator[socket.socket]:
    """A client that has asked and does not read."""
    loop = asyncio.get_running_loop()
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.setblocking(False)
        await loop.sock_connect(client, ("127.0.0.1", port))
        for piece in sent:
            await loop.sock_sendall(client, piece)
            await asyncio.sleep(0.01)
        yield client


async def test_an_answer_that_nobody_reads_has_a_time(timed: Timed) -> None:
    before = len(timed.wire.server.connections)
    async with reads_nothing(timed.wire.port, post(LARGE)):
        await asyncio.sleep(0.05)
        for seconds in (1, WRITE_S / 2, WRITE_S / 3):
            await timed.clock.advance(seconds)
            assert len(timed.wire.server.connections) == before + 1
        await timed.clock.advance(WRITE_S)
        await until(lambda: len(timed.wire.server.connections) == before)


async def test_an_answer_that_is_read_slowly_has_more(timed: Timed) -> None:
    loop, size, seconds = asyncio.get_running_loop(), 0, 0
    async with reads_nothing(timed.wire.port, post(LARGE, b"connection: close")) as client:
        while data := await loop.sock_recv(client, 100_000):
            size += len(data)
            if size > 1_000_000 * (seconds / 10 + 1) and size < 4_000_000:
                await asyncio.sleep(0.01)
                await timed.clock.advance(WRITE_S - 20)
                seconds += WRITE_S - 20
    assert size > 5_000_000
    assert seconds >= WRITE_S


async def test_the_answer_to_a_last_request_is_sent_whole(timed: Timed) -> None:
    """The server's wait for the client's end begins when the client has taken the answer."""
    loop, size = asyncio.get_running_loop(), 0
    async with reads_nothing(timed.wire.port, post(LARGE, b"connection: close")) as client:
        for _ in range(4):
            await timed.clock.advance(5)
        while data := await loop.sock_recv(client, 1_000_000):
            size += len(data)
    assert size > 5_000_000


async def test_answers_that_nobody_reads_are_not_asked_for_in_advance(timed: Timed) -> None:
    """What is sent in advance of an answer that waits for its reader is not executed."""
    async with reads_nothing(timed.wire.port, post(LARGE) + post("a") * 50):
        await asyncio.sleep(0.05)
        assert len(timed.wire.state["ran"]) < 50


async def test_an_event_stream_that_nobody_reads_has_a_time(timed: Timed) -> None:
    body = b'{"query":"subscription { floods }"}'
    before = len(timed.wire.server.connections)
    async with reads_nothing(timed.wire.port, post(body, b"accept: text/event-stream")):
        await asyncio.sleep(0.1)
        assert len(timed.wire.server.connections) == before + 1
        await timed.clock.advance(WRITE_S + 1)
        await timed.clock.advance(WRITE_S + 1)
        await until(lambda: len(timed.wire.server.connections) == before)
    await until(lambda: timed.wire.state["ended"] == 1)


async def test_an_event_stream_that_is_read_has_no_end(timed: Timed) -> None:
    async with connected(timed.wire.port) as client:
        await client.send(post(EVENTS, b"accept: text/event-stream"))
        await until(lambda: b"tick" in client.buffer)
        await timed.clock.advance(10 * KEEPALIVE_S)
        assert not client.is_over
        timed.wire.state["gate"].set()
        await until(lambda: b"tock" in client.buffer)


async def test_a_websocket_that_is_used_has_no_end(timed: Timed) -> None:
    async with connected(timed.wire.port) as client:
        await client.send(HANDSHAKE + FIRST_FRAME)
        assert (await client.answer("GET")).status == 101
        await until(lambda: b"connection_ack" in client.buffer)
        await timed.clock.advance(10 * KEEPALIVE_S)
        assert not client.is_over


async def test_a_websocket_that_nobody_reads_has_a_time(timed: Timed) -> None:
    subscribe = b'{"id":"1","type":"subscribe","payload":{"query":"subscription { floods }"}}'
    frame = bytes((0x81, 0x80 | len(subscribe))) + bytes(4) + subscribe
    before = len(timed.wire.server.connections)
    async with reads_nothing(timed.wire.port, HANDSHAKE + FIRST_FRAME, frame):
        await until(lambda: timed.wire.state["begun"] == 1)
        await asyncio.sleep(0.05)
        await timed.clock.advance(WRITE_S + 1)
        await timed.clock.advance(WRITE_S + 1)
        await until(lambda: len(timed.wire.server.connections) == before)
    await until(lambda: timed.wire.state["ended"] == 1)


@pytest.mark.parametrize("setting", ["header_timeout_s", "body_timeout_s", "write_timeout_s", "keepalive_s"])  # fmt: skip
async def test_each_time_can_be_set(tmp_path: Path, setting: str) -> None:
    async with served(write_project(tmp_path, f"[server]\n{setting} = 0.05\n")) as server:
        wire = Wire(server)
        sent = {
            "header_timeout_s": (b"POST",),
            "body_timeout_s": (post("a")[:-1],),
            "keepalive_s": (post("a"),),
            "write_timeout_s": (post(LARGE),),
        }[setting]
        if setting == "write_timeout_s":
            async with reads_nothing(wire.port, *sent):
                await until(lambda: len(server.app.connections.open) == 0)
            return
        async with connected(wire.port) as client:
            await client.send(*sent)
            said = await client.rest()
            expected = b"HTTP/1.1 200 " if setting == "keepalive_s" else b"HTTP/1.1 408 "
            assert said.startswith(expected)

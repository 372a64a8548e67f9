"""Hostile sockets: each is closed or answered, none is heard by another client, and nothing stays behind."""

from __future__ import annotations

import asyncio
import json
import os
import struct
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.transport.served import Served, served
from tests.transport.sockets import connected
from tests.transport.stream_project import state, stream_project

INIT = '{"type":"connection_init"}'
DEEP = '{"type":"ping","payload":' + '{"a":' * 2_000 + "1" + "}" * 2_000 + "}"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Served]:
    with stream_project(tmp_path) as config:
        async with served(config) as running:
            state()["gate"] = asyncio.Event()
            yield running
            assert not any(
                word in (tmp_path / "errors.log").read_text() for word in ("Traceback", "error_id")
            )


async def still_serves(server: Served) -> None:
    async with connected(server) as client:
        await client.subscribe("{ hello }")
        assert (await client.hear())["payload"] == {"data": {"hello": "hello you"}}
    async with asyncio.timeout(20):
        while server.app.worker.sockets.sockets:
            await asyncio.sleep(0.001)
    assert server.app.worker.serving().subscriptions.streams.feeds == {}


@pytest.mark.parametrize(
    ("messages", "codes"),
    [
        (["{"], {4400}),
        ([""], {4400}),
        (["null"], {4400}),
        (["\x00"], {4400}),
        (["[" * 100_000], {1009}),
        ([INIT, "[" * 100_000], {4400}),
        ([DEEP], {4400}),
        (["9" * 5_000], {4400}),
        (['{"type":"ping","payload":' + "1e999" + "}"], {4400}),
        (['{"type":"connection_init","payload":{"\\ud800":1}}'], {4400}),
        (["x" * 10_000_000], {1009}),
        ([b"x" * 10_000_000], {1009}),
        ([b""], {4400}),
        ([INIT.encode()], {4400}),
        ([INIT, '{"type":"subscribe","id":"' + "i" * 500_000 + '","payload":{}}'], {4400}),
        ([INIT, '{"type":"subscribe","id":"","payload":{"query":"{a}"}}'], {4400}),
        ([INIT, '{"type":"subscribe","id":1,"payload":{"query":"{a}"}}'], {4400}),
        ([INIT, '{"type":"subscribe","id":"1","payload":{"query":["{a}"]}}'], {4400}),
        ([INIT, '{"type":"subscribe","id":"1","payload":{"query":"{a}","variables":[]}}'], {4400}),
        ([INIT, '{"type":"next","id":"1","payload":{}}'], {4400}),
        ([INIT, '{"type":"' + "t" * 100_000 + '"}'], {4400}),
        ([INIT] * 50, {4429}),
    ],
)
async def test_messages(server: Served, messages: list[str | bytes], codes: set[int]) -> None:
    async with connected(server, False) as client:
        try:
            for message in messages:
                if isinstance(message, str):
                    await client.socket.send_str(message)
                else:
                    await client.socket.send_bytes(message)
        except ConnectionError:  # the server has closed in the middle of the message
            assert codes == {1009}
            await still_serves(server)
            return
        while isinstance(heard := await client.hear(), dict):
            assert heard == {"type": "connection_ack"}
        assert heard[0] in codes
    await still_serves(server)


async def test_an_id_without_a_character_is_named_so(server: Served) -> None:
    async with connected(server) as client:
        await client.send(type="subscribe", id="", payload={"query": "{a}"})
        assert await client.hear() == (
            4400,
            "The id of subscribe must be a string that is not empty",
        )


async def test_a_flood_of_pings_is_answered_at_the_speed_it_is_read(server: Served) -> None:
    async with connected(server) as client:
        for _ in range(2_000):
            await client.send(type="ping")
        for _ in range(2_000):
            assert await client.hear() == {"type": "pong"}
    await still_serves(server)


async def test_operations_that_come_and_go(server: Served) -> None:
    async with connected(server) as client:
        for _ in range(300):
            await client.subscribe("subscription { forever }")
            await client.send(id="1", type="complete")
        await client.send(type="ping")
        while await client.hear() != {"type": "pong"}:
            pass
    await still_serves(server)
    assert state()["opened"] == state()["closed"]


async def test_a_client_that_does_not_read_costs_a_bounded_queue(server: Served) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    await handshake(reader, writer)
    writer.write(frame(INIT.encode()))
    ask = {"type": "subscribe", "id": "1", "payload": {"query": "subscription { said { text } }"}}
    writer.write(frame(json.dumps(ask).encode()))
    streams = server.app.worker.serving().subscriptions.streams
    while not streams.feeds:
        await asyncio.sleep(0)
    (feed,) = streams.feeds.values()
    text = "x" * 100_000
    for _ in range(400):  # far more than sockets and buffers hold
        await server.app.worker.broker.publish("said.hall", {"text": text})
        await asyncio.sleep(0)
    assert not feed._listeners
    writer.transport.abort()
    await still_serves(server)


async def handshake(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(
        b"GET /graphql HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
    )
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101")


def frame(payload: bytes, first: int = 0x81, *, masked: bool = True) -> bytes:
    """A frame as it stands on the wire; by default a whole text message."""
    mask = os.urandom(4) if masked else b"\0\0\0\0"
    size = len(payload)
    bit = 0x80 if masked else 0
    head = bytes([first, bit | size]) if size < 126 else struct.pack("!BBH", first, bit | 126, size)
    body = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
    return head + (mask if masked else b"") + body


@pytest.mark.parametrize(
    "wire",
    [
        frame(b"\xff\xfe"),  # not UTF-8
        frame(INIT.encode(), masked=False),
        frame(INIT.encode(), 0xF1),  # reserved bits
        frame(INIT.encode(), 0x83),  # a reserved opcode
        frame(b"x", 0x80),  # the end of a message that never began
        frame(b"x" * 200, 0x89),  # a control frame that is too long
        frame(b"\x00", 0x88),  # a close frame of half a code
        frame(b"\x03\xe7", 0x88),  # a close code that is none
        frame(b"{", 0x01) + frame(b"}", 0x01),  # a message within a message
        b"\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff" + b"\0" * 4,  # of 2^64 bytes
        os.urandom(2_000),
        b"GET /graphql HTTP/1.1\r\n\r\n",
        b"",
    ],
)
async def test_bytes_that_are_no_messages(server: Served, wire: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    await handshake(reader, writer)
    writer.write(wire)
    writer.write_eof()
    async with asyncio.timeout(20):
        await reader.read()
    writer.close()
    await still_serves(server)


async def test_a_message_in_a_thousand_pieces(server: Served) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    await handshake(reader, writer)
    text = (INIT + " " * 970).encode()
    writer.write(frame(text[:1], 0x01))
    for byte in text[1:-1]:
        writer.write(frame(bytes([byte]), 0x00))
    writer.write(frame(text[-1:], 0x80))
    assert b"connection_ack" in await reader.readuntil(b"}")
    writer.close()
    await still_serves(server)


@pytest.mark.parametrize("count", [300])
async def test_sockets_that_are_opened_and_dropped(server: Served, count: int) -> None:
    for number in range(count):
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        if number % 3:
            writer.write(b"GET /graphql HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n")
        writer.close()
    await still_serves(server)

"""However a message is cut into reads, it means the same: at every byte, and at random in up to seven pieces."""

from __future__ import annotations

import asyncio
import itertools
from random import Random

import pytest

from tests.transport.wire.case import (
    asks,
    asks_header,
    chunk,
    chunked,
    chunked_raw,
    get,
    message,
    post,
)
from tests.transport.wire.client import Answer, connected
from tests.transport.wire.conftest import Wire
from tests.transport.wire.upgrades import OFFERS, WEBSOCKET

pytestmark = pytest.mark.asyncio(loop_scope="module")

HANDSHAKE = message(
    b"GET /graphql HTTP/1.1",
    b"host: test",
    b"sec-websocket-protocol: graphql-transport-ws",
    *WEBSOCKET,
)
INIT = b'{"type":"connection_init"}'
FIRST_FRAME = bytes((0x81, 0x80 | len(INIT))) + bytes(4) + INIT  # masked with zeros
TRAILERS = b"x-user: admin\r\nx-other: b\r\n"
SENT: dict[str, tuple[bytes, tuple[int, ...], tuple[str, ...]]] = {
    "a GET": (get("a", b"x-a: b"), (200,), ("a",)),
    "a POST": (post("a"), (200,), ("a",)),
    "chunks and trailers": (
        chunked_raw(b"".join(chunk(part, b"%x;a=b" % len(part)) for part in (asks_header("x-user")[:9], asks_header("x-user")[9:])) + b"0\r\n" + TRAILERS + b"\r\n"),
        (200,),
        ("nothing",),
    ),
    "two in advance": (post("a") + chunked("b", trailers=TRAILERS), (200, 200), ("a", "b")),
    "an offer to upgrade": (post("a", *OFFERS["h2c"]) + post("b"), (200, 200), ("a", "b")),
    "an expectation": (post("a", b"expect: 100-continue"), (200,), ("a",)),
    "a broken message behind a good one": (post("a") + message(b"POST /graphql HTTP/1.1", b"host: test", b"content-length: 1", b"content-length: 2"), (200, 400), ("a",)),
    "a coding that is not served": (message(b"POST /graphql HTTP/1.1", b"host: test", b"transfer-encoding: gzip, chunked", body=chunk(asks("a"))), (501,), ()),
}  # fmt: skip


async def heard(wire: Wire, pieces: tuple[bytes, ...], count: int) -> list[Answer]:
    """The answers on a connection of its own."""
    wire.begin()
    async with connected(wire.port) as client:
        await client.send(*pieces)
        return [await client.answer() for _ in range(count)]


async def check(wire: Wire, name: str, pieces: tuple[bytes, ...]) -> None:
    """However it is cut, what it means is the same."""
    _, statuses, ran = SENT[name]
    answers = await heard(wire, pieces, len(statuses))
    assert tuple(answer.status for answer in answers) == statuses, pieces
    assert tuple(wire.state["ran"]) == ran, pieces
    told = tuple(each.json["data"]["echo"] for each in answers if each.status == 200)
    assert told == ran, pieces


@pytest.mark.parametrize("name", SENT)
async def test_cut_at_every_byte(protocol: Wire, name: str) -> None:
    sent = SENT[name][0]
    for at in range(len(sent)):
        await check(protocol, name, (sent[:at], sent[at:]) if at else (sent,))


@pytest.mark.parametrize("name", SENT)
async def test_cut_at_random(protocol: Wire, name: str) -> None:
    sent, rng = SENT[name][0], Random(name)
    for _ in range(40):
        cuts = sorted(rng.sample(range(1, len(sent)), rng.randrange(7)))
        bounds = [0, *cuts, len(sent)]
        pieces = tuple(sent[a:b] for a, b in itertools.pairwise(bounds))
        await check(protocol, name, pieces)


@pytest.mark.parametrize("name", SENT)
async def test_byte_by_byte(protocol: Wire, name: str) -> None:
    sent = SENT[name][0]
    await check(protocol, name, tuple(sent[at : at + 1] for at in range(len(sent))))


async def opens(wire: Wire, *pieces: bytes) -> None:
    """A WebSocket opens, and its first message is heard."""
    async with connected(wire.port) as client:
        await client.send(*pieces)
        answer = await client.answer("GET")
        assert answer.status == 101, pieces
        assert answer.headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        ack = b'{"type":"connection_ack"}'
        assert await client.exactly(2 + len(ack)) == bytes((0x81, len(ack))) + ack, pieces


async def test_a_websocket_handshake_cut_at_every_byte(protocol: Wire) -> None:
    whole = HANDSHAKE + FIRST_FRAME
    for at in range(1, len(whole)):
        await opens(protocol, whole[:at], whole[at:])


async def test_a_websocket_with_its_first_frame_in_the_same_read(protocol: Wire) -> None:
    await opens(protocol, HANDSHAKE + FIRST_FRAME)


async def test_a_websocket_behind_a_request(protocol: Wire) -> None:
    async with connected(protocol.port) as client:
        await client.send(post("a") + HANDSHAKE + FIRST_FRAME)
        assert (await client.answer()).json == {"data": {"echo": "a"}}
        answer = await client.answer("GET")
        assert answer.status == 101
        await asyncio.sleep(0)

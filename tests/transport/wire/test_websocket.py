"""Which handshakes become a WebSocket, and what of the rest is a request."""

from __future__ import annotations

import pytest

from tests.transport.wire.case import HOST, asks, message, post
from tests.transport.wire.client import connected
from tests.transport.wire.conftest import Wire
from tests.transport.wire.upgrades import WEBSOCKET

pytestmark = pytest.mark.asyncio(loop_scope="module")

GET = b"GET /graphql HTTP/1.1"
WITH_QUERY = b"GET /graphql?query={echo(text:%22a%22)} HTTP/1.1"


def without(name: bytes) -> tuple[bytes, ...]:
    """The handshake without one field."""
    return tuple(line for line in WEBSOCKET if not line.startswith(name))


def changed(name: bytes, value: bytes) -> tuple[bytes, ...]:
    """The handshake with another value."""
    return (*without(name), name + b": " + value)


REFUSED = {
    "no key": without(b"sec-websocket-key"),
    "no version": without(b"sec-websocket-version"),
    "another version": changed(b"sec-websocket-version", b"8"),
    "a key that is too short": changed(b"sec-websocket-key", b"YQ=="),
    "a key that is no base64": changed(b"sec-websocket-key", b"????????????????????????"),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_a_handshake_that_is_none_opens_no_socket(protocol: Wire, name: str) -> None:
    """RFC 6455 §4.2.1, §4.4: refused, or the request that it is without the offer."""
    protocol.begin()
    async with connected(protocol.port) as client:
        await client.send(message(WITH_QUERY, HOST, *REFUSED[name]))
        answer = await client.answer("GET")
        assert answer.status in (200, 400, 426)
        if answer.status == 426:
            assert answer.headers["sec-websocket-version"] == "13"


@pytest.mark.parametrize("name", ["no Upgrade", "no Connection", "HTTP/1.0"])
async def test_an_offer_that_is_none_is_a_request(protocol: Wire, name: str) -> None:
    protocol.begin()
    line = WITH_QUERY.replace(b"1.1", b"1.0") if name == "HTTP/1.0" else WITH_QUERY
    fields: tuple[bytes, ...] = WEBSOCKET
    if name == "no Upgrade":
        fields = without(b"upgrade")
    elif name == "no Connection":
        fields = without(b"connection")
    async with connected(protocol.port) as client:
        await client.send(message(line, HOST, *fields))
        assert (await client.answer("GET")).json == {"data": {"echo": "a"}}
    assert protocol.state["ran"] == ["a"]


async def test_a_handshake_with_a_body_is_none(protocol: Wire) -> None:
    """RFC 6455 §4.1 knows no body: the offer is not taken, and nothing of the body is executed."""
    protocol.begin()
    inner = post("inner")
    async with connected(protocol.port) as client:
        sent = message(GET, HOST, *WEBSOCKET, b"content-length: %d" % len(inner), body=inner)
        await client.send(sent)
        assert (await client.answer("GET")).status == 400  # it is a request, and has no query
        await client.send(post("behind"))
        assert (await client.answer()).json == {"data": {"echo": "behind"}}
    assert protocol.state["ran"] == ["behind"]


async def test_a_handshake_at_another_path_opens_no_socket(protocol: Wire) -> None:
    async with connected(protocol.port) as client:
        await client.send(message(b"GET /nowhere HTTP/1.1", HOST, *WEBSOCKET))
        assert (await client.answer("GET")).status in (403, 404)


async def test_a_post_that_offers_a_websocket_is_answered(protocol: Wire) -> None:
    protocol.begin()
    async with connected(protocol.port) as client:
        await client.send(post(asks("a"), *WEBSOCKET) + post("b"))
        assert (await client.answer()).json == {"data": {"echo": "a"}}
        assert (await client.answer()).json == {"data": {"echo": "b"}}


async def test_a_rejected_handshake_is_no_error_of_the_server(
    protocol: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    async with connected(protocol.port) as client:
        await client.send(message(b"GET /nope HTTP/1.1", HOST, *WEBSOCKET))
        assert (await client.answer("GET")).status == 404
        await client.rest()
    assert not caplog.records


ACCEPTED = (*WEBSOCKET, b"sec-websocket-protocol: graphql-transport-ws")
BAD_TEXT = bytes([0x81, 0x82, 0, 0, 0, 0, 0xFF, 0xFE])


@pytest.mark.parametrize(
    "behind", [post("a"), b"\xff" * 40, BAD_TEXT], ids=["request", "bytes", "text"]
)
@pytest.mark.parametrize("fields", [ACCEPTED, REFUSED["another version"]], ids=["right", "wrong"])
async def test_what_is_no_frame_is_no_exception_of_the_server(
    protocol: Wire, caplog: pytest.LogCaptureFixture, fields: tuple[bytes, ...], behind: bytes
) -> None:
    """A stranger writes no traceback into the log: bytes behind a handshake, in the same write."""
    protocol.begin()
    async with connected(protocol.port) as client:
        await client.send(message(GET, HOST, *fields) + behind)
        answer = await client.answer("GET")
        assert answer.status == (101 if fields is ACCEPTED else 426)
        await client.rest()
    assert not caplog.records
    assert protocol.state["ran"] == []

"""What every transport does with answers that keep to the protocol, on real sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator

from gateway.upstream.transport import UpstreamRequest
from tests.upstream.wire import (
    Wire,
    answer,
    answering,
    call,
    conforms,
    echo,
    serving,
    soon,
    transport_of,
)


@conforms
async def test_a_call_and_its_answer(kind: str) -> None:
    script = answering(answer(b"hi", "201 Made", "X-A: one", "x-A: two"))
    async with serving(script) as server, transport_of(kind) as transport:
        request = UpstreamRequest(
            "POST", server.url + "/a?b=c", [("X-Id", "7")], b"body", source="s"
        )
        response = await transport.send(request, soon())
        assert response.status == 201
        assert await response.read_body(10) == b"hi"
        expected = [("content-length", "2"), ("x-a", "one"), ("x-a", "two")]
        assert list(response.headers) == expected
        await response.aclose()
    (asked,) = server.asked
    assert (asked.method, asked.target, asked.body) == ("POST", "/a?b=c", b"body")
    assert asked.header("host") == server.url.removeprefix("http://")
    assert asked.header("content-length") == "4"
    assert asked.header("x-id") == "7"


@conforms
async def test_connections_are_kept(kind: str) -> None:
    async with serving(echo) as server, transport_of(kind) as transport:
        for turn in range(20):
            assert await call(transport, f"{server.url}/{turn}") == (200, b"/%d " % turn)
    assert server.connections == 1


@conforms
async def test_nothing_is_sent_that_was_not_given(kind: str) -> None:
    async with serving(echo) as server, transport_of(kind) as transport:
        await call(transport, server.url + "/")
    names = {name for name, _ in server.asked[0].headers}
    assert names <= {"host", "connection"}


@conforms
async def test_a_stream_is_sent_in_chunks(kind: str) -> None:
    async def body() -> AsyncIterator[bytes]:
        for part in (b"one", b"", b"two" * 50_000):
            yield part

    async with serving(echo) as server, transport_of(kind) as transport:
        status, got = await call(transport, server.url + "/", "POST", body())
        assert (status, got) == (200, b"/ one" + b"two" * 50_000)
        assert await call(transport, server.url + "/after") == (200, b"/after ")
    assert server.connections == 1


@conforms
async def test_answers_without_a_body(kind: str) -> None:
    async def script(wire: Wire) -> None:
        while True:
            asked = await wire.request()
            if asked.method == "HEAD":
                await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n")
            else:
                await wire.send(b"HTTP/1.1 %b X\r\n\r\n" % asked.target[1:].encode())

    async with serving(script) as server, transport_of(kind) as transport:
        assert await call(transport, server.url + "/", "HEAD") == (200, b"")
        assert await call(transport, server.url + "/204") == (204, b"")
        assert await call(transport, server.url + "/304") == (304, b"")
        assert await call(transport, server.url + "/", "HEAD") == (200, b"")
    assert server.connections == 1

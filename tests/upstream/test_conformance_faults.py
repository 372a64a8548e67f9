"""What every transport does when the backend breaks off, lies, stalls or sends too much, on real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from gateway.errors import UpstreamError
from gateway.upstream.transport import UpstreamRequest
from tests.upstream.wire import (
    Wire,
    answer,
    answering,
    call,
    code_of,
    conforms,
    conforms_in,
    echo,
    serving,
    soon,
    transport_of,
)

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n"
# What is sent before the backend stalls, ends or resets; each is short of a whole answer.
CUTS = {
    "nothing": b"",
    "part of the status line": b"HTTP/1.",
    "part of the head": HEAD,
    "the head": HEAD + b"\r\n",
    "part of the body": HEAD + b"\r\nhalf",
    "part of a chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    "chunks without an end": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
    "only a 100": b"HTTP/1.1 100 Continue\r\n\r\n",
}
cuts = pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS.keys())


@conforms
@cuts
async def test_a_stall_ends_at_the_deadline(kind: str, cut: bytes) -> None:
    async def script(wire: Wire) -> None:
        await wire.request()
        await wire.send(cut)
        await wire.until_closed()

    async with serving(script) as server, transport_of(kind) as transport:
        assert await code_of(call(transport, server.url, seconds=0.05)) == "GATEWAY_TIMEOUT"
        await server.until_open(0)  # the connection is not kept


@conforms
@cuts
@pytest.mark.parametrize("way", ["end", "close", "reset"])
async def test_an_answer_broken_off_is_an_error(kind: str, cut: bytes, way: str) -> None:
    async def script(wire: Wire) -> None:
        await wire.request()
        await wire.send(cut)
        getattr(wire, way)()
        await wire.until_closed()

    async with serving(script) as server, transport_of(kind) as transport:
        code = await code_of(call(transport, server.url, "POST", b"x"))
        assert code == "HTTP_CLIENT_ERROR"
        await server.until_open(0)


@conforms
async def test_nothing_listens(kind: str) -> None:
    async with serving(echo) as server:
        url = server.url
    async with transport_of(kind) as transport:
        assert await code_of(call(transport, url)) == "HTTP_CLIENT_ERROR"


@conforms
async def test_no_time_is_left(kind: str) -> None:
    async with serving(echo) as server, transport_of(kind) as transport:
        assert await code_of(call(transport, server.url, seconds=-1)) == "GATEWAY_TIMEOUT"
    assert server.asked == []


@conforms
@pytest.mark.parametrize(
    ("sent", "body"),
    [
        (b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n", b"abcde"),
        (b"Transfer-Encoding: chunked\r\n\r\n2;ext=1\r\nab\r\n0\r\nX-Trailer: 1\r\n\r\n", b"ab"),
        (b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b""),
        (b"Content-Length: 0\r\n\r\n", b""),
    ],
    ids=["chunks", "extension and trailer", "no chunk", "no body"],
)
async def test_whole_answers(kind: str, sent: bytes, body: bytes) -> None:
    async def script(wire: Wire) -> None:
        while True:
            await wire.request()
            for byte in b"HTTP/1.1 200 OK\r\n" + sent:
                await wire.send(bytes([byte]))

    async with serving(script) as server, transport_of(kind) as transport:
        assert await call(transport, server.url) == (200, body)
        request = UpstreamRequest("GET", server.url, source="s")
        response = await transport.send(request, soon())
        names = [name for name, _ in response.headers]
        assert "x-trailer" not in names
        assert b"".join([part async for part in response.aiter_bytes()]) == body
        await response.aclose()
    assert server.connections == 1


@conforms
async def test_informational_answers_are_passed_over(kind: str) -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    async with (
        serving(answering(b"HTTP/1.1 100 Continue\r\n\r\n" + hints + answer(b"ok"))) as server,
        transport_of(kind) as transport,
    ):
        response = await transport.send(UpstreamRequest("GET", server.url, source="s"), soon())
        assert (response.status, await response.read_body(9)) == (200, b"ok")
        assert list(response.headers) == [("content-length", "2")]
        assert await call(transport, server.url) == (200, b"ok")
    assert server.connections == 1


BAD = {
    "not http": b"SSH-2.0-OpenSSH\r\n",
    "protocol switch": b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nabc",
    "two framings": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhii",
    "no number": b"HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\nhi",
    "negative": b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nhi",
    "bad chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhi\r\n0\r\n\r\n",
    "status 000": b"HTTP/1.1 000 OK\r\nContent-Length: 2\r\n\r\nhi",
    "status 99": b"HTTP/1.1 99 OK\r\nContent-Length: 2\r\n\r\nhi",
    "space in a name": b"HTTP/1.1 200 OK\r\nX A: b\r\nContent-Length: 2\r\n\r\nhi",
    "one header of 100 KB": b"HTTP/1.1 200 OK\r\nX: %b\r\nContent-Length: 2\r\n\r\nhi" % (b"a" * 100_000),
    "endless name": b"HTTP/1.1 200 OK\r\n" + b"a" * 100_000,
    "100 KB in headers": b"HTTP/1.1 200 OK\r\n%bContent-Length: 2\r\n\r\nhi" % (b"X: %b\r\n" % (b"a" * 1000) * 100),
    "300 headers": b"HTTP/1.1 200 OK\r\n%bContent-Length: 2\r\n\r\nhi" % (b"X: a\r\n" * 300),
    "endless 1xx": b"HTTP/1.1 100 Continue\r\n\r\n" * 4000,
    "endless trailers": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n" + b"X: %b\r\n" % (b"a" * 1000) * 300,
    "gzip, chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
}  # fmt: skip


@conforms_in(BAD)
async def test_what_is_no_answer_is_refused(kind: str, case: bytes) -> None:
    async def script(wire: Wire) -> None:
        await wire.request()
        await wire.send(case)
        await wire.until_closed()

    async with serving(script) as server, transport_of(kind) as transport:
        code = await code_of(call(transport, server.url, seconds=0.5))
        assert code == "HTTP_CLIENT_ERROR"
        await server.until_open(0)


UNCLEAN = {
    "garbage": answer(b"one") + b"garbage",
    "an answer more": answer(b"one") + answer(b"two"),
    "part of one": answer(b"one") + answer(b"two")[:9],
    "close": answer(b"one", "200 OK", "Connection: close"),
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\none",
}


@conforms_in(UNCLEAN)
async def test_a_connection_that_is_not_clean_is_not_used_again(kind: str, case: bytes) -> None:
    async with serving(answering(case)) as server, transport_of(kind) as transport:
        for _ in range(3):
            assert await call(transport, server.url) == (200, b"one")
    assert server.connections == 3


@conforms
async def test_bytes_on_an_idle_connection_are_no_answer(kind: str) -> None:
    poisoned = asyncio.Event()

    async def script(wire: Wire) -> None:
        asked = await wire.request()
        await wire.send(answer(asked.target.encode()))
        if wire.number == 1:
            await go.wait()
            await wire.send(answer(b"poison"))
            poisoned.set()
            asked = await wire.request()
            await wire.send(answer(asked.target.encode()))

    go = asyncio.Event()
    async with serving(script) as server, transport_of(kind) as transport:
        assert await call(transport, server.url + "/1") == (200, b"/1")
        go.set()
        await poisoned.wait()
        for _ in range(20):  # the client's side sees it
            await asyncio.sleep(0)
        assert await call(transport, server.url + "/2") == (200, b"/2")


@conforms
async def test_a_body_that_ends_with_the_connection(kind: str) -> None:
    async def script(wire: Wire) -> None:
        await wire.request()
        await wire.send(b"HTTP/1.1 200 OK\r\n\r\n", b"a" * 100_000)
        wire.close()

    async with serving(script) as server, transport_of(kind) as transport:
        assert await call(transport, server.url) == (200, b"a" * 100_000)
        assert await call(transport, server.url) == (200, b"a" * 100_000)
    assert server.connections == 2


@conforms
@pytest.mark.parametrize("is_kept", [True, False], ids=["kept open", "closed"])
async def test_an_answer_before_the_body_was_sent(kind: str, is_kept: bool) -> None:
    """The caller gets the answer, its iterator is closed, the connection is not used again."""
    ended = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        try:
            yield b"a" * 1000
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def script(wire: Wire) -> None:
        await wire.head()
        await wire.send(answer(b"too much", "413 Too Large"))
        if is_kept:
            await wire.until_closed()

    async with serving(script) as server, transport_of(kind) as transport:
        assert await call(transport, server.url, "POST", body()) == (413, b"too much")
        await ended.wait()
        await server.until_open(0)


@conforms
async def test_an_early_answer_to_a_large_body_of_bytes(kind: str) -> None:
    async def script(wire: Wire) -> None:
        await wire.head()
        await wire.send(answer(b"too much", "413 Too Large"))
        await hold.wait()

    hold = asyncio.Event()
    async with serving(script) as server, transport_of(kind) as transport:
        got = await call(transport, server.url, "POST", b"a" * 30_000_000)
        assert got == (413, b"too much")
        hold.set()
        await server.until_open(0)


@conforms
async def test_the_error_of_a_body_reaches_the_caller(kind: str) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"a"
        raise KeyError("mine")

    async with serving(echo) as server, transport_of(kind) as transport:
        with pytest.raises((KeyError, UpstreamError)):
            await call(transport, server.url, "POST", body())
        await server.until_open(0)
    assert server.asked == []


@conforms
async def test_a_backend_waits_for_a_slow_reader(kind: str) -> None:
    size, chunk = 64_000_000, b"a" * 100_000
    sent = 0

    async def script(wire: Wire) -> None:
        nonlocal sent
        await wire.request()
        await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        while sent < size:
            await wire.send(chunk)
            sent += len(chunk)
        await wire.until_closed()

    async with serving(script) as server, transport_of(kind) as transport:
        response = await transport.send(UpstreamRequest("GET", server.url, source="s"), soon())
        for _ in range(2000):
            await asyncio.sleep(0)
        assert sent < size / 2
        got = 0
        async for part in response.aiter_bytes():
            got += len(part)
        assert got == size
        await response.aclose()


@conforms
@pytest.mark.parametrize("is_announced", [True, False])
async def test_a_body_above_the_limit_is_not_taken(kind: str, is_announced: bool) -> None:
    async def script(wire: Wire) -> None:
        await wire.request()
        if is_announced:
            await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        else:
            await wire.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            await wire.send(b"2710\r\n" + b"a" * 10_000 + b"\r\n")

    async with serving(script) as server, transport_of(kind) as transport:
        code = await code_of(call(transport, server.url, max_bytes=200_000))
        assert code == "RESPONSE_TOO_LARGE"
        await server.until_open(0)


@conforms
async def test_the_limit_itself_is_allowed(kind: str) -> None:
    async with serving(answering(answer(b"a" * 1000))) as server, transport_of(kind) as transport:
        assert await call(transport, server.url, max_bytes=1000) == (200, b"a" * 1000)
        code = await code_of(call(transport, server.url, max_bytes=999))
        assert code == "RESPONSE_TOO_LARGE"


@conforms
async def test_a_response_that_is_not_read_closes_its_connection(kind: str) -> None:
    async def script(wire: Wire) -> None:
        await wire.request()
        await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nbegin")
        await wire.until_closed()

    async with serving(script) as server, transport_of(kind) as transport:
        response = await transport.send(UpstreamRequest("GET", server.url, source="s"), soon())
        await response.aclose()
        await server.until_open(0)


@conforms
async def test_closing_the_transport_ends_what_is_in_flight(kind: str) -> None:
    asked = asyncio.Event()

    async def script(wire: Wire) -> None:
        await wire.request()
        asked.set()
        await wire.until_closed()

    async with serving(script) as server, transport_of(kind) as transport:
        task = asyncio.create_task(call(transport, server.url))
        await asked.wait()
        await transport.aclose()
        assert await code_of(task) == "HTTP_CLIENT_ERROR"

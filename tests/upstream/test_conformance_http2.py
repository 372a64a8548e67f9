"""What every transport has to hold to, over HTTP/2: cancellation, faults, bodies, against a scripted server."""

from __future__ import annotations

import asyncio
import gzip
import random
import socket
import sys
from collections.abc import AsyncIterator
from typing import Any

import brotli
import pytest
from h2.errors import ErrorCodes
from h2.settings import SettingCodes

from gateway.upstream.transport import UpstreamRequest
from tests.support.http2_server import Asked, Peer, echo, serving_http2
from tests.upstream.wire import call, code_of, soon, transport_of

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

SEED = 20261123


async def test_a_storm_of_cancelled_calls_leaves_one_whole_connection() -> None:
    """3,000 cancelled at any point, thirty at a time; then 200 of 200 get their own answer."""
    rng = random.Random(SEED)

    async def slowly(peer: Peer, asked: Asked) -> None:
        for _ in range(rng.randrange(20)):
            await asyncio.sleep(0)
        await peer.answer(asked, asked.headers[":path"].encode() + b" " + asked.body)

    async with serving_http2(slowly) as server, transport_of("http2") as transport:

        async def cancelled() -> None:
            task = asyncio.create_task(call(transport, server.url, "POST", b"cancelled"))
            for _ in range(rng.randrange(30)):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled() or task.result()[0] == 200

        for _ in range(100):
            await asyncio.gather(*(cancelled() for _ in range(30)))
        for number in range(200):
            got = await call(transport, f"{server.url}/{number}", "POST", b"%d" % number)
            assert got == (200, b"/%d %d" % (number, number))
        assert server.connections == 1
        assert len(server.resets) > 500


async def test_bodies_nobody_takes_do_not_stall_the_connection() -> None:
    """Several times the connection's window in abandoned bodies; each is reset."""
    began = asyncio.Event()

    async def big(peer: Peer, asked: Asked) -> None:
        if asked.headers[":path"] == "/big":
            peer.head(asked.stream)
            began.set()
            await peer.data(asked.stream, bytes(2 << 20))
        else:
            await echo(peer, asked)

    async with serving_http2(big) as server, transport_of("http2") as transport:
        for number in range(1, 301):
            response = await transport.send(
                UpstreamRequest("GET", server.url + "/big", source="s"), soon()
            )
            async for _ in response.aiter_bytes():
                break
            await response.aclose()
            assert await call(transport, server.url + "/x") == (200, b"/x ")
            assert len(server.resets) == number
        assert server.connections == 1
        assert {code for _, code in server.resets} == {ErrorCodes.CANCEL}


async def test_a_body_nobody_takes_holds_up_its_own_stream_only() -> None:
    async def handle(peer: Peer, asked: Asked) -> None:
        if asked.headers[":path"] == "/big":
            await peer.answer(asked, bytes(1 << 20))
        else:
            await echo(peer, asked)

    async with serving_http2(handle) as server, transport_of("http2") as transport:
        held = [
            await transport.send(UpstreamRequest("GET", server.url + "/big", source="s"), soon())
            for _ in range(90)
        ]
        for _ in range(5):
            assert await call(transport, server.url + "/x") == (200, b"/x ")
        for response in held:
            assert len(await response.read_body(1 << 21)) == 1 << 20
        assert server.connections == 1


async def test_nobody_gets_the_answer_to_another_request() -> None:
    rng = random.Random(SEED)
    good = 0

    async def one(number: int, transport: Any, url: str) -> None:
        nonlocal good
        body = b"%d" % number * rng.randrange(1, 2000)
        task = asyncio.create_task(call(transport, f"{url}/{number}", "POST", body))
        if rng.random() < 0.5:
            for _ in range(rng.randrange(40)):
                await asyncio.sleep(0)
            task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            assert task.result() == (200, b"/%d " % number + body)
            good += 1

    async with serving_http2(echo) as server, transport_of("http2") as transport:
        for block in range(20):
            await asyncio.gather(*(one(block * 50 + n, transport, server.url) for n in range(50)))
    assert good > 400


async def broken(phase: str, peer: Peer, asked: Asked) -> None:
    if phase != "before the head":
        peer.head(asked.stream, more=[("content-length", "100")])
    if phase == "in the body":
        await peer.data(asked.stream, b"part", end=False)


@pytest.mark.parametrize("phase", ["before the head", "after the head", "in the body"])
@pytest.mark.parametrize("how", ["stream", "tcp", "closed", "garbage"])
async def test_a_reset_in_each_phase_is_an_error_and_the_next_call_good(
    how: str, phase: str
) -> None:
    async def handle(peer: Peer, asked: Asked) -> None:
        if asked.headers[":path"] != "/broken":
            await echo(peer, asked)
            return
        await broken(phase, peer, asked)
        if how == "stream":
            peer.refuse(asked.stream, ErrorCodes.INTERNAL_ERROR)
        elif how == "garbage":
            peer.writer.write(b"HTTP/1.1 200 OK\r\n\r\n" * 8)
        else:
            await peer.writer.drain()
            peer.reset() if how == "tcp" else peer.writer.close()

    async with serving_http2(handle) as server, transport_of("http2") as transport:
        code = await code_of(call(transport, server.url + "/broken", "POST", b"x"))
        assert code == "HTTP_CLIENT_ERROR"
        assert await call(transport, server.url + "/x") == (200, b"/x ")
        assert server.connections == (1 if how == "stream" else 2)
        assert [asked.headers[":path"] for asked in server.asked] == ["/broken", "/x"]


async def test_a_refused_stream_is_sent_once_more() -> None:
    """RFC 9113 §8.7: it was not processed, so a write may be repeated."""
    refusals = 1

    async def handle(peer: Peer, asked: Asked) -> None:
        nonlocal refusals
        if refusals:
            refusals -= 1
            peer.refuse(asked.stream)
        else:
            await echo(peer, asked)

    async with serving_http2(handle) as server, transport_of("http2") as transport:
        assert await call(transport, server.url + "/pay", "POST", b"5") == (200, b"/pay 5")
        refusals = 2
        request = UpstreamRequest("POST", server.url, body=b"5", source="s")
        with pytest.raises(Exception, match="could not be reached") as caught:
            await transport.send(request, soon())
        assert not caught.value.was_sent  # type: ignore[attr-defined]
        assert server.connections == 1


async def test_a_goaway_lets_open_streams_end_and_sends_the_others_elsewhere() -> None:
    go = asyncio.Event()

    async def handle(peer: Peer, asked: Asked) -> None:
        if peer.number > 1:
            await echo(peer, asked)
        elif asked.stream == 1:
            await go.wait()
            await peer.answer(asked, b"was under way" * 10_000)
        else:
            peer.goaway(1)
            go.set()

    async with serving_http2(handle) as server, transport_of("http2") as transport:
        first = asyncio.create_task(call(transport, server.url + "/1", "POST", b"1"))
        await server.until(lambda: len(server.asked) == 1)
        second = asyncio.create_task(call(transport, server.url + "/2", "POST", b"2"))
        assert await first == (200, b"was under way" * 10_000)
        assert await second == (200, b"/2 2")
        await server.until(lambda: server.open == 1)  # the first was closed with its last stream
        assert server.connections == 2


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
async def test_a_connection_that_closes_under_a_request(method: str) -> None:
    """As over HTTP/1.1: on a connection used before, a read is sent again on a new one, and a write is not."""

    async def handle(peer: Peer, asked: Asked) -> None:
        if peer.number == 1 and asked.stream > 1:
            peer.writer.close()
        else:
            await echo(peer, asked)

    async with serving_http2(handle) as server, transport_of("http2") as transport:
        assert await call(transport, server.url + "/1") == (200, b"/1 ")
        sending = call(transport, server.url + "/2", method)
        if method == "GET":
            assert await sending == (200, b"/2 ")
        else:
            assert await code_of(sending) == "HTTP_CLIENT_ERROR"
        assert server.connections == (2 if method == "GET" else 1)


async def test_a_late_head_is_cut_and_a_silent_connection_not_used_again() -> None:
    async def handle(peer: Peer, asked: Asked) -> None:
        if asked.headers[":path"] != "/silence":
            await echo(peer, asked)

    async with serving_http2(handle) as server, transport_of("http2") as transport:
        assert await call(transport, server.url + "/x") == (200, b"/x ")
        late = call(transport, server.url + "/silence", seconds=0.3)
        assert await code_of(late) == "GATEWAY_TIMEOUT"
        await server.until(lambda: server.resets == [(3, ErrorCodes.CANCEL)])
        assert await call(transport, server.url + "/x") == (200, b"/x ")
        await server.until(lambda: server.open == 1)


async def test_a_late_body_is_cut() -> None:
    async def handle(peer: Peer, asked: Asked) -> None:
        if asked.headers[":path"] == "/slow":
            peer.head(asked.stream)
            await peer.data(asked.stream, b"begun", end=False)
        else:
            await echo(peer, asked)

    async with serving_http2(handle) as server, transport_of("http2") as transport:
        assert (
            await code_of(call(transport, server.url + "/slow", seconds=0.5)) == "GATEWAY_TIMEOUT"
        )
        await server.until(lambda: server.resets == [(1, ErrorCodes.CANCEL)])
        assert await call(transport, server.url + "/x") == (200, b"/x ")


@pytest.mark.parametrize("size", [1000, 70_000])
async def test_headers_are_bounded(size: int) -> None:
    async def handle(peer: Peer, asked: Asked) -> None:
        await peer.answer(asked, b"{}", [("x-big", "a" * size)])

    async with serving_http2(handle) as server, transport_of("http2") as transport:
        sending = call(transport, server.url, "POST", b"x")
        if size < 64 * 1024:
            assert await sending == (200, b"{}")
        else:
            assert await code_of(sending) == "HTTP_CLIENT_ERROR"


PACKED = {"gzip": gzip.compress, "br": brotli.compress, "zstd": zstd.compress}


@pytest.mark.parametrize("coding", PACKED)
async def test_bodies_are_unpacked_and_cut_ones_refused(coding: str) -> None:
    plain = b"0123456789" * 50_000

    async def handle(peer: Peer, asked: Asked) -> None:
        packed = PACKED[coding](plain)
        is_cut = asked.headers[":path"] == "/cut"
        more = [("content-encoding", coding)]
        await peer.answer(asked, packed[:-9] if is_cut else packed, more)

    async with serving_http2(handle) as server, transport_of("http2") as transport:
        assert await call(transport, server.url) == (200, plain)
        assert await code_of(call(transport, server.url, max_bytes=9999)) == "RESPONSE_TOO_LARGE"
        cut = await code_of(call(transport, server.url + "/cut"))
        assert cut == "CONNECTOR_RESPONSE_INVALID"
        assert await call(transport, server.url) == (200, plain)
        assert server.connections == 1


@pytest.mark.parametrize(("method", "status"), [("HEAD", "200"), ("GET", "204"), ("GET", "304")])
async def test_answers_without_a_body(method: str, status: str) -> None:
    async def handle(peer: Peer, asked: Asked) -> None:
        more = [("content-length", "70")] if status != "204" else []
        peer.head(asked.stream, status, more, end=True)

    async with serving_http2(handle) as server, transport_of("http2") as transport:
        for _ in range(3):
            assert await call(transport, server.url, method) == (int(status), b"")


async def test_an_announced_body_that_is_too_large_is_not_waited_for() -> None:
    async def handle(peer: Peer, asked: Asked) -> None:
        peer.head(asked.stream, more=[("content-length", "99999999")])

    async with serving_http2(handle) as server, transport_of("http2") as transport:
        assert await code_of(call(transport, server.url)) == "RESPONSE_TOO_LARGE"
        await server.until(lambda: server.resets == [(1, ErrorCodes.CANCEL)])


async def pieces(count: int, *, fails: bool = False) -> AsyncIterator[bytes]:
    for number in range(count):
        await asyncio.sleep(0)
        yield b"%d," % number
    if fails:
        raise RuntimeError("the caller's own")


async def test_bodies_go_out_as_the_backends_windows_let_them() -> None:
    settings = {SettingCodes.INITIAL_WINDOW_SIZE: 1000}
    large = bytes(range(256)) * 2000
    async with (
        serving_http2(echo, settings=settings) as server,
        transport_of("http2") as transport,
    ):
        many = [call(transport, server.url, "POST", large) for _ in range(5)]
        assert await asyncio.gather(*many) == [(200, b"/ " + large)] * 5
        streamed = await call(transport, server.url, "POST", pieces(2000))
        assert streamed == (200, b"/ " + b"".join([b"%d," % n for n in range(2000)]))
        with pytest.raises(RuntimeError, match="own"):
            await call(transport, server.url, "POST", pieces(3, fails=True))
        assert await call(transport, server.url) == (200, b"/ ")
        assert server.connections == 1


async def test_an_answer_before_its_request_was_whole() -> None:
    """The window stays shut: the answer ends the request."""

    async def early(peer: Peer, asked: Asked) -> None:
        await peer.answer(asked, b"too much", status="413")

    settings = {SettingCodes.INITIAL_WINDOW_SIZE: 0}
    async with (
        serving_http2(early, settings=settings, at_head=True) as server,
        transport_of("http2") as transport,
    ):
        for _ in range(3):
            assert await call(transport, server.url, "POST", bytes(10_000)) == (413, b"too much")
        await server.until(lambda: len(server.resets) == 3)
        assert server.connections == 1


async def test_no_more_streams_than_the_backend_takes_and_no_more_connections_than_allowed() -> (
    None
):
    open_now = peak = 0
    go = asyncio.Event()

    async def handle(peer: Peer, asked: Asked) -> None:
        nonlocal open_now, peak
        open_now += 1
        peak = max(peak, open_now)
        await go.wait()
        open_now -= 1
        await echo(peer, asked)

    settings = {SettingCodes.MAX_CONCURRENT_STREAMS: 3}
    async with (
        serving_http2(handle, settings=settings) as server,
        transport_of("http2", max_connections=2) as transport,
    ):
        calls = [asyncio.create_task(call(transport, f"{server.url}/{n}")) for n in range(20)]
        await server.until(lambda: len(server.asked) == 6)
        late = call(transport, server.url, seconds=0.05)
        assert await code_of(late) == "GATEWAY_TIMEOUT"
        cancelled = calls.pop()
        cancelled.cancel()
        await asyncio.wait([cancelled])
        go.set()
        assert [status for status, _ in await asyncio.gather(*calls)] == [200] * 19
        assert (peak, server.connections) == (6, 2)


async def test_a_burst_shares_one_new_connection() -> None:
    async with serving_http2(echo) as server, transport_of("http2") as transport:
        await asyncio.gather(*(call(transport, server.url) for _ in range(80)))
        assert server.connections == 1


async def test_connections_have_an_age_and_an_idle_time() -> None:
    async with serving_http2(echo) as server:
        async with transport_of("http2", max_connection_age_s=0.0) as transport:
            request = UpstreamRequest("GET", server.url, source="s")
            assert await code_of(transport.send(request, soon(0.3))) == "GATEWAY_TIMEOUT"
        async with transport_of("http2", keepalive_s=0.01) as transport:
            assert await call(transport, server.url) == (200, b"/ ")
            await server.until(lambda: server.open == 0)
            assert await call(transport, server.url) == (200, b"/ ")


async def test_closing_ends_what_is_in_flight() -> None:
    async def silent(peer: Peer, asked: Asked) -> None:
        return None

    async with serving_http2(silent) as server:
        async with transport_of("http2") as transport:
            task = asyncio.create_task(code_of(call(transport, server.url)))
            await server.until(lambda: len(server.asked) == 1)
        assert await task == "HTTP_CLIENT_ERROR"
        assert await code_of(call(transport, server.url)) == "HTTP_CLIENT_ERROR"
        await server.until(lambda: server.open == 0)


async def test_what_cannot_be_reached_was_not_sent() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    async with transport_of("http2") as transport:
        results = await asyncio.gather(
            *(transport.send(UpstreamRequest("GET", url, source="s"), soon()) for _ in range(3)),
            return_exceptions=True,
        )
        assert [(exc.code, exc.was_sent) for exc in results] == [("HTTP_CLIENT_ERROR", False)] * 3  # type: ignore[union-attr]

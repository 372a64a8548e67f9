"""How every transport lends its connections: cancellation, reuse, limits and age, on real sockets."""

from __future__ import annotations

import asyncio
import random
import socket
from pathlib import Path
from typing import Any

import pytest

from gateway.upstream.transport import Transport
from tests.upstream.wire import (
    Server,
    Wire,
    answer,
    call,
    code_of,
    conforms,
    echo,
    serving,
    transport_of,
)

SEED = 20261123


async def cancelled_after(turns: int, transport: Transport, url: str) -> None:
    """Start a call, let the loop turn, cancel it; it may have ended by then."""
    task = asyncio.create_task(call(transport, url, "POST", b"cancelled"))
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        return


@conforms
async def test_a_storm_of_cancelled_calls_leaves_a_whole_pool(kind: str) -> None:
    """3,000 cancelled at any point, twenty at a time; then 200 of 200 get their own answer."""
    rng = random.Random(SEED)
    async with serving(echo) as server, transport_of(kind, max_connections=20) as transport:
        for _ in range(100):
            await asyncio.gather(
                *(cancelled_after(rng.randrange(30), transport, server.url) for _ in range(30))
            )
        for number in range(200):
            got = await call(transport, f"{server.url}/{number}", "POST", b"%d" % number)
            assert got == (200, b"/%d %d" % (number, number))
        assert server.peak <= 20 + 30  # those that were cut, and not yet seen to be


@conforms
async def test_nobody_gets_the_answer_to_another_request(kind: str) -> None:
    rng = random.Random(SEED)
    good = 0

    async def one(number: int, transport: Transport, url: str) -> None:
        nonlocal good
        body = b"%d" % number * rng.randrange(1, 2000)
        task = asyncio.create_task(call(transport, f"{url}/{number}", "POST", body))
        if rng.random() < 0.5:
            for _ in range(rng.randrange(40)):
                await asyncio.sleep(0)
            task.cancel()
        try:
            assert await task == (200, b"/%d " % number + body)
            good += 1
        except asyncio.CancelledError:
            return

    async with serving(echo) as server, transport_of(kind, max_connections=16) as transport:
        for block in range(20):
            await asyncio.gather(*(one(block * 50 + n, transport, server.url) for n in range(50)))
    assert good > 400


@conforms
async def test_a_cancelled_call_closes_its_connection(kind: str) -> None:
    asked = asyncio.Event()

    async def script(wire: Wire) -> None:
        await wire.request()
        asked.set()
        await wire.until_closed()

    async with serving(script) as server, transport_of(kind) as transport:
        task = asyncio.create_task(call(transport, server.url))
        await asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await server.until_open(0)


@conforms
async def test_a_body_cancelled_while_read_closes_its_connection(kind: str) -> None:
    async def script(wire: Wire) -> None:
        await wire.request()
        await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nbegin")
        begun.set()
        await wire.until_closed()

    begun = asyncio.Event()
    async with serving(script) as server, transport_of(kind) as transport:
        task = asyncio.create_task(call(transport, server.url))
        await begun.wait()
        for _ in range(20):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await server.until_open(0)


async def close_at_the_second(wire: Wire) -> None:
    """Answer one request; close when the second has come, as if it had crossed with our close."""
    asked = await wire.request()
    await wire.send(answer(b"first").removesuffix(b"first" if asked.method == "HEAD" else b""))
    if wire.number == 1:
        await wire.request()
        wire.close()


@conforms
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
async def test_a_read_is_sent_again_when_the_kept_connection_closed(kind: str, method: str) -> None:
    async with serving(close_at_the_second) as server, transport_of(kind) as transport:
        assert await call(transport, server.url) == (200, b"first")
        status, body = await call(transport, server.url, method)
        assert (status, body) == (200, b"" if method == "HEAD" else b"first")
    assert [asked.connection for asked in server.asked] == [1, 1, 2]


@conforms
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_a_write_is_not_sent_again(kind: str, method: str) -> None:
    """Idempotent or not: a PUT that is sent again may undo what another client has written between."""
    async with serving(close_at_the_second) as server, transport_of(kind) as transport:
        assert await call(transport, server.url) == (200, b"first")
        code = await code_of(call(transport, server.url, method, b"pay"))
        assert code == "HTTP_CLIENT_ERROR"
    assert [asked.body for asked in server.asked] == [b"", b"pay"]


@conforms
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
async def test_a_write_goes_on_a_new_connection_when_the_kept_one_has_ended(
    kind: str, method: str
) -> None:
    """Nothing of it was sent on the old one, though the event loop has not told of the end yet."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        asked: list[bytes] = []

        def serve_one() -> socket.socket:
            peer, _ = listener.accept()
            asked.append(peer.recv(1000).split()[0])
            peer.sendall(answer(b"kept"))
            return peer

        async with transport_of(kind) as transport:
            first, _ = await asyncio.gather(asyncio.to_thread(serve_one), call(transport, url))
            first.close()  # and no turn of the event loop before the next call
            sending = call(transport, url, method)
            second, got = await asyncio.gather(asyncio.to_thread(serve_one), sending)
            second.close()
    assert got == (200, b"kept")
    assert asked == [b"GET", method.encode()]


@conforms
async def test_a_post_that_is_a_read_is_sent_again(kind: str) -> None:
    async with serving(close_at_the_second) as server, transport_of(kind) as transport:
        assert await call(transport, server.url) == (200, b"first")
        got = await call(transport, server.url, "POST", b"search", is_read=True)
        assert got == (200, b"first")
    assert [asked.connection for asked in server.asked] == [1, 1, 2]


@conforms
async def test_a_request_is_sent_again_only_once(kind: str) -> None:
    async def script(wire: Wire) -> None:
        await wire.request()
        if wire.number == 1:
            await wire.send(answer(b"first"))
            await wire.request()
        wire.close()

    async with serving(script) as server, transport_of(kind) as transport:
        assert await call(transport, server.url) == (200, b"first")
        assert await code_of(call(transport, server.url)) == "HTTP_CLIENT_ERROR"
    assert [asked.connection for asked in server.asked] == [1, 1, 2]


@conforms
async def test_nothing_is_sent_again_after_a_byte_of_the_answer(kind: str) -> None:
    async def script(wire: Wire) -> None:
        await wire.request()
        await wire.send(answer(b"first"))
        await wire.request()
        await wire.send(b"HTTP/1.1 200 OK\r\nContent-Le")
        wire.close()

    async with serving(script) as server, transport_of(kind) as transport:
        assert await call(transport, server.url) == (200, b"first")
        assert await code_of(call(transport, server.url)) == "HTTP_CLIENT_ERROR"
    assert server.connections == 1


@conforms
async def test_a_new_connection_that_closes_is_not_tried_again(kind: str) -> None:
    async def script(wire: Wire) -> None:
        await wire.request()
        wire.close()

    async with serving(script) as server, transport_of(kind) as transport:
        assert await code_of(call(transport, server.url)) == "HTTP_CLIENT_ERROR"
    assert server.connections == 1


@conforms
async def test_races_with_a_backend_that_closes_after_each_answer(kind: str) -> None:
    """Closed unannounced at the same instant as the next request is written: every GET succeeds."""

    async def script(wire: Wire) -> None:
        asked = await wire.request()
        await wire.send(answer(asked.target.encode()))
        wire.close()

    async with serving(script) as server, transport_of(kind) as transport:
        for number in range(240):
            assert await call(transport, f"{server.url}/{number}") == (200, b"/%d" % number)
    assert server.connections == 240


@conforms
async def test_an_idle_connection_that_ended_is_dropped(kind: str) -> None:
    async def script(wire: Wire) -> None:
        await wire.request()
        await wire.send(answer(b"once"))

    async with serving(script) as server, transport_of(kind) as transport:
        for _ in range(5):
            assert await call(transport, server.url, "POST", b"x") == (200, b"once")
            await server.until_open(0)
            for _ in range(5):  # the loop sees the end
                await asyncio.sleep(0)
    assert server.connections == 5


@conforms
async def test_an_idle_connection_is_closed_after_its_time(kind: str) -> None:
    async with serving(echo) as server, transport_of(kind, keepalive_s=0.02) as transport:
        await asyncio.gather(*(call(transport, server.url) for _ in range(5)))
        await server.until_open(0)


@conforms
async def test_an_old_connection_is_not_used_again(kind: str) -> None:
    async with serving(echo) as server, transport_of(kind, max_connection_age_s=0.0) as transport:
        for _ in range(3):
            assert await call(transport, server.url) == (200, b"/ ")
    assert server.connections == 3


@pytest.mark.asyncio(loop_factories=["asyncio"])  # uvloop's resolver cannot be replaced
@conforms
async def test_a_change_of_the_name_is_followed(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name leads to another server: what the resolver says is asked for each new connection."""
    lead: list[Server] = []

    def getaddrinfo(host: str, *_: Any, **__: Any) -> list[tuple[Any, ...]]:
        assert host == "catalogue.test"
        address = ("127.0.0.1", int(lead[0].url.rpartition(":")[2]))
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address)]

    async def named(name: bytes, wire: Wire) -> None:
        while True:
            await wire.request()
            await wire.send(answer(name))

    async with (
        serving(lambda wire: named(b"old", wire)) as old,
        serving(lambda wire: named(b"new", wire)) as new,
        transport_of(kind, max_connection_age_s=0.0) as transport,
    ):
        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        lead.append(old)
        assert await call(transport, "http://catalogue.test/") == (200, b"old")
        lead[0] = new
        assert await call(transport, "http://catalogue.test/") == (200, b"new")


@conforms
async def test_the_connections_to_one_host_are_limited(kind: str) -> None:
    async with (
        serving(echo) as one,
        serving(echo) as other,
        transport_of(kind, max_connections=3) as transport,
    ):
        urls = [f"{server.url}/{n}" for n in range(50) for server in (one, other)]
        got = await asyncio.gather(*(call(transport, url) for url in urls))
        assert [body.decode().strip() for _, body in got] == [
            "/" + u.rpartition("/")[2] for u in urls
        ]
    assert (one.peak, other.peak) == (3, 3)
    assert one.connections + other.connections == 6


Held = asyncio.Queue[tuple[str, asyncio.Event]]


async def hold(wire: Wire, held: Held) -> None:
    """Answer each request when the test says so."""
    while True:
        asked = await wire.request()
        go = asyncio.Event()
        held.put_nowait((asked.target, go))
        await go.wait()
        await wire.send(answer(asked.target.encode()))


@conforms
async def test_waiting_for_a_connection_has_its_own_time(kind: str) -> None:
    held: Held = asyncio.Queue()
    settings = {"max_connections": 1, "pool_timeout_s": 0.02, "connect_timeout_s": 0.02}
    async with (
        serving(lambda wire: hold(wire, held)) as server,
        transport_of(kind, **settings) as transport,
    ):
        first = asyncio.create_task(call(transport, server.url + "/1"))
        _, go = await held.get()
        assert await code_of(call(transport, server.url + "/2")) == "GATEWAY_TIMEOUT"
        go.set()
        assert await first == (200, b"/1")
        last = asyncio.create_task(call(transport, server.url + "/3"))
        (await held.get())[1].set()
        assert await last == (200, b"/3")
    assert [asked.target for asked in server.asked] == ["/1", "/3"]


@conforms
async def test_who_waits_longest_is_next_and_a_cancelled_one_gives_its_turn_on(kind: str) -> None:
    held: Held = asyncio.Queue()
    async with (
        serving(lambda wire: hold(wire, held)) as server,
        transport_of(kind, max_connections=1) as transport,
    ):
        tasks = []
        for number in range(6):
            tasks.append(asyncio.create_task(call(transport, f"{server.url}/{number}")))
            for _ in range(3):
                await asyncio.sleep(0)
        _, go = await held.get()
        tasks[1].cancel()
        go.set()
        assert await tasks[0] == (200, b"/0")
        tasks[2].cancel()  # it may have been given the connection in this very turn
        for number in (3, 4, 5):
            target = "/2"
            while target == "/2":
                target, go = await held.get()
            go.set()
            assert await tasks[number] == (200, b"/%d" % number)
        await asyncio.gather(*tasks, return_exceptions=True)
    assert [a.target for a in server.asked if a.target != "/2"] == ["/0", "/3", "/4", "/5"]


@conforms
async def test_a_storm_of_cancelled_waiters_loses_no_place(kind: str) -> None:
    rng = random.Random(SEED)
    async with serving(echo) as server, transport_of(kind, max_connections=2) as transport:
        for _ in range(40):
            calls = [cancelled_after(rng.randrange(60), transport, server.url) for _ in range(20)]
            await asyncio.gather(*calls)
        got = await asyncio.gather(*(call(transport, server.url + "/x") for _ in range(20)))
        assert got == [(200, b"/x ")] * 20


@conforms
async def test_connecting_has_its_own_time(kind: str) -> None:
    """A listener whose queue is full takes no connection."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(address)
        url = f"http://127.0.0.1:{address[1]}/"
        async with transport_of(kind, connect_timeout_s=0.05) as transport:
            assert await code_of(call(transport, url)) == "GATEWAY_TIMEOUT"
        for filler in fillers:
            filler.close()


@conforms
async def test_a_unix_socket(kind: str, tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    async with (
        serving(echo, path=path) as server,
        transport_of(kind, unix_socket=path) as transport,
    ):
        for _ in range(3):
            assert await call(transport, "http://catalogue.test/a") == (200, b"/a ")
    assert server.connections == 1
    assert server.asked[0].header("host") == "catalogue.test"


@conforms
async def test_a_backend_that_closes_at_once_takes_no_place(kind: str) -> None:
    async def script(wire: Wire) -> None:
        if wire.number <= 20:
            wire.reset()
        else:
            await echo(wire)

    async with serving(script) as server, transport_of(kind, max_connections=1) as transport:
        for _ in range(20):
            assert await code_of(call(transport, server.url, "POST", b"x")) == "HTTP_CLIENT_ERROR"
        got = await asyncio.gather(*(call(transport, server.url + "/a") for _ in range(5)))
        assert got == [(200, b"/a ")] * 5
    assert server.connections == 21


@conforms
@pytest.mark.parametrize("host", ["a" * 64 + ".test", ".test", "a..test"])
async def test_a_name_that_cannot_be_looked_up(kind: str, host: str) -> None:
    async with transport_of(kind) as transport:
        assert await code_of(call(transport, f"http://{host}/")) == "HTTP_CLIENT_ERROR"

"""The native transport's pool from inside: after whatever happened, its places are those that are taken."""

from __future__ import annotations

import asyncio
import gc
import random
import weakref

import pytest

from gateway.errors import UpstreamError
from gateway.upstream.http1.pool import Pool
from gateway.upstream.http1.transport import H1Transport
from tests.upstream.wire import Wire, answer, call, serving, transport_of


def only_pool(transport: object) -> Pool:
    """The pool of the one origin that was asked."""
    assert isinstance(transport, H1Transport)
    ((pool, _),) = transport._pools.values()
    return pool


def state(pool: Pool) -> str:
    """Without the origin, whose port differs from run to run."""
    return repr(pool).split(" ", 2)[2].rstrip(">")


async def flaky(wire: Wire) -> None:
    """Ends a connection in every way there is, by what is asked."""
    while True:
        asked = await wire.request()
        match int(asked.target[1:]) % 8:
            case 0:
                wire.reset()
                return
            case 1:
                await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
                return
            case 2:
                await wire.send(answer(b"x") + b"garbage")
                return
            case 3:
                await wire.send(answer(b"x"))
                return
            case 4:
                await wire.until_closed()
                return
            case _:
                await wire.send(answer(b"x"))


async def test_places_add_up_after_every_kind_of_end() -> None:
    rng = random.Random(8)
    async with serving(flaky) as server, transport_of("native", max_connections=5) as transport:

        async def one(number: int) -> None:
            seconds = 0.05 if number % 8 == 4 else 10.0
            task = asyncio.create_task(call(transport, f"{server.url}/{number}", seconds=seconds))
            if number % 3 == 0:
                for _ in range(rng.randrange(30)):
                    await asyncio.sleep(0)
                task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        await asyncio.gather(*(one(number) for number in range(400)))
        pool = only_pool(transport)
        await server.until_open(len(pool.connections))
        idle = len(pool.connections)
        assert state(pool) == f"places={idle} idle={idle} waiting=0"
        assert idle <= 5
        await transport.aclose()
        assert state(pool) == "places=0 idle=0 waiting=0"


async def test_idle_connections_are_closed_when_their_time_is_up() -> None:
    async def script(wire: Wire) -> None:
        while True:
            await wire.request()
            await wire.send(answer())

    settings = {"max_connections": 5, "keepalive_s": 0.02}
    async with serving(script) as server, transport_of("native", **settings) as transport:
        await asyncio.gather(*(call(transport, server.url) for _ in range(20)))
        await server.until_open(0)
        assert state(only_pool(transport)) == "places=0 idle=0 waiting=0"


async def test_pools_of_many_hosts_are_dropped_when_nothing_is_open() -> None:
    async with transport_of("native", connect_timeout_s=1.0) as transport:
        assert isinstance(transport, H1Transport)
        for number in range(3000):
            transport._add_pool(f"http://host{number}.test")
        assert len(transport._pools) <= 1024


async def test_a_call_on_a_closed_transport_is_refused() -> None:
    async with serving(flaky) as server, transport_of("native") as transport:
        assert await call(transport, server.url + "/5") == (200, b"x")
        await transport.aclose()
        for url in (server.url + "/5", "http://127.0.0.2/"):
            with pytest.raises(UpstreamError) as caught:
                await call(transport, url)
            assert "closed" in caught.value.detail


async def test_a_closed_connection_is_freed_without_the_collector() -> None:
    """No cycle keeps it: a gateway whose collector is frozen or rare must not grow."""
    async with serving(flaky) as server, transport_of("native") as transport:
        gc.disable()
        try:
            await asyncio.gather(*(call(transport, server.url + "/5") for _ in range(10)))
            made = [weakref.ref(connection) for connection in only_pool(transport).connections]
            assert len(made) == 10
            await transport.aclose()
            for _ in range(5):
                await asyncio.sleep(0)
            assert [ref for ref in made if ref() is not None] == []
        finally:
            gc.enable()

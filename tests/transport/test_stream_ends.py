"""A subscription ends once: its generator's `finally` runs whole, however its client leaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.transport.served import Served, served
from tests.transport.sockets import connected
from tests.transport.stream_project import state, stream_project
from tests.transport.test_streaming import EVENTS, asked, next_event, operation, single_connection


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Served]:
    with stream_project(tmp_path) as config:
        async with served(config) as running:
            state()["gate"] = asyncio.Event()
            yield running


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0)


QUERIES = {
    "it waits": 'subscription { ending(how: "waits") }',
    "it gives all the time": 'subscription { ending(how: "gives") }',
    "it waits behind a timeout of its own": 'subscription { ending(how: "times out") }',
    "it is shared": "subscription { sharedEnding }",
}
in_each = pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)


@in_each
async def test_complete_and_close_at_once(server: Served, query: str) -> None:
    """As graphql-ws does when its last subscription ends."""
    async with connected(server) as client:
        await client.subscribe(query)
        assert (await client.hear())["type"] == "next"
        await client.send(id="1", type="complete")
        await client.socket.close()
    await until(lambda: "began" in state()["steps"] and len(state()["steps"]) > 1)
    assert state()["steps"] == ["began", "ended"]


@in_each
async def test_close_alone(server: Served, query: str) -> None:
    async with connected(server) as client:
        await client.subscribe(query)
        assert (await client.hear())["type"] == "next"
    await until(lambda: len(state()["steps"]) > 1)
    assert state()["steps"] == ["began", "ended"]


async def test_complete_twice_and_again(server: Served) -> None:
    async with connected(server) as client:
        await client.subscribe(QUERIES["it waits"])
        assert (await client.hear())["type"] == "next"
        for _ in range(3):
            await client.send(id="1", type="complete")
        await until(lambda: len(state()["steps"]) > 1)
        await client.subscribe(QUERIES["it waits"])
        assert (await client.hear())["type"] == "next"
    assert state()["steps"][:2] == ["began", "ended"]


@in_each
async def test_a_single_connection_deletes_and_closes(server: Served, query: str) -> None:
    async with single_connection(server) as (session, token, stream):
        async with session.post(server.url, json=operation(query), headers=token):
            await next_event(stream)
        for _ in range(2):
            async with session.delete(f"{server.url}?operationId=a", headers=token) as ended:
                assert ended.status == 200
        stream.close()
    await until(lambda: len(state()["steps"]) > 1)
    assert state()["steps"] == ["began", "ended"]


@in_each
async def test_an_event_stream_closes(server: Served, query: str) -> None:
    async with asked(server, query, EVENTS) as answer:
        await next_event(answer)
    await until(lambda: len(state()["steps"]) > 1)
    assert state()["steps"] == ["began", "ended"]


@in_each
@pytest.mark.parametrize("leaves", [False, True])
async def test_the_server_waits_for_it_when_it_ends(
    server: Served, query: str, leaves: bool
) -> None:
    state()["rest"] = asyncio.Event()
    async with connected(server) as client:
        await client.subscribe(query)
        assert (await client.hear())["type"] == "next"
        if leaves:
            await client.send(id="1", type="complete")
            await until(lambda: state()["steps"])
        stopping = asyncio.create_task(server.stop())
        await until(lambda: state()["steps"])
        for _ in range(50):
            await asyncio.sleep(0)
        assert state()["steps"] == ["began"]
        assert not stopping.done()
        state()["rest"].set()
        await until(lambda: len(state()["steps"]) > 1)
    await stopping
    assert state()["steps"] == ["began", "ended"]

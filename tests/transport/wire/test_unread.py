"""What waits for clients that do not read is bounded for a worker; and what else a connection that is not read may
hide.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from tests.transport.served import served
from tests.transport.wire.case import HOST, message, post
from tests.transport.wire.client import connected
from tests.transport.wire.conftest import Wire
from tests.transport.wire.project import write_project
from tests.transport.wire.test_connections import WAITS, until
from tests.transport.wire.upgrades import WEBSOCKET

LARGE = b'{"query":"{ many(bytes: 20000000) }"}'


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def tight(tmp_path: Path) -> AsyncIterator[Wire]:
    """A worker in which 30 MB may wait."""
    async with served(
        write_project(tmp_path, "[server]\nmax_unread_bytes = 30_000_000\n")
    ) as server:
        yield Wire(server)


def waiting(wire: Wire) -> int:
    return sum(one.unread_bytes() for one in wire.server.app.connections.open)


async def test_answers_that_nobody_reads_are_bounded_together(tight: Wire) -> None:
    registry = tight.server.app.connections
    async with AsyncExitStack() as clients:
        for _ in range(5):
            client = await clients.enter_async_context(connected(tight.port))
            client.transport.pause_reading()
            await client.send(post(LARGE))
            await asyncio.sleep(0.05)
            assert waiting(tight) <= 30_000_000
        assert registry.timed_out["unread"] >= 1
        honest = await clients.enter_async_context(connected(tight.port))
        await honest.send(post("a"))
        assert (await honest.answer()).status == 200


def frame(**told: object) -> bytes:
    """A text frame of a client, masked by nothing."""
    text = json.dumps(told).encode()
    return bytes([0x81, 0x80 | 126, *len(text).to_bytes(2), 0, 0, 0, 0]) + text


async def test_a_socket_that_reads_nothing_is_ended_with_its_operations(tight: Wire) -> None:
    registry = tight.server.app.connections
    protocol = b"sec-websocket-protocol: graphql-transport-ws"
    async with connected(tight.port) as client:
        await client.send(message(b"GET /graphql HTTP/1.1", HOST, *WEBSOCKET, protocol))
        assert (await client.answer("GET")).status == 101
        await client.send(frame(type="connection_init"))
        await until(lambda: b"connection_ack" in client.buffer)
        client.transport.pause_reading()
        for number in range(12):
            query = {"query": f"{{ many(bytes: {6_000_000 + number * 1000}) }}"}
            await client.send(frame(type="subscribe", id=str(number), payload=query))
        await until(lambda: registry.timed_out["unread"] == 1)
        await until(lambda: not registry.open)


async def test_a_client_that_left_behind_many_requests_is_noticed(protocol: Wire) -> None:
    protocol.begin()

    async with connected(protocol.port) as client:
        await client.send(post(WAITS) + post("b") * 2_000)
        await until(lambda: protocol.state["begun"] == 1)
        client.transport.close()
    now = asyncio.get_running_loop().time()
    await asyncio.sleep(0.05)
    protocol.server.app.connections.sweep(now)
    await until(lambda: protocol.state["cancelled"] == 1)
    assert json.dumps(protocol.state["ran"]) == '["slow"]'


@pytest.mark.parametrize("value", [b"", b" "])
async def test_an_empty_header_is_no_leave(protocol: Wire, value: bytes) -> None:
    protocol.begin()
    head = message(
        b"GET /graphql?query={__typename} HTTP/1.1",
        HOST,
        b"sec-fetch-site: cross-site",
        b"apollo-require-preflight:" + value,
    )
    async with connected(protocol.port) as client:
        await client.send(head)
        answer = await client.answer("GET")
    assert answer.json["errors"][0]["extensions"]["code"] == "CSRF_ERROR"

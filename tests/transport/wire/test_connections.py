"""Connections over time: the order of answers, clients that go or end their side, what waits to be told to go on."""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.transport.wire.case import chunked, get, post, split_head
from tests.transport.wire.client import Client, connected
from tests.transport.wire.conftest import Wire

pytestmark = pytest.mark.asyncio(loop_scope="module")

TIME_S = 5.0
WAITS = b'{"query":"{ echo: waits(text: \\"slow\\") }"}'
WRITES = b'{"query":"mutation { first: waits(text: \\"slow\\") then: write(text: \\"then\\") }"}'


async def until(holds: Callable[[], bool]) -> None:
    """Wait for what the server does by itself."""
    async with asyncio.timeout(TIME_S):
        while not holds():
            await asyncio.sleep(0.002)


async def echo(client: Client, method: str = "POST") -> Any:
    """What the next answer says."""
    answer = await client.answer(method)
    assert answer.status == 200, answer
    return answer.json["data"]["echo"]


@pytest.fixture
def wire(protocol: Wire) -> Iterator[Wire]:
    """The server, with nothing written down and its gate closed."""
    protocol.begin()
    yield protocol
    protocol.state["gate"].set()


async def test_answers_come_in_the_order_of_their_requests(wire: Wire) -> None:
    async with connected(wire.port) as client:
        await client.send(post(WAITS) + get("b") + chunked("c"))
        await until(lambda: wire.state["begun"] == 1)
        await client.send(post("d"))
        assert client.buffer == b""
        wire.state["gate"].set()
        assert [await echo(client) for _ in range(4)] == ["slow", "b", "c", "d"]


async def test_a_request_in_advance_is_not_executed_before_the_answer_to_the_one_before(
    wire: Wire,
) -> None:
    async with connected(wire.port) as client:
        await client.send(post(WAITS) + post("b"))
        await until(lambda: wire.state["begun"] == 1)
        assert wire.state["ran"] == ["slow"]
        wire.state["gate"].set()
        assert [await echo(client), await echo(client)] == ["slow", "b"]


async def test_a_broken_message_behind_a_slow_request_is_answered_after_it(wire: Wire) -> None:
    async with connected(wire.port) as client:
        await client.send(post(WAITS) + b"broken\r\n\r\n" + post("never"))
        await until(lambda: wire.state["begun"] == 1)
        assert client.buffer == b""
        wire.state["gate"].set()
        assert await echo(client) == "slow"
        assert (await client.answer()).status == 400
        assert await client.rest() == b""
        assert wire.state["ran"] == ["slow"]


async def test_nobody_is_told_to_go_on_before_the_answer_to_the_one_before(wire: Wire) -> None:
    head, body = split_head(post("b", b"expect: 100-continue"))
    async with connected(wire.port) as client:
        await client.send(post(WAITS) + head)
        await until(lambda: wire.state["begun"] == 1)
        assert client.buffer == b""
        wire.state["gate"].set()
        assert await echo(client) == "slow"
        await until(lambda: client.buffer != b"")
        assert client.buffer == b"HTTP/1.1 100 Continue\r\n\r\n"
        await client.send(body)
        answer = await client.answer()
        assert (answer.interim, answer.json) == ((100,), {"data": {"echo": "b"}})


@pytest.mark.parametrize("what", ["a quick one", "a slow one", "two in advance", "chunks"])
async def test_a_client_that_ends_its_side_is_answered_whole(wire: Wire, what: str) -> None:
    sent = {"a slow one": post(WAITS), "two in advance": post(WAITS) + post("b"), "chunks": chunked("b")}  # fmt: skip
    async with connected(wire.port) as client:
        await client.send(sent.get(what, post("b")))
        client.shut()
        if "waits" in sent.get(what, b"").decode():
            await until(lambda: wire.state["begun"] == 1)
            wire.state["gate"].set()
            assert await echo(client) == "slow"
        if what != "a slow one":
            assert await echo(client) == "b"
        assert await client.rest() == b""
    assert wire.state["cancelled"] == 0


async def test_a_client_that_ends_its_side_reads_a_large_answer(wire: Wire) -> None:
    async with connected(wire.port) as client:
        await client.send(post(b'{"query":"{ many(bytes: 3000000) }"}'))
        client.shut()
        assert len((await client.answer()).json["data"]["many"]) == 3000
        assert await client.rest() == b""


async def test_a_client_that_ends_its_side_within_a_body_has_asked_nothing(wire: Wire) -> None:
    async with connected(wire.port) as client:
        await client.send(post("b")[:-1])
        client.shut()
        said = await client.rest()
        assert said == b"" or said.startswith(b"HTTP/1.1 400 ")
    assert wire.state["ran"] == []


def reset(client: Client) -> None:
    """Leave with a reset."""
    socket = client.transport.get_extra_info("socket")
    socket.setsockopt(1, 13, struct.pack("ii", 1, 0))  # SO_LINGER
    client.transport.abort()


@pytest.mark.parametrize("how", ["close", "reset"])
async def test_a_client_that_leaves_ends_its_operation(wire: Wire, how: str) -> None:
    async with connected(wire.port) as client:
        await client.send(post(WAITS))
        await until(lambda: wire.state["begun"] == 1)
        reset(client) if how == "reset" else client.transport.close()
        await until(lambda: wire.state["cancelled"] == 1)
    assert wire.state["ended"] == 0
    log = wire.server.app.base / "access.log"
    await until(lambda: json.loads(log.read_text().splitlines()[-1])["status"] == 499)


async def test_a_client_that_leaves_asks_nothing_more(wire: Wire) -> None:
    async with connected(wire.port) as client:
        await client.send(post(WAITS) + post("b"))
        await until(lambda: wire.state["begun"] == 1)
        reset(client)
        await until(lambda: wire.state["cancelled"] == 1)
        await asyncio.sleep(0.01)
    assert wire.state["ran"] == ["slow"]


async def test_a_mutation_that_has_begun_runs_to_its_end(wire: Wire) -> None:
    async with connected(wire.port) as client:
        await client.send(post(WRITES))
        await until(lambda: wire.state["begun"] == 1)
        client.transport.abort()
        await asyncio.sleep(0.05)
        assert wire.state["cancelled"] == 0
        wire.state["gate"].set()
        await until(lambda: wire.state["ran"] == ["slow", "then"])


async def test_a_refusal_is_read_by_a_client_that_still_sends(wire: Wire) -> None:
    """RFC 9112 §9.6: closed in order, so that no reset takes the answer away."""
    async with connected(wire.port) as client:
        await client.send(split_head(post(b" " * 5_000_000))[0])
        for _ in range(20):
            await client.send(b" " * 10_000)
        assert (await client.answer()).status == 413
        assert await client.rest() == b""
        assert client.error is None


async def test_a_broken_message_is_answered_to_a_client_that_still_sends(wire: Wire) -> None:
    async with connected(wire.port) as client:
        await client.send(b"broken\r\n\r\n" + b"x" * 100_000, *[b"x" * 10_000] * 5)
        assert (await client.answer()).status == 400
        assert await client.rest() == b""
        assert client.error is None

"""The short way: it is taken, it keeps what HTTP/1.1 asks of a connection, and what is not for it goes the other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import pytest_asyncio

from gateway.transport.direct import DirectRoute
from tests.transport.served import Served, served

SCHEMA = """
type Query { ready: String  waits: String  seen(name: String!): String }
type Mutation { set: String }
"""
RESOLVERS = """
import asyncio
from contextvars import ContextVar
from gateway import resolver

state = {"gate": None, "begun": None}
LEFT = ContextVar("left", default="nothing")


@resolver("Query.ready")
async def ready(parent, context):
    return "yes"


@resolver("Query.waits")
async def waits(parent, context):
    state["begun"].set()
    await state["gate"].wait()
    return "at last"


@resolver("Query.seen", blocking=False)
def seen(parent, context, name):
    before = LEFT.get()
    LEFT.set("something")
    context.headers.setdefault("x-left", name)
    context.header_values["accept"].append(name)
    return f"{before} {context.headers['x-left']} {len(context.header_values['accept'])}"


@resolver("Mutation.set")
async def change(parent, context):
    return "set"
"""
TIME_S = 20.0


class Connection:
    """One connection, read answer by answer."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def answer(self) -> tuple[int, dict[str, str], Any]:
        """The next one: status, headers, JSON."""
        async with asyncio.timeout(TIME_S):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = dict(line.split(": ", 1) for line in head[1:] if line)
            body = await self.reader.readexactly(int(headers["content-length"]))
        return int(head[0].split()[1]), headers, orjson.loads(body)

    async def is_over(self) -> bool:
        """Whether the server closes it, with nothing more to say."""
        async with asyncio.timeout(TIME_S):
            return await self.reader.read() == b""


def ask(query: str, more: str = "", path: str = "/graphql") -> bytes:
    """A request."""
    body = orjson.dumps({"query": query})
    head = f"POST {path} HTTP/1.1\r\nhost: test\r\naccept: application/json\r\n{more}"
    return (
        f"{head}content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode()
        + body
    )


class Bench:
    """A server, a connection to it, and how often the short way was taken."""

    def __init__(self, server: Served, state: dict[str, Any]) -> None:
        self.server = server
        self.state = state
        self.taken = 0
        self.open: list[Connection] = []

    async def connect(self) -> Connection:
        connection = Connection(*await asyncio.open_connection("127.0.0.1", self.server.port))
        self.open.append(connection)
        return connection


@pytest_asyncio.fixture
async def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    (tmp_path / "schema.graphql").write_text(SCHEMA)
    (tmp_path / "direct_resolvers.py").write_text(RESOLVERS)
    (tmp_path / "gateway.toml").write_text(
        f'[graph]\nschema = ["schema.graphql"]\nresolvers = "direct_resolvers"\n'
        f'[logs]\naccess = "{tmp_path}/access.log"\nerrors = "{tmp_path}/errors.log"\n'
    )
    answer = DirectRoute.__call__
    async with served(tmp_path / "gateway.toml") as server:
        marks = server.app.graph.marks
        state: dict[str, Any] = next(
            m for m in marks if m.name == "Query.waits"
        ).target.__globals__["state"]
        state.update(gate=asyncio.Event(), begun=asyncio.Event())
        bench = Bench(server, state)

        def count(self: DirectRoute, *given: Any) -> Any:
            reply = answer(self, *given)
            bench.taken += reply is not None
            return reply

        monkeypatch.setattr(DirectRoute, "__call__", count)
        yield bench
        state["gate"].set()
        for connection in bench.open:
            connection.writer.close()


async def test_it_is_taken_by_what_waits_and_what_does_not(bench: Bench) -> None:
    connection = await bench.connect()
    for query, data in (
        ("{ __typename }", {"__typename": "Query"}),
        ("{ ready }", {"ready": "yes"}),
    ):
        connection.writer.write(ask(query))
        status, headers, said = await connection.answer()
        assert (status, said) == (200, {"data": data})
        assert headers["content-type"] == "application/json; charset=utf-8"
        assert len(headers["x-request-id"]) == 16
    assert bench.taken == 2


@pytest.mark.parametrize(
    "sent",
    [
        ask("{ ready }", "connection: upgrade\r\nupgrade: h2c\r\n"),
        ask("{ ready }", "content-encoding: identity\r\n"),
        ask("{ ready }", path="/graphql?a=b"),
        ask("{ ready }", path="/graph%71l"),
        ask("{ ready }").replace(b"HTTP/1.1", b"HTTP/1.0"),
        ask("{ ready }").replace(b"POST /", b"OPTIONS /"),
        ask("{ ready }").replace(b"application/json", b"text/event-stream", 1),
        ask("{ ready }").replace(b"/json\r\ncontent-length", b"/text\r\ncontent-length"),
        ask("{ ready }").replace(b'{"query"', b'["query"'),
    ],
)  # fmt: skip
async def test_it_is_not_taken(bench: Bench, sent: bytes) -> None:
    connection = await bench.connect()
    connection.writer.write(sent)
    async with asyncio.timeout(TIME_S):
        line = await connection.reader.readline()
    assert line.startswith((b"HTTP/1.1 2", b"HTTP/1.1 4"))
    assert bench.taken == 0


async def test_a_body_in_pieces_goes_the_ordinary_way(bench: Bench) -> None:
    connection = await bench.connect()
    sent = ask("{ ready }")
    for piece in (sent[:40], sent[40:-5], sent[-5:]):
        connection.writer.write(piece)
        await connection.writer.drain()
        await asyncio.sleep(
            0.02
        )  # a segment of its own, most likely; the answer is the same if not
    assert (await connection.answer())[2] == {"data": {"ready": "yes"}}


async def test_a_chunked_body_that_is_whole_is_read(bench: Bench) -> None:
    connection = await bench.connect()
    head, body = ask("{ ready }").split(b"\r\n\r\n")
    head = head.rpartition(b"\r\n")[0] + b"\r\ntransfer-encoding: chunked\r\n\r\n"
    connection.writer.write(head + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body))
    assert (await connection.answer())[2] == {"data": {"ready": "yes"}}


async def test_answers_come_in_the_order_of_their_requests(bench: Bench) -> None:
    connection = await bench.connect()
    connection.writer.write(
        ask("{ __typename }")
        + ask("{ waits }")
        + ask("{ __typename a: __typename }")
        + ask("{ ready }")
    )
    assert (await connection.answer())[2] == {"data": {"__typename": "Query"}}
    await bench.state["begun"].wait()
    bench.state["gate"].set()
    assert (await connection.answer())[2] == {"data": {"waits": "at last"}}
    assert (await connection.answer())[2] == {"data": {"__typename": "Query", "a": "Query"}}
    assert (await connection.answer())[2] == {"data": {"ready": "yes"}}
    assert bench.taken == 2


@pytest.mark.parametrize("query", ["{ __typename }", "{ ready }"])
async def test_a_client_that_says_so_is_the_last_to_be_answered(bench: Bench, query: str) -> None:
    connection = await bench.connect()
    connection.writer.write(ask(query, "connection: close\r\n"))
    _, headers, _ = await connection.answer()
    assert headers["connection"] == "close"
    assert await connection.is_over()
    assert bench.taken == 1


async def test_a_server_that_goes_down_answers_first(bench: Bench) -> None:
    connection = await bench.connect()
    connection.writer.write(ask("{ waits }"))
    await bench.state["begun"].wait()
    stopping = asyncio.create_task(bench.server.stop())
    while bench.server.app.ready:
        await asyncio.sleep(0.001)
    bench.state["gate"].set()
    _, headers, said = await connection.answer()
    assert (headers["connection"], said) == ("close", {"data": {"waits": "at last"}})
    assert await connection.is_over()
    await stopping


async def test_a_client_that_goes_leaves_no_place_behind(bench: Bench) -> None:
    connection = await bench.connect()
    connection.writer.write(ask("{ waits }"))
    await bench.state["begun"].wait()
    route: Any = bench.server.app.endpoint
    assert route.active == 1
    connection.writer.close()
    bench.state["gate"].set()
    async with asyncio.timeout(TIME_S):
        while route.active:
            await asyncio.sleep(0.001)


async def test_nothing_of_a_request_is_left_to_the_next(bench: Bench) -> None:
    connection = await bench.connect()
    for name in ("a", "b"):
        connection.writer.write(ask(f'{{ seen(name: "{name}") }}'))
        assert (await connection.answer())[2] == {"data": {"seen": f"nothing {name} 2"}}
    assert bench.taken == 2


async def test_an_idle_connection_is_closed_and_a_busy_one_is_not(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = await bench.connect()
    connection.writer.write(ask("{ __typename }"))
    await connection.answer()
    (protocol,) = bench.server.connections
    loop, now = asyncio.get_running_loop(), asyncio.get_running_loop().time()
    monkeypatch.setattr(protocol, "loop", Clock(loop, now + 1))
    protocol.timeout_keep_alive_handler()  # too early: it looks again later
    assert not protocol.transport.is_closing()
    assert protocol.timeout_keep_alive_task is not None
    connection.writer.write(ask("{ waits }"))
    await bench.state["begun"].wait()
    monkeypatch.setattr(protocol, "loop", Clock(loop, now + 3600))
    protocol.timeout_keep_alive_handler()
    assert not protocol.transport.is_closing()
    bench.state["gate"].set()
    await connection.answer()
    monkeypatch.setattr(protocol, "loop", Clock(loop, now + 7200))
    protocol.timeout_keep_alive_handler()
    assert await connection.is_over()


class Clock:
    """A loop at another time."""

    def __init__(self, loop: asyncio.AbstractEventLoop, now: float) -> None:
        self._loop, self._now = loop, now

    def time(self) -> float:
        return self._now

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop, name)

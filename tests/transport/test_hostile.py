"""A real server stands every hostile request: no 5xx, nothing of its inside shown, and a good query beside it."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from tests.transport.conftest import configure
from tests.transport.hostile import HOSTILE, QUERY, request
from tests.transport.served import Served, served

GOOD = b'{"data":{"greeting":"Hello, you!"}}'
# What an answer must never show: a stack trace, a file of ours, a path of this machine, a secret of a resolver.
INSIDE = re.compile(rb'Traceback|File "|\.py\b|/usr/|/home/|/root/|/tmp/|root:x:|secret-dsn')
TIME_S = 20.0


async def exchange(port: int, sent: bytes) -> bytes:
    """Everything that the server says; b"" when it only hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(TIME_S):
            try:
                writer.write(sent)
                await writer.drain()
                if writer.can_write_eof():
                    writer.write_eof()
            except ConnectionError:
                pass  # it has heard enough
            try:
                return await reader.read()
            except ConnectionError:
                return b""
    finally:
        writer.close()


def test_there_are_enough() -> None:
    assert len(HOSTILE) >= 120


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile(http_server: Served, name: str) -> None:
    hostile = asyncio.create_task(exchange(http_server.port, HOSTILE[name]))
    beside = await exchange(http_server.port, request(QUERY))
    assert beside.endswith(GOOD)
    said = await hostile
    check(said)
    assert (await exchange(http_server.port, request(QUERY))).endswith(GOOD)


def check(said: bytes) -> None:
    """Errors: AssertionError."""
    if said:
        assert re.match(rb"HTTP/1\.[01] [1-4]\d\d ", said), said[:200]
        assert INSIDE.search(said) is None, said[-2_000:]


@pytest.mark.parametrize("name", [name for name in HOSTILE if name.startswith("multipart")])
async def test_hostile_forms_where_files_are_allowed(http_project: Path, name: str) -> None:
    config = configure(http_project, "[uploads]\nenabled = true\n")
    async with served(config) as server:
        said = await exchange(server.port, HOSTILE[name])
        check(said)
        # A refusal while the form still comes may be lost: the connection is closed on it.
        assert not said or re.match(rb"HTTP/1.1 4(00|13) ", said)
        assert (await exchange(server.port, request(QUERY))).endswith(GOOD)


async def test_what_is_logged_has_no_trace(http_project: Path) -> None:
    async with served(http_project / "gateway.toml") as server:
        for sent in HOSTILE.values():
            check(await exchange(server.port, sent))
    errors = (http_project / "errors.log").read_text()
    assert "Traceback" not in errors
    assert "error_id" not in errors


async def test_a_head_without_an_end_is_cut_as_it_arrives(http_server: Served) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", http_server.port)
    writer.write(b"POST /graphql HTTP/1.1\r\nhost: test\r\nx-long: ")
    sent = 0
    try:
        while sent < 50_000_000 and not reader.at_eof():
            writer.write(b"x" * 10_000)
            await writer.drain()
            sent += 10_000
            await asyncio.sleep(0)
    except ConnectionError:
        pass
    assert sent < 10_000_000
    writer.close()


async def test_a_large_head_in_pieces_is_rejected_with_431(own_server: Served) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", own_server.port)
    writer.write(b"POST /graphql HTTP/1.1\r\nhost: test\r\n")
    for number in range(10):
        await asyncio.sleep(0.001)
        writer.write(b"x-%d: " % number + b"x" * 2_000 + b"\r\n")
    assert (await reader.read()).startswith(b"HTTP/1.1 431 ")
    writer.close()


async def test_heads_that_come_in_pieces_are_read(http_server: Served) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", http_server.port)
    for piece in re.findall(rb"(?s).{1,7}", request(QUERY)):
        writer.write(piece)
        await asyncio.sleep(0)
    assert (await reader.read()).endswith(GOOD)
    writer.close()

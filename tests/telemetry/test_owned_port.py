"""The ports for operators: who asks nothing holds nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from gateway.telemetry import owned_port
from gateway.telemetry.owned_port import AppPort
from tests.platform.processes import free_port

ASKED = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"


@asynccontextmanager
async def listening(held: asyncio.Event, asked: asyncio.Event | None = None) -> AsyncIterator[int]:
    """A port whose application says that it was asked, and answers when it is let."""

    async def answer(_scope: Any, _receive: Any, send: Any) -> None:
        if asked is not None:
            asked.set()
        await held.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"here"})

    port = AppPort(answer)
    number = free_port()
    await port.listen("127.0.0.1", number)
    try:
        yield number
    finally:
        await port.aclose()


@pytest.mark.parametrize(
    "sent",
    [b"", b"GET / HT", b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n{", ASKED],
    ids=["nothing", "half a head", "half a body", "a request, and then nothing"],
)
async def test_what_waits_for_a_request_ends(sent: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(owned_port, "REQUEST_S", 0.4)
    held = asyncio.Event()
    if sent == ASKED:
        held.set()
    async with listening(held) as number:
        reader, writer = await asyncio.open_connection("127.0.0.1", number)
        writer.write(sent)
        try:
            said = await reader.read()  # to its end
        except ConnectionResetError:
            said = b""
        assert (b"here" in said) == (sent == ASKED)
        writer.close()
        held.set()


async def test_a_request_that_is_whole_is_answered_however_long_it_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    held = asyncio.Event()
    async with listening(held) as number:
        monkeypatch.setattr(owned_port, "REQUEST_S", 0.4)
        reader, writer = await asyncio.open_connection("127.0.0.1", number)
        writer.write(ASKED)
        idle, other = await asyncio.open_connection("127.0.0.1", number)
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await idle.readexactly(1)  # its time is over, and so is that of the request before it
        other.close()
        held.set()
        assert (await reader.readuntil(b"here")).startswith(b"HTTP/1.1 200")
        writer.close()


async def test_who_asks_takes_the_place_of_who_asks_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(owned_port, "MAX_CONNECTIONS", 3)
    held = asyncio.Event()
    held.set()
    async with listening(held) as number:
        silent = [await asyncio.open_connection("127.0.0.1", number) for _ in range(3)]
        for _, writer in silent:
            writer.write(b"GET / HT")
        for _ in range(2):
            reader, writer = await asyncio.open_connection("127.0.0.1", number)
            writer.write(ASKED)
            assert (await reader.readuntil(b"here")).startswith(b"HTTP/1.1 200")
            writer.close()
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await silent[0][0].readexactly(1)
        for _, writer in silent:
            writer.close()


async def test_no_request_that_is_answered_goes_for_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(owned_port, "MAX_CONNECTIONS", 1)
    held, asked = asyncio.Event(), asyncio.Event()
    async with listening(held, asked) as number:
        reader, writer = await asyncio.open_connection("127.0.0.1", number)
        writer.write(ASKED)
        await asked.wait()
        more, another = await asyncio.open_connection("127.0.0.1", number)
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await more.readexactly(1)
        another.close()
        held.set()
        assert (await reader.readuntil(b"here")).startswith(b"HTTP/1.1 200")
        writer.close()

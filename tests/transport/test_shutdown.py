"""SIGTERM reaches the server later, and is told at once; a second one does not wait."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Iterator
from types import FrameType

import pytest

from gateway.transport.server.shutdown import delay_shutdown


@pytest.fixture
def ended() -> Iterator[list[int]]:
    """What a server's own handler has seen."""
    seen: list[int] = []

    def handle(number: int, _frame: FrameType | None) -> None:
        seen.append(number)

    before = signal.signal(signal.SIGTERM, handle)
    yield seen
    signal.signal(signal.SIGTERM, before)


async def test_a_signal_is_told_and_comes_later(ended: list[int]) -> None:
    told: list[str] = []
    delay_shutdown(0.001, lambda: told.append("told"))
    signal.raise_signal(signal.SIGTERM)
    assert (told, ended) == (["told"], [])
    while not ended:
        await asyncio.sleep(0.001)
    assert ended == [signal.SIGTERM]


async def test_a_second_signal_is_not_delayed(ended: list[int]) -> None:
    told: list[str] = []
    delay_shutdown(1000, lambda: told.append("told"))
    signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGTERM)
    assert (told, ended) == (["told"], [signal.SIGTERM])


async def test_where_no_server_waits_for_the_signal_nothing_is_changed() -> None:
    before = signal.getsignal(signal.SIGTERM)
    delay_shutdown(1000, lambda: None)
    assert signal.getsignal(signal.SIGTERM) is before


async def test_another_thread_leaves_the_signals_alone(ended: list[int]) -> None:
    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=delay_shutdown, args=(1000, lambda: None))
    thread.start()
    await asyncio.to_thread(thread.join)
    assert signal.getsignal(signal.SIGTERM) is before
    assert ended == []

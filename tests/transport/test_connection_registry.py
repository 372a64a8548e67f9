"""The registry of connections: in turns, so that thousands do not keep a request waiting; and who reads what he is
sent.
"""

from __future__ import annotations

import asyncio
import logging

import pytest

from gateway.transport.server.connections import AT_ONCE, RESERVE, SLOWEST, Connections, WriteWatch
from gateway.transport.server.settings import ConnectionSettings


class Fake:
    """A connection that is late from some time on."""

    def __init__(self, registry: Connections, late_at: float = 1e9) -> None:
        self.registry = registry
        self.late_at = late_at
        self.looks = 0
        self.is_turned_away = False

    def turn_away(self) -> None:
        self.is_turned_away = True

    def unread_bytes(self) -> int:
        return 0

    def abort(self) -> None: ...

    def sweep(self, now: float) -> str | None:
        self.looks += 1
        if now < self.late_at:
            return None
        self.registry.open.discard(self)
        return "idle"


def registry(**settings: int) -> Connections:
    return Connections(ConnectionSettings(**settings))


async def test_many_are_looked_at_in_turns_of_the_loop() -> None:
    connections = registry()
    fakes = [Fake(connections) for _ in range(2 * AT_ONCE + 1)]
    connections.open.update(fakes)
    connections.sweep(1.0)
    turns = []
    for _ in range(4):
        turns.append(sum(fake.looks for fake in fakes))
        await asyncio.sleep(0)
    assert turns == [AT_ONCE, 2 * AT_ONCE, 2 * AT_ONCE + 1, 2 * AT_ONCE + 1]


async def test_who_has_gone_in_between_is_not_looked_at() -> None:
    connections = registry()
    fakes = [Fake(connections) for _ in range(AT_ONCE + 1)]
    connections.open.update(fakes)
    connections.sweep(1.0)
    (last,) = [fake for fake in fakes if not fake.looks]
    connections.open.discard(last)
    await asyncio.sleep(0)
    assert last.looks == 0


async def test_what_was_late_is_counted() -> None:
    connections = registry()
    connections.open.update(Fake(connections, late_at=5.0) for _ in range(3))
    connections.sweep(4.0)
    assert connections.timed_out["idle"] == 0
    connections.sweep(6.0)
    assert connections.timed_out["idle"] == 3
    assert not connections.open


def test_one_line_for_all_that_are_rejected(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    connections = registry(max_connections=1)
    assert connections.add(Fake(connections))
    assert not any(connections.add(Fake(connections)) for _ in range(RESERVE + 1_000))
    assert connections.rejected["limit"] == 1_000
    assert len(caplog.records) == 1


def test_the_oldest_of_the_reserve_makes_room_for_the_next() -> None:
    """Whoever holds every place and every place of the reserve does not keep a probe out."""
    connections = registry(max_connections=2)
    fakes = [Fake(connections) for _ in range(2 + RESERVE + 3)]
    assert [connections.add(fake) for fake in fakes] == [True, True] + [False] * (RESERVE + 3)
    assert [fake.is_turned_away for fake in fakes] == [False] * 2 + [True] * 3 + [False] * RESERVE
    assert len(connections.open) == 2 + RESERVE
    connections.remove(
        fakes[0]
    )  # a place is free: the next one has it, those of the reserve do not
    assert connections.add(Fake(connections))
    assert len(connections.reserve) == RESERVE


def test_a_client_is_not_late_at_the_first_look() -> None:
    """However long the machine has been running."""
    watch = WriteWatch()
    watch.written = 5_000_000
    assert not watch.is_late(5_000_000, 1e7, 30)
    assert not watch.is_late(5_000_000, 1e7 + 30, 30)
    assert watch.is_late(5_000_000, 1e7 + 31, 30)


def test_a_client_that_reads_is_not_late() -> None:
    watch = WriteWatch()
    watch.written = unread = 1_000_000
    for second in range(0, 1_000, 20):
        assert not watch.is_late(unread, 1e6 + second, 30)
        unread -= 21 * SLOWEST


def test_a_client_that_reads_too_slowly_is_late() -> None:
    watch = WriteWatch()
    watch.written = 1_000_000
    looks = [watch.is_late(1_000_000 - second, 1e6 + second, 30) for second in range(40)]
    assert looks.index(True) == 31

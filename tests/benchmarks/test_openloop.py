"""A latency at a constant rate counts from when the request was due, not from when it could be sent."""

from __future__ import annotations

from itertools import repeat

import pytest

from benchmarks.load import openloop
from benchmarks.load.openloop import MAX_CONNECTIONS, Connection, Load
from benchmarks.load.resilience import Closed, at_least
from benchmarks.stats import median_of_ratios

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"


class Wire:
    """What was written."""

    def __init__(self) -> None:
        self.written: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.written.append(data)


@pytest.fixture
def load() -> Load:
    # As if every connection that is allowed were open: nothing is opened here.
    return Load("127.0.0.1", 1, repeat(b"request"), connections=MAX_CONNECTIONS)


def connected(load: Load) -> tuple[Connection, Wire]:
    connection, wire = Connection(load), Wire()
    connection.connection_made(wire)
    return connection, wire


def test_a_request_that_waited_for_a_connection_is_charged_for_the_wait(
    load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection, wire = connected(load)
    load.due(1.0)
    load.due(2.0)
    assert wire.written == [b"request"]
    monkeypatch.setattr(openloop, "now", lambda: 10.0)
    connection.data_received(OK)
    assert wire.written == [b"request", b"request"]
    monkeypatch.setattr(openloop, "now", lambda: 11.0)
    connection.data_received(OK[:20])
    connection.data_received(OK[20:])
    assert load.latencies_s == [9.0, 9.0]
    assert load.idle == [connection]


def test_an_answer_that_is_no_200_has_no_latency(load: Load) -> None:
    connection, _ = connected(load)
    load.due(1.0)
    connection.data_received(OK.replace(b"200 OK", b"503 No"))
    assert (load.latencies_s, load.failed) == ([], 1)


def test_a_lost_connection_fails_its_request_and_is_used_no_more(load: Load) -> None:
    busy, _ = connected(load)
    load.due(1.0)
    idle, _ = connected(load)
    busy.connection_lost(None)
    idle.connection_lost(None)
    assert (load.failed, load.idle, load.connections) == (1, [], MAX_CONNECTIONS - 2)


def test_a_refusal_counts_from_when_it_was_sent(
    load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection, _ = connected(load)
    monkeypatch.setattr(openloop, "now", lambda: 5.0)
    load.due(1.0)
    monkeypatch.setattr(openloop, "now", lambda: 5.5)
    connection.data_received(OK.replace(b"200 OK", b"503 No"))
    assert (load.refusals_s, load.latencies_s, load.failed) == ([0.5], [], 1)


def test_an_answer_of_another_size_is_not_good(load: Load) -> None:
    """A 200 may hold errors in place of data."""
    load.expected_bytes = 2
    connection, _ = connected(load)
    for data in (OK, OK.replace(b"length: 2", b"length: 3") + b"-"):
        load.due(1.0)
        connection.data_received(data)
    assert (len(load.latencies_s), load.failed) == (1, 1)


def test_a_closed_loop_asks_again_at_once() -> None:
    closed = Closed("127.0.0.1", 1, repeat(b"request"), connections=MAX_CONNECTIONS)
    connection, wire = connected(closed)
    for _ in range(3):
        connection.data_received(OK)
    assert (len(wire.written), len(closed.latencies_s)) == (4, 3)
    closed.is_over = True
    connection.data_received(OK)
    assert (len(wire.written), len(closed.latencies_s)) == (4, 4)


@pytest.mark.parametrize(
    ("ratios", "verdict"),
    [([0.95] * 9, "met"), ([0.5] * 9, "missed"), ([0.8, 1.0] * 5, "not distinguishable")],
)
def test_a_ratio_that_must_be_high(ratios: list[float], verdict: str) -> None:
    assert at_least(median_of_ratios(ratios, [1.0] * len(ratios)), 0.9) == verdict

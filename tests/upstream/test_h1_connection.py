"""The invariant: whatever bytes come, however they are cut, an exchange ends with the connection's end at the
latest; a connection is given back only behind a whole, clean answer, and never after it was closed.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.upstream.http1.connection import Http1Connection
from gateway.upstream.http1.exchange import H1Response
from tests.upstream.wire import answer

BODY = b"the body of an answer"
WHOLE = [
    answer(BODY),
    answer(BODY, "200 OK", "X-A: b", "Set-Cookie: c=d"),
    b"HTTP/1.1 100 Continue\r\n\r\n" + answer(BODY),
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nthe\r\n12;x=y\r\n body of an answer\r\n0\r\nT: u\r\n\r\n",
]


class Socket(asyncio.Transport):
    """Takes what is written, and knows whether it was closed."""

    def __init__(self) -> None:
        super().__init__()
        self.closed = False

    def write(self, data: object) -> None:
        """Taken."""

    def abort(self) -> None:
        self.closed = True

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None:
        """Nothing is read by itself."""

    def resume_reading(self) -> None:
        """The same."""


class Lender:
    """Who lends the connection out: it keeps what it was told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def release(self, connection: Http1Connection) -> None:
        self.told.append("released")

    def forget(self, connection: Http1Connection) -> None:
        self.told.append("forgotten")


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    made = asyncio.new_event_loop()
    yield made
    made.close()


def feed(
    loop: asyncio.AbstractEventLoop,
    pieces: list[bytes],
) -> tuple[H1Response, Lender, Http1Connection, Socket]:
    """One exchange to which `pieces` come."""
    lender, sock = Lender(), Socket()
    connection = Http1Connection(lender, loop)
    connection.connection_made(sock)
    response = connection.begin_exchange(b"GET / HTTP/1.1\r\n\r\n", "s", inf, is_head=False)
    for piece in pieces:
        if not sock.closed:
            connection.data_received(piece)
    return response, lender, connection, sock


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """`data` in pieces, none empty."""
    marks = sorted({place % len(data) for place in places} | {0, len(data)})
    return [data[a:b] for a, b in itertools.pairwise(marks)]


@given(st.sampled_from(WHOLE), st.lists(st.integers(0, 500), max_size=12))
def test_a_whole_answer_is_the_same_however_it_is_cut(
    loop: asyncio.AbstractEventLoop, data: bytes, places: list[int]
) -> None:
    response, lender, _, _ = feed(loop, cut(data, places))
    assert (response.status, b"".join(response.parts)) == (200, BODY)
    assert (response.error, lender.told) == (None, ["released"])


@given(
    st.sampled_from(WHOLE),
    st.lists(st.tuples(st.integers(0, 500), st.binary(max_size=3), st.integers(0, 3)), max_size=4),
    st.lists(st.integers(0, 500), max_size=6),
)
def test_a_damaged_answer_ends_and_is_given_back_only_clean(
    loop: asyncio.AbstractEventLoop,
    data: bytes,
    damages: list[tuple[int, bytes, int]],
    places: list[int],
) -> None:
    for place, added, removed in damages:
        at = place % (len(data) + 1)
        data = data[:at] + added + data[at + removed :]
    response, lender, connection, sock = feed(loop, cut(data, places) if data else [])
    assert lender.told in ([], ["released"], ["forgotten"], ["released", "forgotten"])
    if lender.told == ["released"]:
        assert response.error is None
        assert not sock.closed
    if not sock.closed:
        connection.eof_received()
    connection.connection_lost(None)
    assert response.connection is None
    assert response.waiter is not None
    assert response.waiter.done()
    assert response.error is not None or response.status >= 200
    assert lender.told in (["forgotten"], ["released", "forgotten"])

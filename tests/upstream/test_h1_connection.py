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

from gateway.upstream.http1.connection import Connection
from gateway.upstream.http1.exchange import H1Response
from gateway.upstream.http1.heads import MAX_HEADS, TRIES, KnownHeads
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

    def __init__(self, heads: KnownHeads | None = None) -> None:
        self.told: list[str] = []
        self.heads = heads or KnownHeads()

    def release(self, connection: Connection) -> None:
        self.told.append("released")

    def forget(self, connection: Connection) -> None:
        self.told.append("forgotten")


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    made = asyncio.new_event_loop()
    yield made
    made.close()


def feed(
    loop: asyncio.AbstractEventLoop,
    pieces: list[bytes],
    heads: KnownHeads | None = None,
    *,
    is_head: bool = False,
) -> tuple[H1Response, Lender, Connection, Socket]:
    """One exchange to which `pieces` come."""
    lender, sock = Lender(heads), Socket()
    connection = Connection(lender, loop)
    connection.connection_made(sock)
    response = connection.start(b"GET / HTTP/1.1\r\n\r\n", "s", inf, is_head=is_head)
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


def seen(response: H1Response, lender: Lender, sock: Socket) -> tuple[object, ...]:
    """What the caller of an exchange and the lender can tell."""
    error = response.error and (response.error.code, response.error.detail)
    parts = b"".join(response.parts)
    return response.status, list(response.headers), parts, error, lender.told, sock.closed


@given(
    st.sampled_from(WHOLE),
    st.lists(st.tuples(st.integers(0, 500), st.binary(max_size=3), st.integers(0, 3)), max_size=4),
    st.lists(st.integers(0, 500), max_size=2),
    st.booleans(),
)
def test_a_head_that_came_before_changes_nothing(
    loop: asyncio.AbstractEventLoop,
    data: bytes,
    damages: list[tuple[int, bytes, int]],
    places: list[int],
    is_head: bool,
) -> None:
    """Whatever comes after a clean answer, or after the same bytes, is read as if nothing had come."""
    heads = KnownHeads()
    feed(loop, [data], heads)
    for place, added, removed in damages:
        at = place % (len(data) + 1)
        data = data[:at] + added + data[at + removed :]
    pieces = cut(data, places) if data else []
    feed(loop, pieces, heads)
    fresh, lender, _, sock = feed(loop, pieces, is_head=is_head)
    known, other, _, again = feed(loop, pieces, heads, is_head=is_head)
    assert seen(known, other, again) == seen(fresh, lender, sock)


def test_a_head_is_known_again(loop: asyncio.AbstractEventLoop) -> None:
    heads = KnownHeads()
    feed(loop, [answer(BODY)], heads)
    assert heads.find(answer(b"another body of an an")) is not None
    assert heads.find(answer(b"shorter")) is None
    assert heads.find(answer(BODY) + b"more") is None
    for data in WHOLE[2:]:  # two heads, and a body without a length
        feed(loop, [data], heads)
        assert heads.find(data) is None


def test_known_heads_are_few_and_given_up_where_none_comes_twice(
    loop: asyncio.AbstractEventLoop,
) -> None:
    heads = KnownHeads()
    for number in range(MAX_HEADS + 1):
        feed(loop, [answer(BODY, "200 OK", f"X-Id: {number}")], heads)
    assert heads.find(answer(BODY, "200 OK", "X-Id: 0")) is None
    assert heads.find(answer(BODY, "200 OK", "X-Id: 1")) is not None
    for number in range(TRIES):
        feed(loop, [answer(BODY, "200 OK", f"X-Id: other {number}")], heads)
    feed(loop, [answer(BODY)], heads)
    assert heads.find(answer(BODY)) is None

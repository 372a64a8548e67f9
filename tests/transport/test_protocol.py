"""The invariant: however requests are cut and whatever came before, each is answered as a server without a memory would."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from uvicorn import Config
from uvicorn.server import ServerState

from gateway.transport.direct import Head, Reply, status_line
from gateway.transport.http.protocol import DirectProtocol


def request(body: bytes, more: str = "", path: str = "/graphql", version: str = "1.1") -> bytes:
    length = f"content-length: {len(body)}\r\n"
    return f"POST {path} HTTP/{version}\r\nhost: test\r\n{more}{length}\r\n".encode() + body


REQUESTS = [
    request(b"one"),
    request(b"two"),
    request(b"wait"),
    request(b"refused"),
    request(b"longer than the others"),
    request(b"one", "x-more: a\r\n"),
    request(b"two", "x-more: b\r\n"),
    request(b"one", path="/other"),
    request(b""),
    b"POST /graphql HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n0\r\n\r\n",
    request(b"one", "connection: close\r\n"),
    b"\r\n" + request(b"one"),
    request(b"one\r\n\r\n"),
    b"GET / nonsense\r\n\r\n",
]


class Socket(asyncio.Transport):
    """Takes what is written, until it is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False

    def write(self, data: Any) -> None:
        if not self.closed:
            self.written += data

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return {"sockname": ("127.0.0.1", 1), "peername": ("127.0.0.1", 2)}.get(name, default)

    def pause_reading(self) -> None:
        """Nothing is read by itself."""

    def resume_reading(self) -> None:
        """The same."""


class Echo:
    """An application that says which way a request went, and what it had."""

    path = b"/graphql"

    def __init__(self) -> None:
        self.direct = self

    def read(self, raw: Any) -> Head | None:
        return Head({name.decode(): value.decode() for name, value in raw}, {}, "", None, None)

    def answer(self, body: bytes, more: bytes) -> Reply:
        said = b"%b %b" % (body, more)
        length = b"content-length: %d\r\n" % len(said)
        return Reply(200, status_line(200) + length, said)

    def __call__(self, head: Head, body: bytes) -> Any:
        if b"refused" in body:
            return None
        more = head.headers.get("x-more", "").encode()
        return self.later(body, more) if b"wait" in body else self.answer(body, more)

    async def later(self, body: bytes, more: bytes) -> Reply:
        await asyncio.sleep(0)
        return self.answer(body, more)


async def app(scope: Any, receive: Any, send: Any) -> None:
    """The ordinary way."""
    body = b""
    while True:
        message = await receive()
        body += message["body"]
        if not message["more_body"]:
            break
    more = dict(scope["headers"]).get(b"x-more", b"")
    said = b"%b %b" % (body, more)
    length = [(b"content-length", b"%d" % len(said))]
    await send({"type": "http.response.start", "status": 200, "headers": length})
    await send({"type": "http.response.body", "body": said})


class App:
    """As the gateway is one: it has a short way."""

    def __init__(self) -> None:
        self.direct = Echo()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    made = asyncio.new_event_loop()
    yield made
    made.close()


def connect(loop: asyncio.AbstractEventLoop) -> tuple[DirectProtocol, Socket]:
    config = Config(
        App(), loop="none", http=DirectProtocol, log_config=None, access_log=False,
        lifespan="off", server_header=False, date_header=False, proxy_headers=False, interface="asgi3",
    )  # fmt: skip
    config.load()
    protocol = DirectProtocol(config=config, server_state=ServerState(), app_state={}, _loop=loop)
    sock = Socket()
    protocol.connection_made(sock)
    return protocol, sock


def said(loop: asyncio.AbstractEventLoop, pieces: list[bytes], *, remembers: bool) -> Any:
    """All that a connection says to `pieces`, and whether it is still open."""

    async def run() -> Any:
        protocol, sock = connect(loop)
        if not remembers:
            protocol._know = lambda data: None  # type: ignore[method-assign]
        for piece in pieces:
            if not sock.closed:
                protocol.data_received(piece)
            for _ in range(12):
                await asyncio.sleep(0)
        if protocol.timeout_keep_alive_task is not None:
            protocol.timeout_keep_alive_task.cancel()
        return sock.written.replace(b"transfer-encoding: chunked\r\n", b""), sock.closed

    return loop.run_until_complete(run())


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(REQUESTS), st.lists(st.integers(1, 200), max_size=2)), max_size=7),
    st.lists(st.integers(0, 6), max_size=3),
)  # fmt: skip
def test_requests_before_change_nothing(
    loop: asyncio.AbstractEventLoop,
    requests: list[tuple[bytes, list[int]]],
    joined: list[int],
) -> None:
    pieces: list[bytes] = []
    for number, (data, cuts) in enumerate(requests):
        marks = sorted({cut for cut in cuts if cut < len(data)} | {0, len(data)})
        parts = [data[a:b] for a, b in itertools.pairwise(marks)]
        if number in joined and pieces:  # with the end of the one before, in one read
            pieces[-1] += parts.pop(0)
        pieces += parts
    assert said(loop, pieces, remembers=True) == said(loop, pieces, remembers=False)


def test_a_head_that_came_before_is_not_parsed(loop: asyncio.AbstractEventLoop) -> None:
    async def run() -> None:
        protocol, sock = connect(loop)
        protocol.data_received(request(b"one"))
        no_parser: Any = None
        protocol.parser = no_parser  # whoever parses now, fails
        for body in (b"two", b"six"):
            protocol.data_received(request(body))
            assert sock.written.endswith(body + b" ")
        with pytest.raises(AttributeError):
            protocol.data_received(request(b"three"))
        assert protocol.timeout_keep_alive_task is not None
        protocol.timeout_keep_alive_task.cancel()

    loop.run_until_complete(run())


def test_nothing_is_taken_for_a_head_that_began_in_a_body(loop: asyncio.AbstractEventLoop) -> None:
    """The rest of a body and a request in one read: these bytes are no head."""
    whole = request(b"a body in two pieces")
    pieces = [whole[:-3], whole[-3:] + request(b"one"), whole[-3:] + request(b"two")]
    assert said(loop, pieces, remembers=True) == said(loop, pieces, remembers=False)

"""Clients that use a server badly: `python -m benchmarks.load.strangers PORT IDLE HALF UNREAD`.

Connections that say nothing, requests of which half was sent, answers that nobody reads. Prints a line of JSON when
all are there, another when standard input ends, and leaves. Whoever is cut off while it is half-sent or idle comes
again: that is what a stranger does. They come from several loopback addresses, for one has not enough ports.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from collections import Counter
from typing import Any

import msgspec
import uvloop

SOURCES = tuple(f"127.0.0.{number}" for number in range(2, 10))
POSTS = 40  # aliases of 100 posts: an answer of 1 MB
BODY = msgspec.json.encode(
    {"query": f"{{ {' '.join(f'a{n}: posts {{ id title body }}' for n in range(POSTS))} }}"}
)
HEAD = (
    b"POST /graphql HTTP/1.1\r\nhost: strangers\r\ncontent-type: application/json\r\n"
    b"accept: application/json\r\ncontent-length: %d\r\n\r\n" % len(BODY)
)
HALVES = (HEAD[:40], HEAD, HEAD + BODY[:3])
RECEIVE_BUFFER_BYTES = 4096
AT_ONCE = 200
GRACE_S = 20.0


class Report(msgspec.Struct):
    """What is printed.

    Attributes:
        open: Connections of each kind that are open.
        cut: How many of each kind the server has ended so far.
        failed: Connections that could not be made.
    """

    open: dict[str, int]
    cut: dict[str, int]
    failed: int


class Stranger(asyncio.Protocol):
    """One of them."""

    def __init__(self, crowd: Crowd, kind: str, sent: bytes) -> None:
        self.crowd, self.kind, self.sent = crowd, kind, sent
        self.heard: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.crowd.open[self.kind] += 1
        if self.sent:
            transport.write(self.sent)

    def data_received(self, data: bytes) -> None:
        """The first bytes of an answer: the rest stays where it is."""
        if self.kind == "unread":
            self.transport.pause_reading()
            if not self.heard.done():
                self.heard.set_result(None)

    def connection_lost(self, _exc: Exception | None) -> None:
        self.crowd.lost(self)


class Crowd:
    """All of them."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.open: Counter[str] = Counter()
        self.cut: Counter[str] = Counter()
        self.failed = 0
        self.made = 0
        self.is_over = False
        self.coming: set[asyncio.Task[Any]] = set()
        self.transports: set[Any] = set()

    async def come(self, kind: str, sent: bytes = b"") -> None:
        """One more; for an answer that is not read, until it begins."""
        loop = asyncio.get_running_loop()
        self.made += 1
        mine = socket.socket()
        mine.setblocking(False)
        if kind == "unread":
            mine.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        try:
            mine.bind((SOURCES[self.made % len(SOURCES)], 0))
            await loop.sock_connect(mine, ("127.0.0.1", self.port))
        except OSError:
            self.failed += 1
            mine.close()
            return
        transport, stranger = await loop.create_connection(
            lambda: Stranger(self, kind, sent), sock=mine
        )
        self.transports.add(transport)
        if kind == "unread":
            async with asyncio.timeout(GRACE_S):
                await stranger.heard

    def lost(self, stranger: Stranger) -> None:
        """One was cut off: it comes again, unless it had its answer."""
        self.transports.discard(stranger.transport)
        self.open[stranger.kind] -= 1
        if self.is_over:
            return
        self.cut[stranger.kind] += 1
        if stranger.kind != "unread":
            task = asyncio.get_running_loop().create_task(self.come(stranger.kind, stranger.sent))
            self.coming.add(task)
            task.add_done_callback(self.coming.discard)

    async def gather(self, idle: int, half: int, unread: int) -> None:
        """All that are wanted; those with a deadline of seconds last."""
        for _ in range(unread):
            await self.come("unread", HEAD + BODY)
        wanted = [("idle", b"")] * idle
        wanted += [("half", HALVES[number % len(HALVES)]) for number in range(half)]
        for at in range(0, len(wanted), AT_ONCE):
            await asyncio.gather(*(self.come(*each) for each in wanted[at : at + AT_ONCE]))

    def report(self) -> str:
        """What is there now."""
        found = Report(dict(self.open), dict(self.cut), self.failed)
        return msgspec.json.encode(found).decode()

    def leave(self) -> None:
        """Reset every connection."""
        self.is_over = True
        for transport in list(self.transports):
            transport.abort()


async def stay(port: int, idle: int, half: int, unread: int) -> None:
    """Come, stay until standard input ends, and leave."""
    crowd = Crowd(port)
    await crowd.gather(idle, half, unread)
    print(crowd.report(), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    print(crowd.report(), flush=True)
    crowd.leave()
    await asyncio.sleep(0.1)


def main() -> None:
    port, idle, half, unread = map(int, sys.argv[1:5])
    uvloop.run(stay(port, idle, half, unread))


if __name__ == "__main__":
    main()

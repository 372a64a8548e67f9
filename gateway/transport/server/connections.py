"""The connections of one worker: how many there may be, and how long each may keep the worker waiting.

    waiting for     may take
    a handshake     header_timeout_s, all of it
    a request       keepalive_s
    a head          header_timeout_s, all of it
    a body          body_timeout_s, and a second more for each SLOWEST bytes that have come
    its reader      write_timeout_s without as many bytes leaving; and all of them together max_unread_bytes

One timer looks at all of them: a connection has none of its own. Time is on the event loop's clock, and what is late is
found up to `SWEEP_S` later. Beyond the limit there is a reserve: whoever has a place in it is answered by health alone,
so that a probe learns that the process lives, and makes room for the next when it does not ask.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import logging
import operator
import os
import resource
import select
import sys
import termios
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any, Protocol

from gateway.telemetry.catalogue import CONNECTIONS, CONNECTIONS_REJECTED, CONNECTIONS_TIMED_OUT
from gateway.telemetry.metrics import Sample
from gateway.transport.server.settings import ConnectionSettings

SWEEP_S = 1.0
# So many are looked at in one turn of the event loop: 10,000 at once would keep every request waiting for 10 ms.
AT_ONCE = 500
# Bytes a second: Apache's mod_reqtimeout lets no body be slower by default.
SLOWEST = 500
# An answer is large from here on: smaller ones that wait are bounded by the number of connections.
LARGE_BYTES = 64 * 1024
# Part of the process's descriptors that clients may have; upstream connections and files have the rest.
DESCRIPTORS = 0.8
# Connections beyond the limit that are asked what they want. A probe asks as soon as it has connected.
RESERVE = 16
logger = logging.getLogger("gateway.connections")


class WatchedConnection(Protocol):
    """What is looked at."""

    def sweep(self, now: float) -> str | None:
        """End the connection if it is late: what it was late with; None when it is in time."""
        ...

    def unread_bytes(self) -> int:
        """How much waits in this process for the client to read."""
        ...

    def abort(self) -> None:
        """End the connection at once; what waits is dropped."""
        ...


class ReservedConnection(WatchedConnection, Protocol):
    """What may be in the reserve."""

    def turn_away(self) -> None:
        """Say that there is no place, where that can be said, and end."""
        ...


class WriteWatch:
    """Whether a client reads what is written for it.

    Attributes:
        written: Bytes, ever; left at 0 by who does not count, and then growth counts as reading nothing.
    """

    __slots__ = ("_taken", "_taken_at", "written")

    def __init__(self) -> None:
        self.written = 0
        self._taken = 0  # bytes that had left when the client was last seen to read
        self._taken_at: float | None = None  # nobody has looked yet

    def is_late(self, unread: int, now: float, timeout_s: float) -> bool:
        """Whether the client has read too little for too long.

        Args:
            unread: Bytes that wait for the client, as `unread_bytes` has them.
            now: Seconds.
            timeout_s: How long that may be.
        """
        taken = self.written - unread
        waited_s = 0.0 if self._taken_at is None else now - self._taken_at
        if not unread or not waited_s or taken - self._taken > SLOWEST * waited_s:
            self._taken, self._taken_at = taken, now
            return False
        return waited_s > timeout_s


def unread_bytes(transport: Any) -> int:
    """Bytes that were written and that the client has not acknowledged: the process's, and the kernel's.

    The kernel takes megabytes at once, and takes more only when a third of them has left: a client that reads
    slowly is seen to read by both together. Where the kernel does not say, they are the process's.
    """
    unread: int = transport.get_write_buffer_size()
    if sys.platform == "linux":
        held = bytearray(4)
        with suppress(OSError, ValueError):  # it is closed
            fcntl.ioctl(transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, held)
            unread += int.from_bytes(held, sys.byteorder)
    return unread


class Connections:
    """The registry of one worker's connections.

    Args:
        settings: How many, and how long.
        workers: How many processes share the number.
        clock: Seconds; the event loop's by default.

    Attributes:
        open: Those there are, WebSockets, handshakes and the reserve among them.
        reserve: Those beyond the limit, in the order in which they came.
        rejected: Those that were turned away, by reason: `limit`, `descriptors`.
        timed_out: Those that were ended, by what they were late with; `unread` where all that waited was too much.
    """

    def __init__(
        self,
        settings: ConnectionSettings,
        workers: int = 1,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self.settings = settings
        self.limit = settings.max_connections // workers if settings.max_connections else allowed()
        self.open: set[WatchedConnection] = set()
        self.reserve: dict[ReservedConnection, None] = {}
        self.rejected = {"limit": 0, "descriptors": 0}
        self.timed_out = {
            "handshake": 0, "idle": 0, "head": 0, "body": 0, "write": 0, "unread": 0,
        }  # fmt: skip
        self._large: set[WatchedConnection] = set()  # those that had a large answer
        self._clock = clock
        self._timer: asyncio.TimerHandle | None = None
        self._told = 0.0
        self._is_short = False
        self._server_headers: Sequence[tuple[bytes, bytes]] = ()
        self._server_lines = b""

    def begin_sweeping(self) -> None:
        """Begin to look."""
        loop = asyncio.get_running_loop()
        if self._clock is None:
            self._clock = loop.time
        self._timer = loop.call_later(SWEEP_S, self._tick)

    def stop(self) -> None:
        """Look no longer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def add(self, connection: ReservedConnection) -> bool:
        """A client has connected. False when it has a place in the reserve only."""
        self.open.add(connection)
        if len(self.open) - len(self.reserve) <= self.limit:
            return True
        if len(self.reserve) >= RESERVE:
            oldest = next(iter(self.reserve))
            self.remove(oldest)
            self.count_rejected()
            oldest.turn_away()
        self.reserve[connection] = None
        return False

    def remove(self, connection: Any) -> None:
        """A connection has ended."""
        self.open.discard(connection)
        if self.reserve:
            self.reserve.pop(connection, None)

    def count_rejected(self) -> None:
        """A connection is turned away: it is counted and told."""
        self._reject("limit", f"there are {self.limit} connections, server.max_connections")

    def server_lines(self, headers: Sequence[tuple[bytes, bytes]]) -> bytes:
        """The lines that the server adds to every answer; it makes new ones each second."""
        if headers is not self._server_headers:
            self._server_headers = headers
            self._server_lines = b"".join(b"%b: %b\r\n" % header for header in headers)
        return self._server_lines

    def add_large(self, connection: WatchedConnection) -> None:
        """A large answer is about to be written: where all that waits is too much, those with the most of it are
        ended.
        """
        self._large.add(connection)
        waiting = {one: one.unread_bytes() for one in self._large if one in self.open}
        self._large = {one for one, size in waiting.items() if size or one is connection}
        total = sum(waiting.values())
        for one in sorted(waiting, key=waiting.__getitem__, reverse=True):
            if total <= self.settings.max_unread_bytes:
                break
            total -= waiting[one]
            self.timed_out["unread"] += 1
            one.abort()

    def sweep(self, now: float) -> None:
        """End what is late."""
        self._sweep(iter(list(self.open)), now)

    def _sweep(self, connections: Iterator[WatchedConnection], now: float) -> None:
        for connection in islice(connections, AT_ONCE):
            late = connection.sweep(now) if connection in self.open else None
            if late is not None:
                self.timed_out[late] += 1
        if operator.length_hint(connections):
            asyncio.get_running_loop().call_soon(self._sweep, connections, now)

    def samples(self) -> Iterator[Sample]:
        """The values now."""
        yield CONNECTIONS, (), len(self.open)
        for reason, count in self.rejected.items():
            yield CONNECTIONS_REJECTED, (reason,), count
        for late, count in self.timed_out.items():
            yield CONNECTIONS_TIMED_OUT, (late,), count

    def _tick(self) -> None:
        assert self._clock is not None
        self._timer = asyncio.get_running_loop().call_later(SWEEP_S, self._tick)
        self.sweep(self._clock())
        self._check_descriptors()

    def _check_descriptors(self) -> None:
        """The server resets what it has no descriptor for, and says nothing."""
        try:
            os.close(os.dup(2))
            self._is_short = False
        except OSError as exc:
            if exc.errno in (errno.EMFILE, errno.ENFILE) and not self._is_short:
                self._is_short = True
                self._reject("descriptors", "the process has no file descriptor left")

    def _reject(self, reason: str, why: str) -> None:
        self.rejected[reason] += 1
        now = self._clock() if self._clock is not None else 0.0
        if self.rejected[reason] == 1 or now - self._told >= 60:
            self._told = now
            logger.error("new connections are rejected: %s", why)


def has_hung_up(transport: Any) -> bool:
    """Whether the client of a connection that is not read has ended its side, where the system says so."""
    poll = select.poll()
    poll.register(transport.get_extra_info("socket"), getattr(select, "POLLRDHUP", 0))
    return bool(poll.poll(0))


def allowed() -> int:
    """How many connections the process's descriptors are enough for."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(16, int((65_536 if soft == resource.RLIM_INFINITY else soft) * DESCRIPTORS))


def raise_descriptor_limit() -> None:
    """As many descriptors as the system lets this process have: each connection needs one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

"""Reading and writing many keys of Redis in few round trips, bounded by time: what the shared cache is spoken to by.

What is asked for within one turn of the event loop, leases too, is one round trip. A failure or a timeout closes the
way for a moment: who asks then is told at once that nothing is there. redis-py speaks the protocol; its connections
are used by themselves, which costs a third of its client. It must not know what the values mean.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from redis.asyncio import Connection, Redis

logger = logging.getLogger("gateway.cache")

Asked = tuple[Sequence[bytes], "asyncio.Future[list[bytes | None]]"]
"""Keys, and who waits for their values."""
Lease = tuple[bytes, int, "asyncio.Future[bool]"]
"""A key, how long it is held, ms, and who waits for it."""

MOST_LINES = 4
"""Connections for reading and leases; what comes while all are busy goes together by the next that is free."""
MOST_WAITING = 1000
"""Values that wait to be written; what is one more is not written."""
REST_S = 1.0
"""How long Redis is left alone after a failure."""


class RedisLines:
    """The keys of one Redis server, for one event loop.

    Args:
        client: Of redis-py, whose connections are used.
        fetch_timeout_s: Of reading.
        insert_timeout_s: Of writing.
        clock: The event loop's.

    Attributes:
        failures: By what failed: `fetch`, `insert`.
    """

    def __init__(
        self,
        client: Redis,
        fetch_timeout_s: float,
        insert_timeout_s: float,
        clock: Callable[[], float],
    ) -> None:
        self._client = client
        self._fetch_timeout_s = fetch_timeout_s
        self._insert_timeout_s = insert_timeout_s
        self._clock = clock
        self._idle: list[Connection] = []
        self._reading = 0
        self._is_due = False
        self._leases: list[Lease] = []
        self._asked: list[Asked] = []
        self._waiting: dict[bytes, tuple[bytes, int]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._writing: asyncio.Task[None] | None = None
        self._rests_until = 0.0
        self.failures: dict[str, int] = {"fetch": 0, "insert": 0}

    @property
    def rests(self) -> bool:
        """Whether it is left alone, because it has failed a moment ago."""
        return self._clock() < self._rests_until

    async def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """The values of keys; None where there is none, and for all of them when Redis cannot be asked."""
        if self.rests:
            return [None] * len(keys)
        future: asyncio.Future[list[bytes | None]] = asyncio.get_running_loop().create_future()
        self._asked.append((keys, future))
        self._ask_soon()
        return await future

    def put(self, key: bytes, value: bytes, ttl_ms: int) -> None:
        """Write a value soon, where there is room to wait. Nobody is told whether it was."""
        if self.rests or len(self._waiting) >= MOST_WAITING:
            self.failures["insert"] += 1
            return
        self._waiting[key] = value, ttl_ms
        if self._writing is None:
            self._writing = asyncio.create_task(self._write())

    async def take(self, key: bytes, ttl_ms: int) -> bool:
        """Whether nobody had this key until now; also where Redis cannot be asked."""
        if self.rests:
            return True
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._leases.append((key, ttl_ms, future))
        self._ask_soon()
        return await future

    async def settle(self) -> None:
        """Wait until what is to be written is."""
        while self._writing is not None:
            await self._writing

    async def aclose(self) -> None:
        """Write what waits, and end every connection."""
        await self.settle()
        self._rests_until = inf  # whoever still asks is told that nothing is there
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for line in self._idle:
            await line.disconnect()
        self._idle.clear()

    def _ask_soon(self) -> None:
        """Ask at the end of this turn for all that comes in it."""
        if not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_soon(self._ask)

    def _ask(self) -> None:
        """Ask for what waits, where a connection is free: called whenever something comes, and one becomes free."""
        self._is_due = False
        if not (self._asked or self._leases) or self._reading >= MOST_LINES:
            return
        asked, self._asked = self._asked, []
        leases, self._leases = self._leases, []
        if self.rests:
            _settle(asked, leases, None)
            return
        self._reading += 1
        task = asyncio.create_task(self._fetch(asked, leases))
        self._tasks.add(task)
        task.add_done_callback(partial(self._fetched, asked, leases))

    def _fetched(self, asked: list[Asked], leases: list[Lease], task: asyncio.Task[None]) -> None:
        """A connection is free. Whoever has no answer by now, since asking has failed or was ended, waits no longer."""
        self._tasks.discard(task)
        self._reading -= 1
        _settle(asked, leases, None)
        self._ask()

    async def _fetch(self, asked: list[Asked], leases: list[Lease]) -> None:
        keys = [key for some, _ in asked for key in some]

        async def ask(line: Connection) -> Any:
            # `_bounded` closes the line after a failure, and a failed line is not used again.
            sets = [("SET", key, b"", "NX", "PX", ttl_ms) for key, ttl_ms, _ in leases]
            packed = [*([_mget(keys)] if keys else ()), *(line.pack_commands(sets) if sets else ())]
            await line.send_packed_command(packed, check_health=False)
            values = await line.read_response(disconnect_on_error=False) if keys else []
            taken = []
            for _ in leases:
                try:
                    taken.append(await line.read_response(disconnect_on_error=False) is not None)
                except self._refusals() as exc:
                    if not _is_full(exc):
                        raise
                    taken.append(True)  # no room for a lease: ask
            return values, taken

        try:
            _settle(asked, leases, await self._bounded(ask, self._fetch_timeout_s))
        except self._errors() as exc:
            self._failed("fetch", exc)

    async def _write(self) -> None:
        try:
            while self._waiting and not self.rests:
                batch, self._waiting = self._waiting, {}

                async def ask(
                    line: Connection, batch: dict[bytes, tuple[bytes, int]] = batch
                ) -> None:
                    commands = [("SET", k, v, "PX", ttl) for k, (v, ttl) in batch.items()]
                    await line.send_packed_command(line.pack_commands(commands))
                    for _ in commands:
                        try:
                            await line.read_response()
                        except self._refusals() as exc:  # no room: nothing is wrong with reading
                            self.failures["insert"] += 1
                            if not _is_full(exc):
                                raise

                try:
                    await self._bounded(ask, self._insert_timeout_s)
                except self._errors() as exc:
                    self._failed("insert", exc)
        finally:
            self._waiting.clear()
            self._writing = None

    async def _bounded(self, ask: Callable[[Connection], Awaitable[Any]], timeout_s: float) -> Any:
        """Use a connection; one that something went wrong on is not used again."""
        line = self._idle.pop() if self._idle else self._new_line()
        try:
            async with asyncio.timeout(timeout_s):
                if not line.is_connected:
                    await line.connect()
                answer = await ask(line)
        except BaseException:
            await line.disconnect(nowait=True)
            raise
        self._idle.append(line)
        return answer

    def _new_line(self) -> Any:
        pool: Any = self._client.connection_pool
        line = pool.make_connection()
        # `_bounded` bounds the whole of each use: timers of its own for each step cost a task.
        line.socket_timeout = None
        return line

    def _failed(self, what: str, exc: BaseException) -> None:
        self.failures[what] += 1
        self._rests_until = self._clock() + REST_S
        if self.failures[what] == 1:
            logger.warning("the shared cache is left alone for a moment: %s: %r", what, exc)

    @staticmethod
    def _errors() -> tuple[type[BaseException], ...]:
        from redis.exceptions import RedisError

        return RedisError, OSError, TimeoutError

    @staticmethod
    def _refusals() -> type[BaseException]:
        from redis.exceptions import ResponseError

        return ResponseError


def _settle(
    asked: Sequence[Asked],
    leases: Sequence[Lease],
    found: tuple[list[bytes | None], list[bool]] | None,
) -> None:
    """Give everybody who waits what was found; where nothing could be asked, that nothing is there."""
    values, taken = found or ([], [])
    at = 0
    for keys, future in asked:
        if not future.done():
            future.set_result(values[at : at + len(keys)] if values else [None] * len(keys))
        at += len(keys)
    for number, (_, _, lease) in enumerate(leases):
        if not lease.done():
            lease.set_result(taken[number] if taken else True)


def _mget(keys: Sequence[bytes]) -> bytes:
    """MGET as it is written (RESP): redis-py's own writer takes a tenth of a look-up."""
    parts = [b"*%d\r\n$4\r\nMGET\r\n" % (len(keys) + 1)]
    parts += [b"$%d\r\n%b\r\n" % (len(key), key) for key in keys]
    return b"".join(parts)


def _is_full(exc: BaseException) -> bool:
    from redis.exceptions import OutOfMemoryError

    return isinstance(exc, OutOfMemoryError) or "OOM" in str(exc)

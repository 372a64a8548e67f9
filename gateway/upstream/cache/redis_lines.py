"""Reading and writing many keys of Redis in few round trips, bounded by time: what the shared cache is spoken to by.

What is asked for within one turn of the event loop is one MGET. A failure or a timeout closes the way for a moment:
who asks then is told at once that nothing is there. redis-py speaks the protocol; its connections are used
by themselves, which costs a third of its client. It must not know what the values mean.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from redis.asyncio import Connection, Redis

logger = logging.getLogger("gateway.cache")

MOST_LINES = 4
"""Connections for reading; what comes while all are busy goes together with the next that is free."""
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
        self._lines = 0
        self._asked: list[tuple[Sequence[bytes], asyncio.Future[list[bytes | None]]]] = []
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
        if len(self._asked) == 1:
            asyncio.get_running_loop().call_soon(self._ask)
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

        async def ask(line: Connection) -> Any:
            await line.send_command("SET", key, b"", "NX", "PX", ttl_ms)
            return await line.read_response()

        try:
            return await self._bounded(ask, self._fetch_timeout_s) is not None
        except self._errors() as exc:
            self._failed("fetch", exc)
            return True

    async def settle(self) -> None:
        """Wait until what is to be written is."""
        while self._writing is not None:
            await self._writing

    async def aclose(self) -> None:
        """Write what waits, and end every connection."""
        await self.settle()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for line in self._idle:
            await line.disconnect()
        self._idle.clear()

    def _ask(self) -> None:
        if self._asked and (self._idle or self._lines < MOST_LINES):
            asked, self._asked = self._asked, []
            task = asyncio.create_task(self._fetch(asked))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _fetch(
        self, asked: list[tuple[Sequence[bytes], asyncio.Future[list[bytes | None]]]]
    ) -> None:
        keys = [key for some, _ in asked for key in some]

        async def ask(line: Connection) -> Any:
            # `_bounded` closes the line after a failure, and a failed line is not used again.
            await line.send_packed_command(_mget(keys), check_health=False)
            return await line.read_response(disconnect_on_error=False)

        try:
            values = await self._bounded(ask, self._fetch_timeout_s)
        except self._errors() as exc:
            self._failed("fetch", exc)
            values = [None] * len(keys)
        except BaseException:
            for _, future in asked:
                future.cancel()
            raise
        at = 0
        for some, future in asked:
            if not future.done():
                future.set_result(values[at : at + len(some)])
            at += len(some)
        self._ask()

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
        self._lines += 1
        line = self._idle.pop() if self._idle else self._new_line()
        try:
            async with asyncio.timeout(timeout_s):
                if not line.is_connected:
                    await line.connect()
                answer = await ask(line)
        except BaseException:
            self._lines -= 1
            await line.disconnect(nowait=True)
            raise
        self._lines -= 1
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


def _mget(keys: Sequence[bytes]) -> bytes:
    """MGET as it is written (RESP): redis-py's own writer takes a tenth of a look-up."""
    parts = [b"*%d\r\n$4\r\nMGET\r\n" % (len(keys) + 1)]
    parts += [b"$%d\r\n%b\r\n" % (len(key), key) for key in keys]
    return b"".join(parts)


def _is_full(exc: BaseException) -> bool:
    from redis.exceptions import OutOfMemoryError

    return isinstance(exc, OutOfMemoryError) or "OOM" in str(exc)

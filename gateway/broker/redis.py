"""Topics across machines: one stream of a Redis server that every worker of every pod reads.

An event is an entry of the stream; all workers deliver the entries in the stream's order, their own too, so that all
listeners have the events of a topic in one order. The server keeps the last entries: a worker that was cut off goes on
behind the entry that it read last, and nothing is lost. Where that entry is gone (the worker was away for too long, the
server has started with nothing) events may be lost with it, and every listener is ended with an error: none of them
waits in silence. A worker knows how many entries it has read, and the server how many it has dropped: more dropped than
read is what was missed. It asks where it can have happened: after a pause of the connection, and whenever it is behind.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from gateway.broker.local import LocalBroker
from gateway.broker.mailbox import EventsLostError, Mailbox
from gateway.broker.port import encode_event
from gateway.broker.settings import BrokerSettings

if TYPE_CHECKING:
    from redis.asyncio import Redis

logger = logging.getLogger("gateway.broker")
STREAM = "events"
BATCH = 100
LONGEST_RETRY_S = 2.0
NOTHING = "0-0"
Id = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Kept:
    """What of a stream the server has, as it says at one moment.

    Attributes:
        oldest: The id of the first entry that is kept.
        newest: The id of the last one that there was.
        count: How many are kept.
        added: How many there were; None where the server does not say that.
    """

    oldest: str = NOTHING
    newest: str = NOTHING
    count: int = 0
    added: int | None = 0

    @classmethod
    def of(cls, info: dict[str, Any]) -> Self:
        """Of the answer to `XINFO STREAM`; Redis before 7 does not say how many there were."""
        newest, first = _text(info["last-generated-id"]), info["first-entry"]
        oldest = _text(first[0]) if first else newest
        return cls(oldest, newest, info["length"], info.get("entries-added"))

    def lacks_some_behind(self, last: str, read: int) -> bool:
        """Whether entries are gone that were never read by one who has read so many, and this one last."""
        if self.added is None:
            return not _id(self.oldest) <= _id(last) <= _id(self.newest)
        return _id(self.newest) < _id(last) or not self.added - self.count <= read <= self.added


class RedisBroker:
    """A broker that reaches the listeners of all workers which use one stream.

    Args:
        settings: Bounds.
        redis: A client of this event loop; whoever made it closes it.
        prefix: What the stream's name begins with.
        timeout_s: Of one command.
    """

    def __init__(
        self, settings: BrokerSettings, redis: Redis, prefix: str, timeout_s: float
    ) -> None:
        self.settings = settings
        self.local = LocalBroker(settings)
        self._redis: Any = redis
        self._stream = f"{prefix}{STREAM}"
        self._block_ms = max(1, int(timeout_s * 500))
        self._last: str | None = None
        self._number_read = 0
        # The server keeps at least that many: who has missed some gets so many at once.
        self._batch = min(BATCH, settings.max_kept)
        self._reading: asyncio.Task[None] | None = None
        self._is_closing = self._was_away = False
        self.is_connected = False

    async def connect(self) -> None:
        """Read from now on. Where the server does not answer it is tried again, and listeners are told."""
        self._catch_on = asyncio.Event()
        self._reading = asyncio.create_task(self._read())
        try:
            async with asyncio.timeout(self._block_ms / 500):
                await self._catch_on.wait()
        except TimeoutError:
            logger.warning("broker: the Redis server does not answer; it is tried again")

    async def publish(self, topic: str, payload: Any) -> None:
        """As `Broker`: returns when the server has the event. Errors: those of Redis, where it has not."""
        name, encoded = encode_event(topic, payload, self.settings.max_event_bytes)
        await self._redis.xadd(
            self._stream,
            {b"t": name, b"p": encoded},
            maxlen=self.settings.max_kept,
            approximate=True,
        )

    def subscribe(self, topic: str) -> Mailbox[Any]:
        """As `Broker`."""
        return self.local.subscribe(topic)

    async def aclose(self) -> None:
        """As `Broker`."""
        self._is_closing = True
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        await self.local.aclose()

    async def _read(self) -> None:
        """Deliver what is published, for ever."""
        from redis.exceptions import RedisError

        wait_s = 0.05
        while not self._is_closing:
            try:
                await self._catch_up()
                wait_s = 0.05
                while not self._is_closing:
                    await self._read_some()
            except (RedisError, OSError) as exc:
                if self.is_connected:
                    logger.warning("broker: the Redis server is away: %r", exc)
                self.is_connected, self._was_away = False, True
                # What idles was cut too: who publishes next would find that out by losing an event.
                await self._redis.connection_pool.disconnect(inuse_connections=False)
                await asyncio.sleep(wait_s)
                wait_s = min(wait_s * 2, LONGEST_RETRY_S)

    async def _catch_up(self) -> None:
        """Find where to go on, and whether anything was missed on the way there."""
        kept = await self._kept()
        if self._last is None:
            self._go_on_behind(kept)
            if self._was_away and kept.newest != NOTHING:
                self._tell_lost()  # to those who have listened before it was there
        else:
            self._check_whole(kept)
        logger.info("broker: reading %s behind %s", self._stream, self._last)
        self.is_connected = True
        self._catch_on.set()

    async def _kept(self) -> _Kept:
        from redis.exceptions import ResponseError

        try:
            return _Kept.of(await self._redis.xinfo_stream(self._stream))
        except ResponseError:  # there is no stream yet, or none any more
            return _Kept()

    def _check_whole(self, kept: _Kept) -> bool:
        """Whether nothing was missed; where something was, it is told, and reading goes on behind it."""
        assert self._last is not None
        if not kept.lacks_some_behind(self._last, self._number_read):
            return True
        self._tell_lost()
        self._go_on_behind(kept)
        return False

    def _go_on_behind(self, kept: _Kept) -> None:
        self._last, self._number_read = kept.newest, kept.added or 0

    async def _read_some(self) -> None:
        """Deliver the next entries; nothing for a while is none."""
        found = await self._redis.xread(
            {self._stream: self._last}, count=self._batch, block=self._block_ms
        )
        if not found:
            return
        ((_, entries),) = found
        if len(entries) < self._batch:
            await self._deliver(entries)
        else:
            await self._read_behind()

    async def _read_behind(self) -> None:
        """Deliver all that there is, where some may have been dropped before they are read."""
        while not self._is_closing:
            # Both at one moment: what is dropped between them would be missed, or be told and not missed.
            async with self._redis.pipeline(transaction=True) as commands:
                commands.xinfo_stream(self._stream)
                commands.xread({self._stream: self._last}, count=self._batch)
                info, found = await commands.execute()
            if not self._check_whole(_Kept.of(info)) or not found:
                return
            ((_, entries),) = found
            await self._deliver(entries)
            if len(entries) < self._batch:
                return

    async def _deliver(self, entries: list[tuple[bytes, dict[bytes, bytes]]]) -> None:
        for id_, entry in entries:
            self._last = _text(id_)
            self._number_read += 1
            self.local.deliver(entry[b"t"].decode(), entry[b"p"])
            await asyncio.sleep(0)  # listeners read before the next one comes

    def _tell_lost(self) -> None:
        logger.warning("broker: events were missed; every subscription to a topic is told")
        self.local.fail(EventsLostError())


def _id(text: str) -> Id:
    """An entry's id as it is ordered."""
    moment, _, number = text.partition("-")
    return int(moment), int(number or 0)


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value

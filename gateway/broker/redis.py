"""Topics across machines: one stream of a Redis server that every worker of every pod reads.

An event is an entry of the stream; all workers deliver the entries in the stream's order, their own too, so that all
listeners have the events of a topic in one order. The server keeps the last entries: a worker that was cut off goes on
behind the entry that it read last, and nothing is lost. Where that entry is gone (the worker was away for too long, the
server has started with nothing) events may be lost with it, and every listener is ended with an error: none of them
waits in silence.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

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
        oldest, newest, is_cut = await self._bounds()
        if self._last is None:
            self._last = newest
            if self._was_away and newest != NOTHING:
                self._tell_lost()  # to those who have listened before it was there
        elif self._last == NOTHING:
            if is_cut:
                self._tell_lost()
                self._last = newest
        elif _id(newest) < _id(self._last) or _id(oldest) > _id(self._last):
            self._tell_lost()
            self._last = newest
        if not self.is_connected:
            logger.info("broker: reading %s behind %s", self._stream, self._last)
        self.is_connected = True
        self._catch_on.set()

    async def _bounds(self) -> tuple[str, str, bool]:
        """The ids of the oldest entry that is kept and of the newest there was, and whether older ones are gone."""
        from redis.exceptions import ResponseError

        try:
            info = await self._redis.xinfo_stream(self._stream)
        except ResponseError:  # there is no stream yet, or none any more
            return NOTHING, NOTHING, False
        first = info["first-entry"]
        newest = _text(info["last-generated-id"])
        # Redis before 7 does not say how many there were.
        is_cut = info.get("entries-added", info["length"] + 1) > info["length"]
        return (_text(first[0]) if first else newest), newest, is_cut

    async def _read_some(self) -> None:
        """Deliver the next entries; nothing for a while is none."""
        found = await self._redis.xread(
            {self._stream: self._last}, count=BATCH, block=self._block_ms
        )
        if not found:
            return
        ((_, entries),) = found
        for id_, entry in entries:
            self._last = _text(id_)
            self.local.deliver(entry[b"t"].decode(), entry[b"p"])
            await asyncio.sleep(0)  # listeners read before the next one comes
        if len(entries) == BATCH:  # behind: what was not read may be dropped meanwhile
            await self._catch_up()

    def _tell_lost(self) -> None:
        logger.warning("broker: events were missed; every subscription to a topic is told")
        self.local.fail(EventsLostError())


def _id(text: str) -> Id:
    """An entry's id as it is ordered."""
    moment, _, number = text.partition("-")
    return int(moment), int(number or 0)


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value

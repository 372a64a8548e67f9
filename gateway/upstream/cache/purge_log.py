"""The purges of all pods, in order: a stream in Redis that each worker follows.

A purge is one entry of the stream, whose number Redis gives; it costs the same however much is stored. An answer
in Redis has the number of the last purge that was known when fetching it began. Whoever reads it knows the purges
since, and takes it for gone when one of them has a tag of it: so that a fill which was under way is gone too, and
nothing has to be found and deleted.

A worker that does not hear the stream uses nothing of what Redis stores. A server that was started anew, or another
one that has taken its place, may have lost purges: nothing that was stored before is used then.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from math import inf
from typing import TYPE_CHECKING, Any

import msgspec
import orjson

from gateway.upstream.cache.tags import EVERYTHING, purged_by
from gateway.upstream.cache.untold import MOST_TAGS, UntoldPurges
from gateway.upstream.cache.wire import PurgeNumber

if TYPE_CHECKING:
    from redis.asyncio import Redis

logger = logging.getLogger("gateway.cache")
KEPT = 10_000
"""Purges that the stream holds; an answer that is older than all of them is taken for gone."""
TRUSTED_S = 0.5
"""How long after it last answered the stream is believed to have been heard to its end."""
TAGS_OF_ONE = 1000
NOTHING: PurgeNumber = (0, 0)
_read_tags = msgspec.json.Decoder(list[str]).decode


class PurgeLog:
    """Follows the stream, and writes to it.

    Args:
        client: Of redis-py.
        key: Of the stream.
        timeout_s: Of writing.
        block_s: How long one question waits for news; shorter than the client's timeout.
        on_purge: Told the tags of each purge of another worker; of all answers where purges may have been missed.
        clock: The event loop's.

    Attributes:
        last: The number of the last purge that was heard of, and of all before it.
        newest: Of the newest purge that is known, its own ones too.
        sent: Of its own newest one.
        untold: What the stream has not said yet, as far as this worker knows: its own purges, and its neighbors'.
        life: Of the server that is heard, from its start to its end; "" before, and where it does not say.
    """

    def __init__(
        self,
        client: Redis,
        key: str,
        timeout_s: float,
        block_s: float,
        on_purge: Callable[[Collection[str]], None],
        clock: Callable[[], float],
    ) -> None:
        self._client, self._key = client, key
        self._timeout_s, self._block_s = timeout_s, block_s
        self._on_purge = on_purge
        self._clock = clock
        self._name = secrets.token_hex(8)
        self._purged: dict[str, PurgeNumber] = {}
        self._all_purged = NOTHING
        self.untold = UntoldPurges(clock)
        self._is_followed = False
        self._sending: asyncio.Task[bool] | None = None
        self._is_told_of = False
        self._heard_at = -inf
        self._following: asyncio.Task[None] | None = None
        self.last = self.newest = self.sent = NOTHING
        self.life = ""

    @property
    def is_heard(self) -> bool:
        """Whether what is not known to be purged is not purged."""
        return self._clock() - self._heard_at <= TRUSTED_S + self._block_s

    def is_purged(self, began: PurgeNumber, tags: Iterable[str]) -> bool:
        """Whether an answer is gone.

        Args:
            began: The last purge that was known when fetching it began.
            tags: Of the answer.
        """
        if began < self._all_purged:
            return True
        purged, untold = self._purged, self.untold
        if not (untold.doubted or untold.unsent):
            return bool(purged) and any(purged.get(tag, NOTHING) > began for tag in tags)
        if untold.is_all:
            return True
        return any(purged.get(tag, NOTHING) > began or tag in untold for tag in tags)

    def believe(self, tags: Iterable[str], number: Sequence[int]) -> None:
        """A neighbor's purge is in the stream: it need not be doubted where the stream was heard so far.

        What a neighbor says may come after what the stream says of the same purge.
        """
        if self.last >= tuple(number):
            self.untold.told(tags)

    async def add(self, tags: Collection[str]) -> bool:
        """Purge for all pods. False where Redis does not answer: it is told as soon as it does."""
        self.untold.keep(tags)
        return await self._send()

    def open(self) -> None:
        """Follow the stream from now on."""
        self._is_followed = True
        self._following = asyncio.create_task(self._follow())

    async def aclose(self) -> None:
        """Follow it no longer."""
        self._is_followed, self._heard_at = False, -inf  # redis-py may lose a cancellation
        if self._following is not None:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)
        if self.untold.unsent and not await self._send():
            left = len(self.untold.unsent)
            logger.error("purges of %d tags have not reached the other pods", left)

    async def _send(self) -> bool:
        """Each purge once: who comes while it is tried has what becomes of that."""
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send_all())
        return await asyncio.shield(self._sending)

    async def _send_all(self) -> bool:
        from redis.exceptions import RedisError

        while self.untold.unsent:
            some = list(self.untold.unsent.values())[:TAGS_OF_ONE]
            told: dict[Any, Any] = {"by": self._name, "tags": orjson.dumps(some)}
            try:
                async with asyncio.timeout(self._timeout_s):
                    number = await self._write(told)
            except (RedisError, OSError, TimeoutError) as exc:
                if not self._is_told_of:
                    logger.warning("a purge has not reached the other pods yet: %r", exc)
                self._is_told_of = True
                return False
            self._is_told_of = False
            self.sent = _number(number)
            self._note(self.sent, some)
            self.untold.sent(some)
        return True

    async def _write(self, told: dict[Any, Any]) -> Any:
        from redis.exceptions import ConnectionError as NotConnectedError

        try:
            return await self._client.xadd(self._key, told, maxlen=KEPT, approximate=False)
        except NotConnectedError:  # a connection from before the server's start; twice is no harm
            return await self._client.xadd(self._key, told, maxlen=KEPT, approximate=False)

    async def _follow(self) -> None:
        from redis.exceptions import RedisError

        has_failed = True
        while self._is_followed:
            try:
                if has_failed:
                    await self._catch_up()
                    has_failed = False
                self.untold.take_over()
                if self.untold.unsent:
                    await self._send()
                # Where another server answers, what was missed is to be looked at.
                has_failed = await self._hear(int(self._block_s * 1000)) is None
            except (RedisError, OSError, TimeoutError) as exc:
                if not has_failed:
                    logger.warning("purges of other pods are not heard: %r", exc)
                has_failed, self._heard_at = True, -inf
                await asyncio.sleep(self._block_s)

    async def _catch_up(self) -> None:
        """What was missed, when the stream is heard for the first time, or again."""
        first: Any = await self._client.xrange(self._key, count=1)
        newest: Any = await self._client.xrevrange(self._key, count=1)
        oldest, end = (_number(one[0][0]) if one else NOTHING for one in (first, newest))
        is_cut = await self._client.xlen(self._key) >= KEPT
        async with self._client.pipeline(transaction=False) as ask:
            ask.info("server")
            life = _life(*await ask.execute(raise_on_error=False))
        is_other = end < self.last or (self.life not in ("", life))
        has_gap = is_other or (oldest > self.last and (is_cut or self.last != NOTHING))
        if is_other:  # its numbers are not to be compared with those of the one before
            self._purged.clear()
            self.last = self.newest = self.sent = self._all_purged = NOTHING
        self.life = life
        if has_gap or is_cut:
            self._all_purged = max(self._all_purged, oldest)
        if has_gap:  # something may have been missed: nothing that is kept can be trusted
            self._on_purge([EVERYTHING])
        while await self._hear(None):
            pass

    async def _hear(self, block_ms: int | None) -> bool | None:
        """Whether there was something; None where another server has answered than the one that was asked first."""
        last = f"{self.last[0]}-{self.last[1]}"
        async with self._client.pipeline(transaction=False) as ask:
            ask.xread({self._key: last}, count=1000, block=block_ms)
            ask.info("server")
            found, about = await ask.execute(raise_on_error=False)
        if isinstance(found, Exception):
            raise found
        if _life(about) != self.life:
            return None
        self._heard_at = self._clock()
        for _, entries in found or ():
            for number, told in entries:
                self.last = _number(number)
                tags = _tags(told)
                self._note(self.last, tags)
                if told.get(b"by") != self._name.encode():
                    self._on_purge(tags)
        return bool(found)

    def _note(self, number: PurgeNumber, tags: Collection[str]) -> None:
        self.newest = max(self.newest, number)
        if EVERYTHING in tags:
            self._all_purged = max(self._all_purged, number)
        for text in tags:
            # What is stale is gone here: a worker's memory has it, if anybody does.
            tag = purged_by(text)[0]
            if self._purged.get(tag, NOTHING) < number:
                self._purged.pop(tag, None)
                self._purged[tag] = number
        self.untold.told(tags)
        if len(self._purged) > MOST_TAGS:
            self._all_purged = max(self._purged.values())
            self._purged.clear()


def _tags(told: Mapping[bytes, bytes]) -> list[str]:
    """What an entry of the stream purges; everything where that cannot be read: another version wrote it."""
    try:
        return _read_tags(told.get(b"tags", b""))
    except msgspec.DecodeError:
        logger.warning("a purge of another pod cannot be read, so all answers are purged: %r", told)
        return [EVERYTHING]


def _life(about: Any) -> str:
    """What tells one life of a server from another; "" where it does not say."""
    return str(about.get("run_id", ""))[:16] if isinstance(about, dict) else ""


def _number(text: bytes) -> PurgeNumber:
    milliseconds, _, sequence = text.partition(b"-")
    return int(milliseconds), int(sequence)

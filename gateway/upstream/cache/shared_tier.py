"""Stored answers in Redis, where all workers and pods find them: the tier between a worker's memory and the origins.

Keys are digests of all that a request sends, as in memory. It never fails: where Redis does not answer nothing is
found there, and nothing is kept.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

from gateway.upstream.cache.keys import keys_of
from gateway.upstream.cache.memory import SET_BACK_S
from gateway.upstream.cache.purge_log import PurgeLog
from gateway.upstream.cache.redis_lines import RedisLines
from gateway.upstream.cache.settings import SharedCacheSettings
from gateway.upstream.cache.stored import StoredResponse
from gateway.upstream.cache.wire import PurgeNumber, read_entry, write_entry
from gateway.upstream.transport import UpstreamRequest

if TYPE_CHECKING:
    from redis.asyncio import Redis

VALIDATED_S = 3600.0
"""How long an answer is kept that is not fresh any more, but can be asked about: its `ETag` saves the body."""
POLL_S = 0.02
"""How often somebody who waits for another pod's call looks whether its answer is there."""
UNKEPT = b"-"
"""Of a lease whose call has ended with nothing that is kept: nobody waits for it."""


class SharedTier:
    """The tier, for one worker.

    Args:
        client: Of redis-py.
        settings: Its times.
        prefix: Of every key.
        timeout_s: Of one command of the client, connecting included.
        on_purge: Told the tags of each purge of another worker, as `PurgeLog` tells them.
        clock: The event loop's.
        now: The wall clock.
    """

    def __init__(
        self,
        client: Redis,
        settings: SharedCacheSettings,
        prefix: str,
        timeout_s: float,
        on_purge: Callable[[Collection[str]], None],
        *,
        clock: Callable[[], float],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._prefix = f"{prefix}cache:".encode()
        self._now = now
        self.lines = RedisLines(client, settings.fetch_timeout_s, settings.insert_timeout_s, clock)
        self.log = PurgeLog(
            client,
            f"{prefix}cache:purges",
            settings.invalidate_timeout_s,
            min(0.5, timeout_s / 2),
            on_purge,
            clock,
        )

    def open(self) -> None:
        """Hear of purges from now on: before that nothing is found."""
        self.log.open()

    async def aclose(self) -> None:
        """Hear of nothing any more, and end every connection that was made here."""
        await self.log.aclose()
        await self.lines.aclose()

    def _key(self, digest: bytes) -> bytes:
        """Where something is kept: what was stored before the server's start is not found."""
        return b"%b%b:%b" % (self._prefix, self.log.life.encode(), digest)

    @property
    def is_usable(self) -> bool:
        """Whether something may be found."""
        return self.log.is_heard and not self.lines.rests

    async def get_many(self, digests: Sequence[bytes], began: int) -> list[StoredResponse | None]:
        """Stored answers by their digests, those that are not purged. One round trip.

        Args:
            digests: Of what is looked up.
            began: The number of purges of this worker, before.
        """
        if not self.is_usable:
            return [None] * len(digests)
        keys = [self._key(digest) for digest in digests]
        values = await self.lines.get_many(keys)
        return [self._entry(key, value, began) for key, value in zip(keys, values, strict=True)]

    async def lookup(self, request: UpstreamRequest, began: int) -> StoredResponse | None:
        """The stored answer for a request, fresh or not."""
        if not self.is_usable:
            return None
        keys = [self._key(digest) for digest in keys_of(request).found_by()]
        return self._matching(request, keys, await self.lines.get_many(keys), began)

    def _matching(
        self,
        request: UpstreamRequest,
        keys: Sequence[bytes],
        values: Sequence[bytes | None],
        began: int,
    ) -> StoredResponse | None:
        for key, value in zip(keys, values, strict=True):
            entry = self._entry(key, value, began)
            if entry is not None and entry.matches(request):
                return entry
        return None

    def put(self, request: UpstreamRequest, entry: StoredResponse, began: PurgeNumber) -> None:
        """Keep an answer, soon."""
        self.put_digest(digest_of(request, entry), entry, began)

    def put_digest(self, digest: bytes, entry: StoredResponse, began: PurgeNumber) -> None:
        """Keep an answer under a digest, soon."""
        ttl_ms = int(_lifetime_s(entry, self._now()) * 1000)
        if ttl_ms > 0 and self.log.is_heard:
            key = self._key(digest)
            self.lines.put(key, write_entry(key, entry, began), ttl_ms)

    async def lead(self, request: UpstreamRequest, began: int) -> StoredResponse | None:
        """Whoever comes first asks the origin, in all pods: None says to ask. The others wait for the answer.

        Who waits longer than `lease_s` asks too: whoever was first may be gone. Nobody waits for who began before a
        purge: that answer may be gone as soon as it is there; nor for a call that has ended, nor while Redis is away.
        """
        if not self.is_usable or not self._settings.lease_s:
            return None
        lease = b""
        for _ in range(max(1, int(self._settings.lease_s / POLL_S))):
            if lease != (lease := self._lease(request)) and await self._take(request, lease):
                return None
            keys = [self._key(digest) for digest in keys_of(request).found_by()]
            held, *values = await self.lines.get_many([lease, *keys])
            found = self._matching(request, keys, values, began)
            if found is not None and found.fresh_until > self._now():
                return found
            if held is None or held == UNKEPT:
                return None
            await asyncio.sleep(POLL_S)
        return None

    async def may_refresh(self, request: UpstreamRequest) -> bool:
        """Whether nobody else refreshes this answer now."""
        if not self.is_usable or not self._settings.lease_s:
            return True
        return await self._take(request, self._lease(request))

    async def _take(self, request: UpstreamRequest, lease: bytes) -> bool:
        if await self.lines.take(lease, int(self._settings.lease_s * 1000)):
            request.cache_lease = lease
            return True
        return False

    def end_lease(self, request: UpstreamRequest, *, is_kept: bool) -> None:
        """Whoever asked the origin for all pods has asked it: where nothing of it is kept, the others ask themselves.

        Call it behind `put`: what is kept is written first.
        """
        lease, request.cache_lease = request.cache_lease, None
        if lease is not None:
            ttl_ms = 1 if is_kept else int(self._settings.lease_s * 1000)
            self.lines.put(lease, UNKEPT, ttl_ms)

    def _lease(self, request: UpstreamRequest) -> bytes:
        """Who asks the origin, of those who know the same purges."""
        digest = keys_of(request).found_by()[0]
        return self._key(b"lease:%d-%d:%b" % (*self.log.newest, digest))

    def _entry(self, key: bytes, value: bytes | None, began: int) -> StoredResponse | None:
        read = read_entry(key, value, began) if value else None
        if read is None or self.log.is_purged(read[1], read[0].tags):
            return None
        # One from the future was written before the clock was set back: it would be fresh for as long.
        return None if read[0].born > self._now() + SET_BACK_S else read[0]


def digest_of(request: UpstreamRequest, entry: StoredResponse) -> bytes:
    """Where an answer is kept. One to a request with headers that it depends on is found by the same request alone."""
    is_open = entry.varies is not None and not entry.asked
    return keys_of(request).kept_by(entry.private_id, is_shared=is_open)


def _lifetime_s(entry: StoredResponse, now: float) -> float:
    """How long it may be of use."""
    old = max(entry.stale_while_revalidate_s, entry.stale_if_error_s)
    if entry.validators():
        old = max(old, VALIDATED_S)
    return entry.fresh_until - now + old

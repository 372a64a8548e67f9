"""API keys in Redis: the document that a file would hold, beside what changes with it.

    <prefix>api_keys   hash    keys: the document    version: another text after each change

Workers look at `version` twice a second, and read the document where it is another one. Whoever changes it writes both
at once, and begins again where somebody else was faster.

A hash that is not there says nothing: no key was made yet, or Redis has lost them all. Which of the two is no worker's
to say, one that has just started least of all. That there are no keys is said by a document without any.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Hashable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from gateway.auth.api_keys import ApiKeys, read_api_keys, write_api_keys
from gateway.auth.key_store import Change, KeyStoreError
from gateway.auth.watched import PlaceError, Version
from gateway.redis.client import make_redis
from gateway.redis.settings import RedisSettings

if TYPE_CHECKING:
    from redis.asyncio import Redis

NAME = "api_keys"
DOCUMENT, VERSION = "keys", "version"
NO_KEYS_YET = b"{}"
"""What the first change makes another of."""
MOST_TRIES = 20
T = TypeVar("T")


class RedisPlace:
    """The document as workers watch it.

    Args:
        redis: The server.
        prefix: What names begin with there.
    """

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis = redis
        self._name = prefix + NAME

    async def state(self) -> Hashable:
        """Its version. Errors: PlaceError."""
        (state,) = await self._fields(VERSION)
        return state

    async def version(self) -> Version:
        """The whole of it. Errors: PlaceError."""
        state, text = await self._fields(VERSION, DOCUMENT)
        return Version(state, text)

    async def _fields(self, *names: str) -> list[bytes]:
        """Errors: PlaceError, also where there are none."""
        from redis.exceptions import RedisError

        try:
            found: list[Any] = await self._redis.hmget(self._name, list(names))
        except (RedisError, OSError) as exc:
            raise PlaceError(str(exc) or type(exc).__name__) from exc
        if None in found:
            raise PlaceError(f"Redis has no {self._name}: no key was made yet, or they are lost")
        return found


class RedisKeyStore:
    """The document as `gateway keys` changes it.

    Args:
        settings: `[redis]`.
    """

    def __init__(self, settings: RedisSettings) -> None:
        self._settings = settings
        self._name = settings.prefix + NAME

    def __str__(self) -> str:
        return f"Redis, {self._name},"

    def keys(self) -> ApiKeys:
        """What is there. Errors: KeyStoreError; ConfigError without a Redis."""
        return asyncio.run(self._told(self._keys))

    def change(self, change: Change) -> None:
        """Write what a change makes of what is there. Errors: KeyStoreError; ConfigError without a Redis."""
        asyncio.run(self._told(partial(self._change, change)))

    async def _told(self, do: Callable[[Redis], Awaitable[T]]) -> T:
        """Errors: KeyStoreError."""
        redis = make_redis(self._settings, "authentication.api_keys.kind")
        from redis.exceptions import RedisError

        try:
            async with redis:
                return await do(redis)
        except (RedisError, OSError) as exc:
            raise KeyStoreError(f"Redis cannot be used: {exc or type(exc).__name__}") from exc
        except ValueError as exc:
            raise KeyStoreError(f"{self} holds no document of keys: {exc}") from exc

    async def _keys(self, redis: Redis) -> ApiKeys:
        text = await _awaited(redis.hget(self._name, DOCUMENT))
        return read_api_keys(text or NO_KEYS_YET)

    async def _change(self, change: Change, redis: Redis) -> None:
        from redis.exceptions import WatchError

        for _ in range(MOST_TRIES):
            async with redis.pipeline() as changes:
                await changes.watch(self._name)
                text = await _awaited(changes.hget(self._name, DOCUMENT))
                keys = change(read_api_keys(text or NO_KEYS_YET).keys)
                changes.multi()  # type: ignore[no-untyped-call]
                document = write_api_keys(ApiKeys(keys))
                version = secrets.token_hex(16)
                changes.hset(self._name, mapping={DOCUMENT: document, VERSION: version})
                try:
                    await changes.execute()
                except WatchError:
                    continue  # somebody else was faster
                return
        raise KeyStoreError(f"{self} is changed by others all the time")


async def _awaited(coming: Awaitable[Any] | Any) -> bytes | None:
    """What a command gives: its types cannot say that this client is one that awaits."""
    found: bytes | None = await coming
    return found

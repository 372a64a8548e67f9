"""A client of Redis, made of `[redis]`. The `redis` package is imported when one is made, and not before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.errors import ConfigError
from gateway.redis.settings import RedisSettings
from gateway.settings.extras import check_installed

if TYPE_CHECKING:
    from redis.asyncio import Redis

# Connections of one worker at a time; a command that finds none free fails as one that times out does.
MAX_CONNECTIONS = 100


def make_redis(settings: RedisSettings, needed_by: str) -> Redis:
    """A client for one event loop. It connects when it is first used; `aclose` ends it.

    Args:
        settings: `[redis]`.
        needed_by: The key of the configuration that asks for it, for the error.

    On Python 3.11 a cancellation that meets a command's answer is lost in it (`asyncio.wait_for`): a loop of commands
    that is to be cancelled looks at something else, too.

    Errors: ConfigError without an URL, or without the package. Of commands: `redis.exceptions.RedisError`, and OSError
        of a name that cannot be resolved.
    """
    url = check_redis(settings, needed_by)
    from redis.asyncio import Redis
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    try:
        return Redis.from_url(
            url,
            socket_timeout=settings.timeout_s,
            socket_connect_timeout=settings.timeout_s,
            # Whoever asks knows better what to do instead, and a request's deadline does not wait twice.
            retry=Retry(NoBackoff(), 0),
            max_connections=MAX_CONNECTIONS,
            client_name="gateway",
        )
    except (ValueError, TypeError) as exc:
        raise ConfigError(f"redis.url is of no use: {exc}", key="redis.url") from exc


def check_redis(settings: RedisSettings, needed_by: str) -> str:
    """The server's URL. Errors: ConfigError where there is none, or nothing to speak to it with."""
    if settings.url is None:
        # The key that asks has a line in the file; the one that is missing has none.
        problem = "it needs a Redis server, and redis.url is not set"
        raise ConfigError(problem, key=needed_by, hint="set redis.url")
    check_installed("redis.asyncio", extra="redis", needed_by=needed_by, key="redis.url")
    return settings.url

"""What may be set for Redis. Plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from gateway.settings.kinds import Seconds, TextForm, port_problem

RedisUrl = Annotated[
    str,
    TextForm(
        r"(?:rediss?|unix)://[^\s#]+",
        "a URL: redis://host:port/db, rediss://host:port/db or unix:///path?db=0",
        port_problem,
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisSettings:
    """`[redis]`: the Redis server that workers and pods share. It needs the extra `redis`.

    Attributes:
        url: `redis://user:password@host:6379/0`, `rediss://…` for TLS, or `unix:///path?db=0`; `${NAME}` reads a
            secret from the environment. Options of redis-py stand in its query: `?ssl_ca_certs=/etc/ca.pem`.
        timeout_s: Of connecting, and of each command. A command is sent once: nothing waits twice.
        prefix: What names of keys and channels begin with, so that several gateways can use one server.
    """

    url: RedisUrl | None = field(default=None, repr=False)
    timeout_s: Seconds = 1.0
    prefix: str = "gateway:"

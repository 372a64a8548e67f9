"""What may be set for the broker. Plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gateway.settings.kinds import (
    Bytes,
    Count,
    Seconds,
    SocketPath,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerSettings:
    """`[pubsub]`: how published events reach the subscriptions.

    Attributes:
        kind: `local` stays in one worker; `unix` reaches all workers of the machine over sockets in
            `directory`; `redis` reaches the workers of all machines that use the server of `[redis]`; `auto` is
            `unix` where there is a directory or `gateway serve` has several workers.
        directory: Where the workers' sockets are. Workers that use one folder hear each other; whoever
            may write there is trusted. `gateway serve` makes one for its workers when none is set.
        max_event_bytes: Largest event; publishing a larger one fails.
        max_queue: Events queued for one listener; beyond that it ends with SLOW_CONSUMER.
        link_timeout_s: Seconds that another worker may stop reading before it is disconnected; its listeners then
            end with SLOW_CONSUMER, because they missed events.
        max_kept: Events that the Redis server keeps for a worker that is cut off. One that is away for longer ends its
            listeners with EVENTS_LOST.
    """

    kind: Literal["auto", "local", "unix", "redis"] = "auto"
    directory: SocketPath | None = None
    max_event_bytes: Bytes = 1_000_000
    max_queue: Count = 1_000
    link_timeout_s: Seconds = 5.0
    max_kept: Count = 10_000

"""Brokers of several pods over one Redis server, for tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from gateway.broker.redis import RedisBroker
from gateway.broker.settings import BrokerSettings
from gateway.redis.client import make_redis
from gateway.redis.settings import RedisSettings

SETTINGS = BrokerSettings(max_queue=3, max_event_bytes=1_000)


@asynccontextmanager
async def redis_brokers(
    url: str, number: int, settings: BrokerSettings = SETTINGS, timeout_s: float = 1.0
) -> AsyncIterator[list[RedisBroker]]:
    """So many brokers that read the events of one server."""
    async with AsyncExitStack() as stack:
        found = []
        for _ in range(number):
            client = make_redis(RedisSettings(url=url, timeout_s=timeout_s), "pubsub.kind")
            stack.push_async_callback(client.aclose)
            broker = RedisBroker(settings, client, "gateway:", timeout_s)
            await broker.connect()
            stack.push_async_callback(broker.aclose)
            found.append(broker)
        yield found

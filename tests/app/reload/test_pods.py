"""Two servers of two workers each over one Redis server: events in order to all; an outage is told, and mends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.app.conftest import Project
from tests.support.redis_server import RedisServer
from tests.transport.sockets import Client, connected

from .served import Server, server_of


@pytest.fixture
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    made = RedisServer(tmp_path_factory.mktemp("redis"))
    made.start()
    yield made
    made.stop()


@pytest.fixture
async def pods(project: Project, redis: RedisServer) -> AsyncIterator[list[Server]]:
    env = {"GATEWAY_PUBSUB__KIND": "redis", "GATEWAY_REDIS__URL": redis.url}
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(server_of(project.config, env=env)) for _ in range(2)
        ]


async def clients_of_every_worker(pods: list[Server], stack: AsyncExitStack) -> list[Client]:
    """A socket in each of the four workers, at least."""
    found: list[Client] = []
    for pod in pods:
        seen: set[Any] = set()
        async with asyncio.timeout(60):
            while len(seen) < 2:
                client = await stack.enter_async_context(connected(pod.url))
                await client.subscribe("{ pid }", "pid")
                seen.add((await client.hear())["payload"]["data"]["pid"])
                await client.hear()
                found.append(client)
    for client in found:
        await client.subscribe("subscription { counts }", "counts")
        await client.send(type="ping")
        assert await client.hear() == {"type": "pong"}
    return found


async def test_events_reach_all_workers_of_all_pods_in_order_and_an_outage_is_told(
    pods: list[Server], redis: RedisServer, tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:
        clients = await clients_of_every_worker(pods, stack)
        for number in range(1, 41):
            answer = await pods[number % 2].query(f"mutation {{ count(n: {number}) }}")
            assert answer["data"] == {"count": number}
        for client in clients:
            heard = [(await client.hear())["payload"]["data"]["counts"] for _ in range(40)]
            assert heard == list(range(1, 41))
        redis.stop()
        assert (await pods[0].query("mutation { count(n: 41) }"))["errors"]
        redis.start()
        for client in clients:
            message = await asyncio.wait_for(client.hear(), 60)
            assert (message["id"], message["type"]) == ("counts", "error")
            assert message["payload"][0]["extensions"]["code"] == "EVENTS_LOST"
        for client in clients:
            await client.subscribe("subscription { counts }", "again")
            await client.send(type="ping")
            assert await client.hear() == {"type": "pong"}
        for pod in pods:
            answer = await pod.query("mutation { count(n: 42) }")
            assert answer["data"] == {"count": 42}, pod.log[-3:]
        for client in clients:
            heard = [(await client.hear())["payload"]["data"]["counts"] for _ in range(2)]
            assert heard == [42, 42]

"""What every broker promises, on each implementation; and what a mailbox does when its reader is slow."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from gateway.broker.local import LocalBroker
from gateway.broker.mailbox import Mailbox, SlowConsumerError
from gateway.broker.port import Broker
from gateway.broker.settings import BrokerSettings
from gateway.broker.unix import UnixBroker
from gateway.errors import ConfigError
from tests.broker.redis_brokers import redis_brokers

SETTINGS = BrokerSettings(max_queue=3, max_event_bytes=1_000)


@pytest.fixture(params=["local", "unix", "two workers", "redis", "two pods"])
async def ends(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Broker, Broker]]:
    """Where one publishes, and where one listens."""
    if request.param == "local":
        broker = LocalBroker(SETTINGS)
        yield broker, broker
        await broker.aclose()
        return
    if request.param in ("redis", "two pods"):
        async with redis_brokers(
            request.getfixturevalue("redis_url"), 1 + (request.param != "redis")
        ) as found:
            yield found[0], found[-1]
        return
    with tempfile.TemporaryDirectory(prefix="broker-") as folder:
        brokers = [UnixBroker(SETTINGS, folder) for _ in range(1 + (request.param != "unix"))]
        for one in brokers:
            await one.connect()
        yield brokers[0], brokers[-1]
        for one in brokers:
            await one.aclose()


async def test_every_listener_of_the_topic_gets_every_event_in_order(
    ends: tuple[Broker, Broker],
) -> None:
    publisher, broker = ends
    boxes = [broker.subscribe("a") for _ in range(3)]
    other = broker.subscribe("b")
    for number in range(10):
        await publisher.publish("a", {"n": number, "ö": [None, 1.5, "ü"]})
        for box in boxes:
            assert await anext(box) == {"n": number, "ö": [None, 1.5, "ü"]}
    await publisher.publish("b", "other")
    assert await anext(other) == "other"


async def test_one_that_comes_later_gets_nothing_of_before(ends: tuple[Broker, Broker]) -> None:
    publisher, broker = ends
    first = broker.subscribe("a")
    await publisher.publish("a", 1)
    assert await anext(first) == 1
    second = broker.subscribe("a")
    await publisher.publish("a", 2)
    assert await anext(second) == 2


async def test_one_that_left_gets_nothing(ends: tuple[Broker, Broker]) -> None:
    publisher, broker = ends
    left, stays = broker.subscribe("a"), broker.subscribe("a")
    await left.aclose()
    await publisher.publish("a", 1)
    assert await anext(stays) == 1
    assert [item async for item in left] == []


async def test_a_slow_listener_ends_alone(ends: tuple[Broker, Broker]) -> None:
    publisher, broker = ends
    slow, fast = broker.subscribe("a"), broker.subscribe("a")
    for number in range(4):
        await publisher.publish("a", number)
        assert await anext(fast) == number
    with pytest.raises(SlowConsumerError):
        await anext(slow)
    assert [item async for item in slow] == []


async def test_a_loop_that_publishes_lets_the_readers_read(ends: tuple[Broker, Broker]) -> None:
    publisher, broker = ends
    box = broker.subscribe("a")
    read: list[int] = []

    async def reader() -> None:
        async for item in box:
            read.append(item)
            if len(read) == 500:
                return

    task = asyncio.create_task(reader())
    await asyncio.sleep(0)
    if isinstance(broker, LocalBroker):
        for number in range(500):
            await publisher.publish("a", number)
    else:
        for number in range(500):
            await publisher.publish("a", number)
            while len(read) < number - 1:
                await asyncio.sleep(0)
    await task
    assert read == list(range(500))


@pytest.mark.parametrize(
    ("payload", "error"),
    [("x" * 1_000, ValueError), (object(), TypeError), ("\ud800", TypeError), (2**70, TypeError)],
)
async def test_what_cannot_travel_is_refused_everywhere(
    ends: tuple[Broker, Broker], payload: Any, error: type[Exception]
) -> None:
    publisher, broker = ends
    box = broker.subscribe("a")
    with pytest.raises(error):
        await publisher.publish("a", payload)
    await publisher.publish("a", 1)
    assert await anext(box) == 1


async def test_the_end_of_the_broker_ends_its_listeners(ends: tuple[Broker, Broker]) -> None:
    _, broker = ends
    box = broker.subscribe("a")
    waiting = asyncio.ensure_future(anext(box, None))
    await asyncio.sleep(0)
    await broker.aclose()
    assert await waiting is None


async def test_a_mailbox_gives_what_waits_before_it_ends() -> None:
    closed: list[Any] = []
    box: Mailbox[int] = Mailbox(3, closed.append)
    box.put(1)
    box.put(2)
    box.close()
    box.put(3)
    box.close()
    assert [item async for item in box] == [1, 2]
    assert closed == [box]


async def test_a_reader_that_is_cancelled_loses_nothing() -> None:
    box: Mailbox[int] = Mailbox(3)
    reader = asyncio.ensure_future(anext(box))
    await asyncio.sleep(0)
    box.put(1)
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    assert await anext(box) == 1


@pytest.mark.parametrize(
    "directory", [lambda folder: folder + "/" + "x" * 90, lambda folder: "/dev/null/x"]
)
async def test_a_folder_that_cannot_be_used_is_said(directory: Callable[[str], str]) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="broker-") as folder,
        pytest.raises(ConfigError, match="socket"),
    ):
        await UnixBroker(SETTINGS, directory(folder)).connect()

"""The broker over Redis when its server goes away: nothing is lost in silence, and it mends itself."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from gateway.broker.mailbox import EventsLostError, Mailbox
from gateway.broker.port import encode_event
from gateway.broker.redis import RedisBroker, _Kept
from gateway.broker.settings import BrokerSettings
from tests.broker.redis_brokers import redis_brokers
from tests.support.redis_server import RedisServer

ROOMY = BrokerSettings(max_queue=10_000)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """One that a test may stop."""
    made = RedisServer(tmp_path)
    made.start()
    yield made
    made.stop()


async def until_connected(broker: RedisBroker, is_connected: bool = True) -> None:
    """Wait until it reads, or has noticed that it does not."""
    async with asyncio.timeout(30):
        while broker.is_connected is not is_connected:
            await asyncio.sleep(0.01)


async def of(mailbox: Mailbox[Any], number: int) -> list[Any]:
    """So many events."""
    async with asyncio.timeout(30):
        return [await anext(mailbox) for _ in range(number)]


async def test_all_pods_have_the_events_of_all_in_one_order(server: RedisServer) -> None:
    async with redis_brokers(server.url, 4, ROOMY) as brokers:
        boxes = [broker.subscribe("a") for broker in brokers]

        async def publish(name: int, broker: RedisBroker) -> None:
            for number in range(50):
                await broker.publish("a", [name, number])

        await asyncio.gather(*(publish(name, broker) for name, broker in enumerate(brokers)))
        heard = [await of(box, 200) for box in boxes]
        assert heard[0] == heard[1] == heard[2] == heard[3]
        for name in range(4):
            assert [event for event in heard[0] if event[0] == name] == [
                [name, n] for n in range(50)
            ]


async def test_a_server_that_starts_with_nothing_is_told_and_mends(server: RedisServer) -> None:
    async with redis_brokers(server.url, 2, ROOMY) as brokers:
        boxes = [broker.subscribe("a") for broker in brokers]
        await brokers[0].publish("a", 1)
        assert [await of(box, 1) for box in boxes] == [[1], [1]]
        server.stop()
        for broker in brokers:
            await until_connected(broker, False)
        with pytest.raises(Exception, match=r"onnect"):
            await brokers[0].publish("a", 2)  # whoever publishes is told
        server.start()
        for box in boxes:
            with pytest.raises(EventsLostError) as told:
                await of(box, 1)
            assert told.value.code == "EVENTS_LOST"
        for broker in brokers:
            await until_connected(broker)
        again = [broker.subscribe("a") for broker in brokers]
        await brokers[1].publish("a", 3)
        assert [await of(box, 1) for box in again] == [[3], [3]]


async def test_a_server_that_hung_has_lost_nothing(server: RedisServer) -> None:
    async with redis_brokers(server.url, 2, ROOMY, timeout_s=0.2) as (here, there):
        box = here.subscribe("a")
        await there.publish("a", 1)
        assert await of(box, 1) == [1]
        server.pause()
        await until_connected(here, False)
        server.resume()
        for number in range(2, 5):
            async with asyncio.timeout(30):
                while True:
                    try:
                        await there.publish("a", number)
                        break
                    except OSError:
                        continue
                    except Exception as exc:
                        if "imeout" not in str(exc):
                            raise
        heard = await of(box, 3)
        # A publisher that was not told whether its event arrived may have sent it twice.
        while heard[-1] != 4:
            heard += await of(box, 1)
        assert list(dict.fromkeys(heard)) == [2, 3, 4]


async def test_one_that_was_away_for_longer_than_events_are_kept_is_told(
    server: RedisServer,
) -> None:
    settings = BrokerSettings(max_queue=10_000, max_kept=10)
    async with redis_brokers(server.url, 2, settings) as (here, there):
        box = here.subscribe("a")
        await there.publish("a", 0)
        assert await of(box, 1) == [0]
        assert here._reading is not None
        here._reading.cancel()  # cut off
        await asyncio.gather(here._reading, return_exceptions=True)
        for number in range(1, 400):  # the server drops entries by the block
            await there.publish("a", number)
        here._reading = asyncio.create_task(here._read())
        with pytest.raises(EventsLostError):
            await of(box, 1)


@pytest.mark.parametrize("max_kept", [1, 100, 1_000])
async def test_one_that_was_held_up_while_more_came_than_are_kept_is_told(
    server: RedisServer, max_kept: int
) -> None:
    settings = BrokerSettings(max_queue=10_000, max_kept=max_kept)
    async with redis_brokers(server.url, 1, settings) as (broker,):
        box = broker.subscribe("a")
        await broker.publish("a", 0)
        assert await of(box, 1) == [0]
        add_at_once(server, broker, range(1, 3 * max_kept + 200))  # the event loop stands still
        with pytest.raises(EventsLostError):
            await of(box, 3 * max_kept + 199)
        again = broker.subscribe("a")
        await broker.publish("a", "then")
        assert await of(again, 1) == ["then"]


@pytest.mark.parametrize("server_says", ["how many there were", "less"])
async def test_one_that_was_held_up_and_missed_nothing_goes_on(
    server: RedisServer, server_says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if server_says == "less":  # as Redis before 7
        of_info = _Kept.of

        def without_added(info: dict[str, Any]) -> _Kept:
            return of_info({name: info[name] for name in info if name != "entries-added"})

        monkeypatch.setattr(_Kept, "of", without_added)
    settings = BrokerSettings(max_queue=10_000, max_kept=1_000)
    async with redis_brokers(server.url, 1, settings) as (broker,):
        box = broker.subscribe("a")
        await broker.publish("a", 0)
        assert await of(box, 1) == [0]
        for first in range(1, 3_001, 600):  # entries that it has read are dropped meanwhile
            add_at_once(server, broker, range(first, first + 600))
            assert await of(box, 600) == list(range(first, first + 600))


def add_at_once(server: RedisServer, broker: RedisBroker, numbers: range) -> None:
    """Publish as another pod does, while nothing of this one can run."""
    with Redis.from_url(server.url) as client:
        commands = client.pipeline(transaction=False)
        for number in numbers:
            name, encoded = encode_event("a", number, 1_000)
            fields = {b"t": name, b"p": encoded}
            most = broker.settings.max_kept
            commands.xadd(broker._stream, fields, maxlen=most, approximate=True)
        commands.execute()


async def test_a_gateway_starts_while_the_server_is_away(server: RedisServer) -> None:
    server.stop()
    async with redis_brokers(server.url, 1, ROOMY, timeout_s=0.1) as (broker,):
        box = broker.subscribe("a")
        server.start()
        await until_connected(broker)
        await broker.publish("a", 1)
        assert await of(box, 1) == [1]

"""A document that one worker keeps is known to the others."""

from __future__ import annotations

import asyncio
import tempfile

from gateway.broker.local import LocalBroker
from gateway.broker.settings import BrokerSettings
from gateway.broker.unix import UnixBroker
from gateway.documents.apq import MemoryStore
from gateway.documents.ids import hash_of
from gateway.documents.settings import ApqSettings
from gateway.documents.shared import SharedStore

TEXT = "{ greeting }"


async def known(store: SharedStore, text: str) -> str:
    """The text, when the store has been told of it."""
    async with asyncio.timeout(10):
        while (found := await store.get(hash_of(text))) is None:
            await asyncio.sleep(0)
    return found


async def test_every_worker_knows_it() -> None:
    with tempfile.TemporaryDirectory() as folder:
        brokers = [UnixBroker(BrokerSettings(), folder) for _ in range(4)]
        for broker in brokers:
            await broker.connect()
        stores = [SharedStore(MemoryStore(ApqSettings()), broker) for broker in brokers]
        for number, store in enumerate(stores):
            text = f"{TEXT} # {number}"
            await store.put(hash_of(text), text)
            for other in stores:
                assert await known(other, text) == text
        for store in stores:
            await store.aclose()
        for broker in brokers:
            await broker.aclose()


async def test_one_that_is_too_large_stays_where_it_is() -> None:
    broker = LocalBroker(BrokerSettings(max_event_bytes=100))
    await broker.connect()
    store = SharedStore(MemoryStore(ApqSettings()), broker)
    await store.put(hash_of("x" * 200), "x" * 200)
    assert await store.get(hash_of("x" * 200)) == "x" * 200
    await store.put(hash_of("# \ud800"), "# \ud800")
    await broker.aclose()
    await store.aclose()


async def test_what_was_missed_does_not_end_it() -> None:
    broker = LocalBroker(BrokerSettings(max_queue=1))
    await broker.connect()
    store = SharedStore(MemoryStore(ApqSettings()), broker)
    for text in ("a", "b", "c"):
        await broker.publish("gateway.documents", [hash_of(text), text])
    for _ in range(5):
        await asyncio.sleep(0)
    await broker.publish("gateway.documents", [hash_of("d"), "d"])
    assert await known(store, "d") == "d"
    await store.aclose()
    await broker.aclose()

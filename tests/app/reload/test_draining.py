"""What was served before: it goes with the last request that it answers, and so does what it alone had open."""

from __future__ import annotations

import asyncio
import gc
import weakref

import pytest

from gateway.app.reload import draining
from tests.app.conftest import Live


async def test_an_old_revision_is_let_go(live: Live) -> None:
    await live.client.execute("{ box { old } }")
    for number in range(3):
        old = weakref.ref(live.client.app.worker.serving())
        live.project.write_schema(f"new{number}: String")
        await live.reloader.reload()
        await live.until_drained()
        gc.collect()
        assert old() is None


async def test_a_long_request_holds_its_own_revision_and_no_later_one(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draining, "LOOK_EVERY_S", 0.0)
    source = live.client.app.worker.upstream._sources[""]
    waiting = asyncio.create_task(live.client.execute("{ waits }"))
    while "waits" not in live.told:
        await asyncio.sleep(0)
    first, *later = [weakref.ref(live.client.app.worker.serving())]
    for number in range(3):
        live.project.write_schema(f"new{number}: String")
        await live.reloader.reload()
        later.append(weakref.ref(live.client.app.worker.serving()))
    revisions = live.reloader.revisions.draining.revisions
    async with asyncio.timeout(30):
        while len(revisions) > 1:
            await asyncio.sleep(0)
    gc.collect()
    assert first() is not None
    assert [one() is None for one in later] == [True, True, False]
    assert source.users == 2  # what its request may still call is open, whoever else is gone
    live.let_go()
    await waiting
    await live.until_drained()
    assert (first(), source.users) == (None, 1)

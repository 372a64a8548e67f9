"""The first new worker of a roll: it begins when that is decided, whoever has not heard that it is there."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from gateway.app.reload import successors as successors_module
from gateway.app.reload.inputs import Inputs
from gateway.app.reload.shelf import Shelf
from gateway.app.reload.successors import CAME_UP, SERVE_DIGEST, SERVE_PARENT, Successors
from gateway.broker.calls import WorkerCalls
from gateway.broker.local import LocalBroker
from gateway.broker.settings import BrokerSettings
from gateway.broker.unix import UnixBroker


async def test_it_waits_for_the_decision_and_for_no_worker_that_is_silent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    inputs = Inputs("", {"schema.graphql": "type Query { a: String }"}, "", "")
    monkeypatch.setenv(SERVE_DIGEST, inputs.digest)
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="roll-"))
        made: list[WorkerCalls] = []
        for _ in range(2):
            broker = UnixBroker(BrokerSettings(), folder)
            await broker.connect()
            stack.push_async_callback(broker.aclose)
            made.append(WorkerCalls(broker))
            stack.push_async_callback(made[-1].aclose)
        silent, first = made
        shelf = Shelf(folder)
        successors = Successors(first, shelf)
        heard = asyncio.Event()

        async def say_nothing(_: Any) -> None:
            shelf.decide(inputs)
            heard.set()
            await asyncio.Event().wait()

        silent.add(CAME_UP, say_nothing)
        for calls in made:
            calls.open()
        assert successors.waits
        async with asyncio.timeout(30):  # it would be waited for twice as long
            await successors.wait_for_decision()
        assert heard.is_set()
        assert not successors.waits


async def test_a_worker_whose_parent_is_gone_ends(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(successors_module, "LOOK_FOR_PARENT_S", 0.0)
    parent, ended = os.getppid(), asyncio.Event()
    monkeypatch.setenv(SERVE_PARENT, str(parent))
    calls = WorkerCalls(LocalBroker(BrokerSettings()))
    successors = Successors(calls, Shelf(str(tmp_path)))
    successors.begin()
    assert successors.look()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    monkeypatch.setattr(os, "getppid", lambda: 1)
    try:
        async with asyncio.timeout(30):
            await ended.wait()
            assert await successors.replace("digest") == [
                "the process that starts the workers does not answer"
            ]
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
        await successors.stop()

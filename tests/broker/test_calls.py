"""Asking all workers: everybody answers, one cannot, one is silent, one dies before it has answered."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from gateway.broker.calls import RefusedQuestionError, WorkerCalls
from gateway.broker.local import LocalBroker
from gateway.broker.settings import BrokerSettings
from gateway.broker.unix import UnixBroker

PATIENCE_S = 60.0


class Workers:
    """Workers of one server, in this process."""

    def __init__(self, brokers: list[UnixBroker]) -> None:
        self.brokers = brokers
        self.calls = [WorkerCalls(broker) for broker in brokers]
        for calls in self.calls:
            calls.open()


@pytest.fixture
async def workers() -> AsyncIterator[Workers]:
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="calls-"))
        brokers = [UnixBroker(BrokerSettings(), folder) for _ in range(3)]
        for broker in brokers:
            await broker.connect()
            stack.push_async_callback(broker.aclose)
        made = Workers(brokers)
        for calls in made.calls:
            stack.push_async_callback(calls.aclose)
        yield made


async def test_every_worker_answers_and_this_one_too(workers: Workers) -> None:
    async def add(payload: Any) -> Any:
        return payload + 1

    for calls in workers.calls:
        calls.add("add", add)
    answers = await workers.calls[0].ask("add", 41, PATIENCE_S)
    assert answers.said == {calls.name: 42 for calls in workers.calls}
    assert answers.is_whole


async def test_one_that_cannot_says_why(workers: Workers) -> None:
    async def refuse(_: Any) -> Any:
        raise RefusedQuestionError("not of this kind")

    async def agree(_: Any) -> Any:
        return "yes"

    for number, calls in enumerate(workers.calls):
        calls.add("ask", refuse if number == 1 else agree)
    answers = await workers.calls[0].ask("ask", None, PATIENCE_S)
    assert answers.failed == {workers.calls[1].name: "not of this kind"}
    assert len(answers.said) == 2
    assert not answers.is_whole


async def test_one_that_is_silent_is_waited_for_as_long_as_is_said(workers: Workers) -> None:
    async def hang(_: Any) -> Any:
        await asyncio.Event().wait()

    async def agree(_: Any) -> Any:
        return "yes"

    for number, calls in enumerate(workers.calls):
        calls.add("ask", hang if number == 2 else agree)
    answers = await workers.calls[0].ask("ask", None, 0.2)
    assert answers.silent == {workers.calls[2].name}
    assert not answers.is_whole


async def test_one_that_dies_is_not_waited_for(workers: Workers) -> None:
    asked = asyncio.Event()

    async def hang(_: Any) -> Any:
        asked.set()
        await asyncio.Event().wait()

    async def agree(_: Any) -> Any:
        return "yes"

    for number, calls in enumerate(workers.calls):
        calls.add("ask", hang if number == 2 else agree)
    asking = asyncio.create_task(workers.calls[0].ask("ask", None, PATIENCE_S))
    await asked.wait()
    await workers.brokers[2].aclose()
    answers = await asking
    assert answers.gone == {workers.calls[2].name}
    assert answers.is_whole
    assert len(answers.said) == 2


async def test_a_single_worker_asks_itself() -> None:
    broker = LocalBroker(BrokerSettings())
    calls = WorkerCalls(broker)

    async def agree(payload: Any) -> Any:
        return payload

    calls.add("ask", agree)
    calls.open()  # and hears from then on, what it asks at once too
    answers = await calls.ask("ask", "me", PATIENCE_S)
    assert answers.said == {calls.name: "me"}
    await calls.aclose()
    await broker.aclose()

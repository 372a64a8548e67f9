"""Runs a plan's generated function: the only place that awaits.

The generated function is a generator that yields whenever it has started work that it needs the outcome
of. A run that never yields is finished without an event loop. Each awaitable of a user runs in a task of
its own, with a context of its own: a timeout or a cancellation inside one must not reach the others by
way of a task that they share. The driver itself lives in its caller's task.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Coroutine, Generator, Sequence
from types import CoroutineType
from typing import Any

from gateway.execute.spots import Failed
from gateway.execute.works import Work

Steps = Generator[list[Work], None, None]
IS_EAGER = sys.version_info >= (3, 12)


def start(steps: Steps) -> Coroutine[Any, Any, None] | None:
    """Run until the first thing to wait for; None when there is none and the run is over."""
    for works in steps:
        return _drive(steps, works)
    return None


async def _drive(steps: Steps, works: list[Work]) -> None:
    try:
        while True:
            while works:
                batch = works[:]
                works.clear()
                await _run(batch)
            try:
                works = next(steps)
            except StopIteration:
                return
    finally:
        steps.close()


async def _run(batch: list[Work]) -> None:
    if len(batch) == 1 and batch[0].is_load:
        try:
            outcome = await batch[0].awaitables[0]
        except Exception as error:
            outcome = Failed(error)
        batch[0].fill((outcome,))
        return
    groups = [_start_all(work.awaitables) for work in batch]
    tasks = [task for group in groups for task in group]
    try:
        await _all_done([task for task in tasks if not task.done()])
        outcomes = [_outcomes(group) for group in groups]
    except BaseException:
        await _cancel(tasks)
        raise
    for work, outcome in zip(batch, outcomes, strict=True):
        work.fill(outcome)


async def _all_done(tasks: list[asyncio.Future[Any]]) -> None:
    """Wait until all are done, or until one of them was cancelled: its result then raises."""
    remaining = len(tasks)
    if not remaining:
        return
    done = asyncio.get_running_loop().create_future()

    def count(task: asyncio.Future[Any]) -> None:
        nonlocal remaining
        remaining -= 1
        if (remaining == 0 or task.cancelled()) and not done.done():
            done.set_result(None)

    for task in tasks:
        task.add_done_callback(count)
    await done


def _start_all(awaitables: Sequence[Awaitable[Any]]) -> list[asyncio.Future[Any]]:
    loop = asyncio.get_running_loop()
    if IS_EAGER:
        return [
            asyncio.Task(value, loop=loop, eager_start=True)  # type: ignore[call-arg]
            if type(value) is CoroutineType
            else asyncio.ensure_future(value)
            for value in awaitables
        ]
    create_task = loop.create_task
    return [
        create_task(value) if type(value) is CoroutineType else asyncio.ensure_future(value)
        for value in awaitables
    ]


async def _cancel(tasks: list[asyncio.Future[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _outcomes(tasks: list[asyncio.Future[Any]]) -> list[Any]:
    outcomes: list[Any] = []
    for task in tasks:
        try:
            outcomes.append(task.result())
        except Exception as error:
            outcomes.append(Failed(error))
    return outcomes

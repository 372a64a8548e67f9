"""Runs a plan's generated function: the only place that awaits.

The generated function is a generator that yields whenever it has started work that it needs the outcome
of. A run that never yields is finished without an event loop. Each awaitable of a user runs in a task of
its own, with a context of its own: a timeout or a cancellation inside one must not reach the others by
way of a task that they share. The driver itself lives in its caller's task.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Coroutine, Generator, Sequence
from typing import Any, TypeVar

from gateway.execute.bounds import ResultLimitError
from gateway.execute.spots import Failed
from gateway.execute.works import Work
from gateway.telemetry.trace import CURRENT, Timing, clock

T = TypeVar("T")
Steps = Generator[list[Work], None, None]
IS_EAGER = sys.version_info >= (3, 12)


def start(
    steps: Steps, finish: Callable[[], T], refuse: Callable[[ResultLimitError], T]
) -> T | Coroutine[Any, Any, T]:
    """Run until the first thing to wait for: what `finish` gives, or a coroutine of it.

    Args:
        steps: The generated function.
        finish: Makes the outcome when it has ended.
        refuse: Makes the outcome when the result is too large: nothing of it runs any more.
    """
    try:
        for works in steps:
            return _drive(steps, works, finish, refuse)
    except ResultLimitError as error:
        return refuse(error)
    return finish()


async def _drive(
    steps: Steps,
    works: list[Work],
    finish: Callable[[], T],
    refuse: Callable[[ResultLimitError], T],
) -> T:
    try:
        while True:
            while works:
                if len(works) > 1 or not works[0].is_load:
                    batch = works[:]
                    works.clear()
                    await _run(batch)
                    continue
                work = works.pop()  # one loader's: awaited without a task
                timing, token = work.timing, None
                if timing is not None:
                    token = CURRENT.set(timing)
                outcome: Any
                try:
                    outcome = await work.awaitables[0]
                except Exception as error:
                    outcome = Failed(error)
                finally:
                    if timing is not None and token is not None:
                        timing.end_ns = clock()
                        CURRENT.reset(token)
                work.fill((outcome,))
            if next(steps, None) is None:
                return finish()
    except ResultLimitError as error:
        return refuse(error)
    finally:
        steps.close()


async def _run(batch: list[Work]) -> None:
    tasks = Tasks()
    try:
        for work in batch:
            if work.timing is None:
                tasks.start(work.awaitables)
            else:
                token = CURRENT.set(work.timing)  # a task has the context in which it was made
                tasks.start(work.awaitables, work.timing)
                CURRENT.reset(token)
        for task in tasks.all:
            if not task.done():
                await task
        outcomes = [task.result() for task in tasks.all]
    except BaseException:
        tasks.cancel()
        await asyncio.gather(*tasks.all, return_exceptions=True)
        raise
    for work in batch:
        count = len(work.awaitables)
        work.fill(outcomes[:count])
        del outcomes[:count]


class Tasks:
    """The tasks of one wait. One that is cancelled, by whomever, cancels all.

    They are awaited one after the other: a callback on each would cost as much as the task.
    """

    def __init__(self) -> None:
        self.all: list[asyncio.Task[Any]] = []
        self._is_cancelled = False

    def start(self, awaitables: Sequence[Awaitable[Any]], timing: Timing | None = None) -> None:
        """Start a task for each; the last to end, ends the step that is timed."""
        loop = asyncio.get_running_loop()
        if IS_EAGER:
            eager: Any = {"eager_start": True}
            self.all += [asyncio.Task(self._run(a, timing), loop=loop, **eager) for a in awaitables]
        else:
            self.all += [loop.create_task(self._run(a, timing)) for a in awaitables]

    async def _run(self, awaitable: Awaitable[Any], timing: Timing | None) -> Any:
        try:
            return await awaitable
        except Exception as error:
            return Failed(error)
        except asyncio.CancelledError:
            self.cancel()
            raise
        finally:
            if timing is not None:
                timing.end_ns = clock()

    def cancel(self) -> None:
        """Cancel all, once."""
        if not self._is_cancelled:
            self._is_cancelled = True
            for task in self.all:
                task.cancel()

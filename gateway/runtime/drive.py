"""Runs a plan's generated function, and awaits what its steps have started.

The generated function is a generator that yields whenever it has started work that it needs the outcome
of. A run that never yields is finished without an event loop. Each awaitable of a user runs in a task of
its own, with a context of its own: a timeout or a cancellation inside one must not reach the others by
way of a task that they share. The driver itself lives in its caller's task.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterator
from typing import Any, TypeVar

from gateway.errors import InternalError
from gateway.runtime.bounds import ResultLimitError
from gateway.runtime.nulled import is_unwanted, leave_broken, may_break, nulled_position
from gateway.runtime.spots import ABANDONED, Failed, caught, untraced
from gateway.runtime.state import Run
from gateway.runtime.works import Work
from gateway.telemetry.trace import CURRENT, Timing, clock

T = TypeVar("T")
Steps = Generator[list[Work], None, None]
IS_EAGER = sys.version_info >= (3, 12)


def run_steps(
    run: Run, steps: Steps, finish: Callable[[], T], refuse: Callable[[ResultLimitError], T]
) -> T | Coroutine[Any, Any, T]:
    """Run until the first thing to wait for: what `finish` gives, or a coroutine of it.

    Args:
        run: What is run.
        steps: The generated function.
        finish: Makes the outcome when it has ended.
        refuse: Makes the outcome when the result is too large: nothing of it runs any more.
    """
    try:
        for works in steps:
            if run.broken:
                leave_broken(run, works)
            if works:
                return _drive(run, steps, works, finish, refuse)
    except ResultLimitError as error:
        return refuse(error)
    return finish()


async def _drive(
    run: Run,
    steps: Steps,
    works: list[Work],
    finish: Callable[[], T],
    refuse: Callable[[ResultLimitError], T],
) -> T:
    try:
        while True:
            while works:
                if run.broken:
                    leave_broken(run, works)
                elif len(works) > 1 or not works[0].is_load or run.nulled:
                    batch = works[:]
                    works.clear()
                    await _run(run, batch)
                else:
                    await _load(run, works.pop())
            if next(steps, None) is None:
                return finish()
    except ResultLimitError as error:
        return refuse(error)
    finally:
        steps.close()
        vars(run).pop("waited", None)  # which holds the run


async def _load(run: Run, work: Work) -> None:
    """Await one loader's call, without a task."""
    timing, token = work.timing, None
    if timing is not None:
        token = CURRENT.set(timing)
    outcome: Any
    try:
        outcome = await work.awaitables[0]
    except Exception as error:
        outcome = caught(error)
    except asyncio.CancelledError as error:
        outcome = _own_cancellation(run, error)
    finally:
        if timing is not None and token is not None:
            timing.end_ns = clock()
            CURRENT.reset(token)
    work.fill((outcome,))
    del outcome  # an error's traceback may keep this frame


def _own_cancellation(run: Run, error: asyncio.CancelledError) -> Failed:
    """The error of a resolver that raised CancelledError by itself. Errors: CancelledError where the run is cancelled.

    graphql-core ends with it, and so do the drop-in functions; the gateway would give the client no answer at all.
    """
    task = asyncio.current_task()
    if not run.bound.is_fixed or task is None or task.cancelling():
        raise error
    failed = InternalError("a resolver raised CancelledError, and nobody had cancelled it")
    failed.__cause__ = error
    return Failed(failed)


async def _run(run: Run, batch: list[Work]) -> None:
    tasks = Tasks(run, batch)
    try:
        for work in batch:
            if work.timing is None:
                tasks.spawn(work)
            else:
                token = CURRENT.set(work.timing)  # a task has the context in which it was made
                tasks.spawn(work)
                CURRENT.reset(token)
        if run.nulled:
            asyncio.get_running_loop().call_soon(tasks.abandon)
        for task in tasks.all:
            if not task.done():
                await task
        outcomes = [task.result() for task in tasks.all]
    except BaseException:
        tasks.cancel()
        await asyncio.gather(*tasks.all, return_exceptions=True)
        tasks.close()
        raise
    if tasks.failed:
        tasks.find_nulled()
    run.waited += batch
    for work in batch:
        count = len(work.awaitables)
        work.fill(outcomes[:count])
        del outcomes[:count]


class Tasks:
    """The tasks of one wait. One that is cancelled from outside, by whomever, cancels all.

    They are awaited one after the other: a callback on each would cost as much as the task.

    Attributes:
        all: In the order of the works and their awaitables.
        failed: Those that failed or gave null where it may null more, and that nobody has looked at yet.
    """

    def __init__(self, run: Run, batch: list[Work]) -> None:
        self.all: list[asyncio.Task[Any]] = []
        self.failed: list[asyncio.Task[Any]] = []
        self._run_of_plan = run
        self._batch = batch
        self._raised = 0
        self._most_raised = run.limits.max_errors
        self._is_cancelled = False
        self._abandoned: set[asyncio.Task[Any]] = set()

    def spawn(self, work: Work) -> None:
        """Start a task for each awaitable; the last to end, ends the step that is timed."""
        loop = asyncio.get_running_loop()
        may_break, timing = work.may_break, work.timing
        eager: Any = {"eager_start": True} if IS_EAGER else None
        if eager is not None:
            self.all += [
                asyncio.Task(self._run(a, may_break, timing), loop=loop, **eager)
                for a in work.awaitables
            ]
        else:
            self.all += [loop.create_task(self._run(a, may_break, timing)) for a in work.awaitables]

    async def _run(self, awaitable: Awaitable[Any], may_break: bool, timing: Timing | None) -> Any:
        try:
            value = await awaitable
        except Exception as error:
            self._raised += 1
            value = (caught if self._raised <= self._most_raised else untraced)(error)
        except asyncio.CancelledError as error:
            if asyncio.current_task() in self._abandoned:
                return ABANDONED
            try:
                value = _own_cancellation(self._run_of_plan, error)
            except asyncio.CancelledError:
                self.cancel()
                raise
        finally:
            if timing is not None:
                timing.end_ns = clock()
        if may_break and (value is None or isinstance(value, Failed | Exception)):
            self._note_failure()
        try:
            return value
        finally:
            del value  # an error's traceback may keep this frame

    def _note_failure(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        if not self.failed:
            # As in graphql-core, the error takes a turn of the loop to be heard of: what was started with it gets
            # as far as its first wait, at least.
            loop = asyncio.get_running_loop()
            loop.call_soon(loop.call_soon, self.find_nulled)
        self.failed.append(task)

    def find_nulled(self) -> None:
        """Find what those that failed have nulled, and abandon what is below."""
        failed, self.failed = set(self.failed), []
        found = [
            nulled_position(position)
            for task, work, number in self._places()
            if task in failed
            and (position := work.position(number)) is not None
            and may_break(position, task.result())
        ]
        if found:
            self._run_of_plan.nulled += tuple(found)
            self.abandon()

    def abandon(self) -> None:
        """Cancel the tasks that nobody waits for."""
        nulled = set(map(tuple, self._run_of_plan.nulled))
        for task, work, number in self._places():
            if not task.done() and is_unwanted(work, number, nulled):
                self._abandoned.add(task)
                task.cancel()

    def _places(self) -> Iterator[tuple[asyncio.Task[Any], Work, int]]:
        tasks = iter(self.all)
        for work in self._batch:
            for number in range(len(work.awaitables)):
                yield next(tasks), work, number

    def close(self) -> None:
        """Close what a task that was cancelled at once has not begun, or Python says that it was never awaited."""
        for work in self._batch:
            for awaitable in work.awaitables:
                if asyncio.iscoroutine(awaitable):
                    awaitable.close()

    def cancel(self) -> None:
        """Cancel all, once."""
        if not self._is_cancelled:
            self._is_cancelled = True
            for task in self.all:
                task.cancel()

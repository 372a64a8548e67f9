"""The end of tasks that run the user's code: told once, then waited for.

A cancellation that comes when a source stream is being closed would cut its `finally`: it waits until that is over.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Collection
from contextlib import asynccontextmanager
from typing import Any, Protocol, TypeVar
from weakref import WeakKeyDictionary, WeakSet

T = TypeVar("T")
# `Task.cancelling` would count the user's own timeouts, which a task overcomes.
_told: WeakSet[asyncio.Task[Any]] = WeakSet()
# Tasks that close a stream: whether they were told to end meanwhile.
_closing: WeakKeyDictionary[asyncio.Task[Any], bool] = WeakKeyDictionary()


class Closable(Protocol):
    """What has to be closed by whoever opened it."""

    def aclose(self) -> Awaitable[Any]: ...


def cancel_once(task: asyncio.Task[Any]) -> None:
    """Cancel a task, unless that was done before; one that closes a stream, when it has."""
    if task in _closing:
        _closing[task] = True
    elif task not in _told:
        _told.add(task)
        task.cancel()


class NoAnswerError(Exception):
    """Nothing came in time."""


async def within(coming: Awaitable[T], timeout_s: float) -> T:
    """What comes, where it comes in time. What comes later, an error too, is nobody's: nobody waits until it has ended.

    Errors: NoAnswerError, what it raises, and RuntimeError where it is cancelled by itself.
    """
    task = asyncio.ensure_future(coming)
    # Not `asyncio.timeout`: what is cancelled may raise something else in place of that, or go on.
    try:
        await asyncio.wait({task}, timeout=timeout_s)
    finally:
        if not task.done():
            task.add_done_callback(_heard)
            task.cancel()
    if not task.done():
        raise NoAnswerError(f"no answer within {timeout_s:g} s")
    if task.cancelled():
        raise RuntimeError("it was cancelled by itself")
    return task.result()


def _heard(task: asyncio.Future[Any]) -> None:
    if not task.cancelled():
        task.exception()


async def end_all(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Cancel tasks and wait until each has ended. Who is cancelled while it waits cancels them no second time."""
    for task in tasks:
        cancel_once(task)
    if tasks:
        await asyncio.wait(tasks)


@asynccontextmanager
async def closing(stream: Closable) -> AsyncGenerator[None]:
    """Close a stream at the end, whole: in this task, which its generator may keep to."""
    try:
        yield
    finally:
        task = asyncio.current_task()
        assert task is not None
        is_outer = task not in _closing
        _closing.setdefault(task, False)
        try:
            await stream.aclose()
        finally:
            if is_outer and _closing.pop(task):
                cancel_once(task)

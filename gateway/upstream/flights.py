"""Single-flight: equal reads that are in flight at the same time are one call.

The key is the request as it goes out, with every header that comes from a client: users share a call only
where the backend could not tell them apart. What the gateway adds afterwards (trace, deadline, attempt)
is no part of it. Nothing is kept once a call has ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Abandoned(Exception):  # noqa: N818 - it is no error: somebody else takes over
    """Whoever led the call has left it: its own time was up, or it was cancelled."""


class SharedCall(Generic[T]):
    """One call and those who wait for it."""

    __slots__ = ("waiting",)

    def __init__(self) -> None:
        self.waiting: list[asyncio.Future[T]] = []

    async def follow(self, deadline: float | None = None) -> T:
        """Wait for the outcome. Errors: that of the call; Abandoned; TimeoutError at a deadline."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[T] = loop.create_future()
        self.waiting.append(waiter)
        timer = loop.call_at(deadline, _time_out, waiter) if deadline is not None else None
        try:
            return await waiter
        finally:
            if timer is not None:
                timer.cancel()

    def land(self, value: T) -> None:
        """Give everybody the outcome."""
        for waiter in self.waiting:
            if not waiter.done():
                waiter.set_result(value)

    def fail(self, error: BaseException) -> None:
        """Give everybody the error."""
        for waiter in self.waiting:
            if not waiter.done():
                waiter.set_exception(error)


class Flights(Generic[T]):
    """The calls that may be joined now."""

    def __init__(self) -> None:
        self._open: dict[Hashable, SharedCall[T]] = {}

    def close(self) -> None:
        """Let nobody join any more: what is read from now on must see a write that has begun or ended."""
        self._open.clear()

    async def fly(
        self,
        key: Hashable,
        call: Callable[[], Awaitable[T]],
        deadline: float,
        tell: Callable[[str], None],
    ) -> T:
        """Join the call in flight under `key`, or lead one.

        A leader that is cancelled, or whose own deadline passes, does not take its followers with it:
        the first of them leads again, under its own deadline. Leading costs no task of its own.

        Args:
            key: Equal for calls that may be one.
            call: Makes the call.
            deadline: The caller's own, on the event loop's clock.
            tell: Told "led" when a call had followers, and "shared" by each of them.

        Errors: those of the call, shared; TimeoutError at a follower's deadline.
        """
        while (flight := self._open.get(key)) is not None:
            try:
                value = await flight.follow(deadline)
            except Abandoned:
                continue
            tell("shared")
            return value
        flight = self._open[key] = SharedCall()
        try:
            value = await call()
        except BaseException as error:
            self._leave(key, flight)
            is_own = not isinstance(error, Exception) or _now() >= deadline
            flight.fail(Abandoned() if is_own else error)
            raise
        self._leave(key, flight)
        if flight.waiting:
            tell("led")
            flight.land(value)
        return value

    def _leave(self, key: Hashable, flight: SharedCall[T]) -> None:
        if self._open.get(key) is flight:
            del self._open[key]


def _now() -> float:
    return asyncio.get_running_loop().time()


def _time_out(waiter: asyncio.Future[T]) -> None:
    if not waiter.done():
        waiter.set_exception(TimeoutError())

"""Singleflight: equal calls that are under way at the same time are made once.

The first caller is the *leader*, later ones are *followers*. A leader that is cancelled, or whose own deadline passes,
does not take its followers with it: they are told `Abandoned`, and the first of them leads again. It knows nothing of
what is done, and keeps nothing once that has ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from math import inf
from typing import Generic, TypeVar

T = TypeVar("T")


class Abandoned(Exception):  # noqa: N818 - it is no error: somebody else takes over
    """The leader has left: its own time was up, or it was cancelled."""


class FollowerTimeoutError(TimeoutError):
    """A follower's own deadline has passed."""


class SharedCall(Generic[T]):
    """What is under way, and who waits for it. One timer serves all of them.

    Attributes:
        followers: Each with its deadline, on the event loop's clock.
    """

    __slots__ = ("_timer", "followers")

    def __init__(self) -> None:
        self.followers: dict[asyncio.Future[T], float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def join(self, deadline: float | None = None) -> asyncio.Future[T]:
        """Follow: the outcome, or `Abandoned`, or FollowerTimeoutError at a deadline. `leave` ends it."""
        follower: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self.followers[follower] = inf if deadline is None else deadline
        if deadline is not None and (self._timer is None or deadline < self._timer.when()):
            self._watch(deadline)
        return follower

    def leave(self, follower: asyncio.Future[T]) -> None:
        """Follow no longer."""
        self.followers.pop(follower, None)
        if not self.followers and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def follow(self, deadline: float | None = None) -> T:
        """As `join`, from its begin to its end."""
        follower = self.join(deadline)
        try:
            return await follower
        finally:
            self.leave(follower)

    def finish(self, value: T) -> None:
        """Give every follower the outcome."""
        for follower in self.followers:
            if not follower.done():
                follower.set_result(value)

    def fail(self, error: BaseException, deadline: float = inf) -> None:
        """The leader has failed: give every follower its error, or the lead where the failure is its own.

        Args:
            error: What ended the leader.
            deadline: The leader's.
        """
        is_own = not isinstance(error, Exception) or asyncio.get_running_loop().time() >= deadline
        given = Abandoned() if is_own else error
        for follower in self.followers:
            if not follower.done():
                follower.set_exception(given)

    def _watch(self, deadline: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(deadline, self._time_out)

    def _time_out(self) -> None:
        """End those whose time is up."""
        self._timer = None
        now = asyncio.get_running_loop().time()
        for follower, deadline in self.followers.items():
            if deadline <= now and not follower.done():
                follower.set_exception(FollowerTimeoutError())
        left = min((d for f, d in self.followers.items() if not f.done()), default=inf)
        if left < inf:
            self._watch(left)


class Singleflight(Generic[T]):
    """The calls that may be joined now.

    Attributes:
        joinable: Those, by key. Nobody joins one that is taken out.
    """

    def __init__(self) -> None:
        self.joinable: dict[Hashable, SharedCall[T]] = {}

    def close(self) -> None:
        """Let nobody join any more: what is read from now on must see a write that has begun or ended."""
        self.joinable.clear()

    async def call_once(
        self,
        key: Hashable,
        call: Callable[[], Awaitable[T]],
        deadline: float,
        tell: Callable[[str], None],
    ) -> T:
        """Follow the call under `key`, or lead one. Leading costs no task of its own.

        Args:
            key: Equal for calls that may be one.
            call: Makes the call.
            deadline: The caller's own, on the event loop's clock.
            tell: Told "led" when a call had followers, and "shared" by each of them.

        Errors: those of the call, shared; FollowerTimeoutError at a follower's deadline.
        """
        while (shared := self.joinable.get(key)) is not None:
            try:
                value = await shared.follow(deadline)
            except Abandoned:
                continue
            tell("shared")
            return value
        shared = self.joinable[key] = SharedCall()
        try:
            value = await call()
        except BaseException as error:
            self._close(key, shared)
            shared.fail(error, deadline)
            raise
        self._close(key, shared)
        if shared.followers:
            tell("led")
            shared.finish(value)
        return value

    def _close(self, key: Hashable, shared: SharedCall[T]) -> None:
        if self.joinable.get(key) is shared:
            del self.joinable[key]

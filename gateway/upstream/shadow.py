"""Calls that no client waits for: after the answer, by sources of their own, within a budget, and shed first.

They share nothing with the calls of clients: no breaker, no bulkhead, no connection, nothing that is kept or in flight.
Whatever cannot be done at once is left out and counted. It knows nothing of what the calls are for.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from contextvars import Context as Variables
from typing import TYPE_CHECKING, NamedTuple

from gateway.errors import GatewayError, UpstreamError
from gateway.upstream.caller import Caller
from gateway.upstream.policy.counters import Counters
from gateway.upstream.shadow_settings import ShadowSettings
from gateway.upstream.transport import Fetched, UpstreamRequest

if TYPE_CHECKING:
    from gateway.upstream.client import Upstream

AFTER_S = 0.01
"""From the end of an execution on: the answer is encoded and written meanwhile."""
MOST_WAIT_S = 1.0
"""What has waited longer for its turn is compared with what has changed meanwhile."""
logger = logging.getLogger("gateway.shadow")


class ShedError(GatewayError):
    """What is left out, since clients come first.

    Args:
        reason: As metrics say it.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Allowance:
    """So much in each second: a token bucket that holds one second's.

    Args:
        per_s: What it gets.
    """

    def __init__(self, per_s: float) -> None:
        self._per_s = per_s
        self._most = self._left = max(1.0, per_s)
        self._at = 0.0

    def left(self, now: float) -> float:
        """What may be spent now."""
        self._left = min(self._most, self._left + (now - self._at) * self._per_s)
        self._at = now
        return self._left

    def spend(self, amount: float) -> None:
        """Spend: what is known only afterwards may be more than was left."""
        self._left -= amount


class Waiting(NamedTuple):
    """A comparison that is to be run, until when, and what it holds."""

    source: str
    compare: Callable[[], Awaitable[None]]
    size_bytes: int
    latest: float


class ShadowCalls:
    """The comparisons of one worker, and the sources that they ask.

    Args:
        upstream: Sources that nobody else has.
        settings: One worker's part.
        is_busy: Whether clients have more to do for a source than it takes at once, or for the worker.

    Attributes:
        settings: One worker's part.
        shed: What was left out, by reason.
        counters: What the policies decided; in no metric.
    """

    def __init__(
        self, upstream: Upstream, settings: ShadowSettings, is_busy: Callable[[str], bool]
    ) -> None:
        self.settings = settings
        self.shed: Counter[str] = Counter()
        self.counters = Counters()
        self._upstream = upstream
        self._is_busy = is_busy
        self._loop = asyncio.get_running_loop()
        self._calls = Allowance(settings.calls_per_s)
        self._bytes = Allowance(settings.bytes_per_s)
        self._coming = 0
        self._held_bytes = 0
        self._waiting: deque[Waiting] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_open = self._is_closed = False
        self._idle = asyncio.Event()
        self._idle.set()

    def follow(
        self, source: str, compare: Callable[[], Awaitable[None]], size_bytes: int = 0
    ) -> None:
        """Run a comparison when the answer has gone, or leave it out.

        Args:
            source: What it asks.
            compare: Makes its coroutine.
            size_bytes: Of the answer that it holds, about. All together hold no more than one second's bytes, but
                one of any size there may be.
        """
        is_full = self._coming + len(self._waiting) >= self.settings.max_pending
        held = self._held_bytes + size_bytes
        if is_full or (self._held_bytes and held > self.settings.bytes_per_s):
            self.shed["pending"] += 1
            return
        self._coming += 1
        self._held_bytes = held
        self._idle.clear()
        due = self._loop.time() + AFTER_S
        one = Waiting(source, compare, size_bytes, due + MOST_WAIT_S)
        self._loop.call_at(due, self._come, one, due, context=Variables())

    async def drained(self) -> None:
        """Wait until nothing is under way."""
        await self._idle.wait()

    def _come(self, one: Waiting, due: float) -> None:
        self._coming -= 1
        now = self._loop.time()
        if self._is_closed:
            self._leave_out(one, "closed")
        elif now - due > self.settings.max_lag_ms / 1000:
            self._leave_out(one, "lag")
        elif self._is_busy(one.source):
            self._leave_out(one, "busy")
        elif self._calls.left(now) < 1 or self._bytes.left(now) <= 0:
            self._leave_out(one, "budget")
        else:
            self._waiting.append(one)
        self._begin_next()

    def _leave_out(self, one: Waiting, reason: str) -> None:
        self.shed[reason] += 1
        self._held_bytes -= one.size_bytes

    def _begin_next(self) -> None:
        while self._waiting and len(self._tasks) < self.settings.max_concurrency:
            one = self._waiting.popleft()
            if self._loop.time() > one.latest or self._is_busy(one.source):
                self._leave_out(one, "busy")
                continue
            task = self._loop.create_task(self._run(one), context=Variables())
            self._tasks.add(task)
            task.add_done_callback(self._end)
        if not (self._tasks or self._waiting or self._coming):
            self._idle.set()

    def _end(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._begin_next()

    async def _run(self, one: Waiting) -> None:
        if not self._is_open:
            self._is_open = True
            await self._upstream.open()
        try:
            await one.compare()
        except ShedError as exc:
            self.shed[exc.reason] += 1
        except Exception:
            self.shed["failed"] += 1
            logger.exception("a comparison has failed; no client notices")
        finally:
            self._held_bytes -= one.size_bytes

    # What connectors ask of the sources

    async def fetch(self, request: UpstreamRequest, caller: Caller) -> Fetched:
        """As `Upstream.fetch`, within the budget. Errors: ShedError, too."""
        now = self._loop.time()
        if self._calls.left(now) < 1 or self._bytes.left(now) <= 0:
            raise ShedError("budget")
        self._calls.spend(1)
        try:
            fetched = await self._upstream.fetch(request, caller)
        except UpstreamError as exc:
            self._bytes.spend(exc.received_bytes)
            raise
        self._bytes.spend(len(fetched.body))
        return fetched

    def row_store(self, source: str | None) -> None:
        """Nothing is kept."""
        del source

    async def aclose(self) -> None:
        """End what is under way."""
        self._is_closed = True
        self._waiting.clear()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._is_open:
            await self._upstream.aclose()

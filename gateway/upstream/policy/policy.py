"""One source's policies around its transport.

    call → attempt: breaker → place in the bulkhead → transport → what the breaker learns
         ↳ again, as a retry or a hedge, within the retry budget and the deadline

`fetch` reads the whole answer, `send` gives its head with the body still on the wire. It must know nothing of GraphQL,
and of a request only whether it may be repeated.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from copy import copy
from functools import partial
from time import perf_counter
from typing import Any

from gateway.errors import UpstreamError
from gateway.telemetry.metrics import Sample
from gateway.upstream.caller import CallStats
from gateway.upstream.policy.adaptive import AdaptiveLimit
from gateway.upstream.policy.attempt_trace import add_headers, finish_timing
from gateway.upstream.policy.budget import RetryBudget
from gateway.upstream.policy.bulkhead import Places
from gateway.upstream.policy.call import (
    Answer,
    UpstreamCall,
    check_values,
    discard,
    read_whole,
    size_of,
)
from gateway.upstream.policy.counters import Counters
from gateway.upstream.policy.endpoint import Endpoint, Endpoints
from gateway.upstream.policy.hedge import race
from gateway.upstream.policy.retry import is_of_health, wait_before_next_s
from gateway.upstream.settings import SourceSettings
from gateway.upstream.transport import Fetched, Transport, UpstreamRequest, UpstreamResponse


class Policy:
    """The policies of one source. Made in the event loop that uses it.

    Args:
        name: The source's.
        settings: Its settings, one worker's part.
        transport: Sends.
        counters: Told of every decision.
        sleep, rng: Time and chance, for tests.
    """

    def __init__(
        self,
        name: str,
        settings: SourceSettings,
        transport: Transport,
        counters: Counters,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        rng: Callable[[], float] = random.random,
    ) -> None:
        self.name = name
        self.settings = settings
        self.transport = transport
        self.counters = counters
        self.budget = RetryBudget(settings.retry.budget_ratio, settings.retry.budget_min_per_s)
        self.places = Places(name, settings.max_concurrency, settings.max_pending)
        self.adaptive: AdaptiveLimit | None = None
        if settings.adaptive_concurrency.enabled:
            self.adaptive = AdaptiveLimit(settings.adaptive_concurrency, settings.max_concurrency)
            self.places.limit = self.adaptive.limit
            self.places.max_pending = 0
        self.endpoints = Endpoints(name, settings, counters)
        self._statuses = frozenset(settings.retry.statuses)
        self._sleep = sleep
        self._rng = rng
        # Asked once: before Python 3.12 each time is a system call.
        self._loop = asyncio.get_running_loop()

    def samples(self) -> Iterator[Sample]:
        """The bulkhead, and the state of the breaker that lets the least through, for metrics."""
        yield from self.places.samples()
        yield from self.endpoints.samples()

    def leave_counts(self) -> None:
        """Another takes the place of this one: it goes on from what this one has counted."""
        self.endpoints.leave_counts()

    def fetch(
        self, request: UpstreamRequest, deadline: float, stats: CallStats
    ) -> Coroutine[Any, Any, Fetched]:
        """Call, and call again where that is allowed and worth it.

        Args:
            request: What to send.
            deadline: Of the request that asks, on the event loop's clock.
            stats: What that request asked for; attempts are counted in it.

        Errors: UpstreamError of the last attempt.
        """
        endpoint = self.endpoints[request.endpoint]
        return self._attempts(UpstreamCall(request, endpoint, deadline, stats, is_whole=True), 1)

    def send(
        self, request: UpstreamRequest, deadline: float, stats: CallStats
    ) -> Coroutine[Any, Any, UpstreamResponse]:
        """The same, for an answer's head, its body still on the wire: what breaks later is not repeated."""
        endpoint = self.endpoints[request.endpoint]
        return self._attempts(UpstreamCall(request, endpoint, deadline, stats, is_whole=False), 1)

    def _attempts(self, asked: UpstreamCall, number: int) -> Coroutine[Any, Any, Any]:
        """The attempt with a number, and those that follow it; with a rival where it may get one."""
        is_hedged = self.settings.hedge.enabled and asked.request.is_read
        return self._hedged(asked, number) if is_hedged else self._attempt(asked, number)

    # One attempt

    async def _attempt(
        self, asked: UpstreamCall, number: int, *, is_hedged: bool = False, is_hedge: bool = False
    ) -> Any:
        """One call behind the breaker and in a place; how it ends is learned from.

        It is one coroutine, which answers where nothing has to be repeated: each one more costs as much as all that
        is done here. Whoever is hedged decides itself what becomes of an end that is not good.
        """
        request, endpoint, stats = asked.request, asked.endpoint, asked.stats
        begin = self._loop.time()
        if number == 1 and not is_hedge:
            self.budget.deposit(begin)
        if endpoint.breaker.state != "closed":
            self._admit(request, endpoint, begin)
        own = begin + self.settings.timeout_s
        until = asked.deadline if asked.deadline < own else own
        sent_at, timing, failed = 0.0, None, None
        try:
            waited_s = 0.0
            if not self.places.take_now():
                waited_s = await self._wait_for_place(until, begin, stats)
            try:
                stats.calls += 1
                endpoint.calls += 1
                sent_at = perf_counter()
                if stats.trace is not None:
                    timing = stats.trace.begin("call", request.endpoint)
                    if number > 1 or is_hedge:
                        timing.attempt, timing.is_hedge = number, is_hedge
                    if waited_s:
                        timing.waited_ns = int(waited_s * 1e9)
                sent = copy(request) if is_hedge else request
                left_s = until - begin - waited_s
                add_headers(sent, left_s, self.settings.deadline_header, stats.trace, timing)
                response = await self.transport.send(sent, until)
                answer: Answer = response
                if asked.is_whole:
                    most = self.settings.max_response_size_bytes
                    body = response.ready(most)
                    if body is None:
                        body = await read_whole(response, most, self.name)
                    check_values(body, self.settings, self.name)
                    answer = Fetched(response.status, response.headers, body)
                if timing is not None:
                    size = len(answer.body) if isinstance(answer, Fetched) else size_of(response)
                    timing.answer = (self.name, request.method, response.status, size)
            finally:
                self.places.give_back()
                if timing is not None:
                    finish_timing(timing)
        except UpstreamError as exc:
            # A client's own short deadline says nothing about the backend, as a cancellation does not.
            is_own = exc.code == "GATEWAY_TIMEOUT" and asked.deadline < own
            if sent_at and not is_own:
                self.counters.measure(self.name, request.endpoint, exc.code, sent_at)
            if is_own or not is_of_health(exc):
                endpoint.breaker.abandon()
            else:
                self._learn(endpoint, begin, is_failure=True)
            if is_hedged:
                raise
            failed = exc
        except BaseException:
            endpoint.breaker.abandon()
            raise
        if failed is not None:
            try:
                return await self._again(asked, number, None, failed)
            finally:
                del failed  # its traceback has this frame
        status = answer.status
        if status >= 500:
            self.counters.measure(self.name, request.endpoint, str(status), sent_at)
        elif self.counters.durations is not None:
            if endpoint.durations is None:
                endpoint.durations = self.counters.durations.of(self.name, endpoint.name, "")
            endpoint.durations.observe(perf_counter() - sent_at)
        self._learn(endpoint, begin, is_failure=status >= 500)
        if status in self._statuses and not is_hedged:
            return await self._again(asked, number, answer, None)
        return answer

    def _admit(self, request: UpstreamRequest, endpoint: Endpoint, now: float) -> None:
        """Errors: UpstreamError(CIRCUIT_BREAKER_OPEN)."""
        if not endpoint.breaker.admit(now):
            self.counters.add("breaker_refused", self.name, request.endpoint)
            raise UpstreamError(
                "CIRCUIT_BREAKER_OPEN", source=self.name, detail=request.endpoint, was_sent=False
            )

    async def _wait_for_place(self, deadline: float, begin: float, stats: CallStats) -> float:
        """Wait for one, and how long that took, seconds. Errors: UpstreamError."""
        try:
            await self.places.take(deadline)
        except UpstreamError as exc:
            exc.was_sent = False
            if exc.code == "UPSTREAM_OVERLOADED":
                self.counters.add("overloaded", self.name, "")
            raise
        finally:
            waited_s = self._loop.time() - begin
            stats.queue_wait_s += waited_s
            self.counters.queue_wait_s[self.name] += waited_s
        return waited_s

    def _learn(self, endpoint: Endpoint, begin: float, *, is_failure: bool) -> None:
        now = self._loop.time()
        took_s = now - begin
        if self.settings.circuit_breaker.enabled and endpoint.breaker.record(
            now, is_failure=is_failure, took_s=took_s
        ):
            self.counters.add("breaker_opened", self.name, endpoint.name)
        if is_failure:
            return
        if self.settings.hedge.enabled:
            endpoint.latency.record(took_s)
        if self.adaptive is not None:
            self.adaptive.record(now, took_s)
            self.places.limit = self.adaptive.limit
            self.places.wake()

    # Asking again

    async def _again(
        self, asked: UpstreamCall, attempt: int, answer: Answer | None, error: UpstreamError | None
    ) -> Any:
        """The answer after an attempt that was not good: of another one, or as it is. Errors: UpstreamError."""
        request, now = asked.request, self._loop.time()
        if error is not None:
            attempt += error.sends - 1
        wait_s = wait_before_next_s(self.settings.retry, attempt, request, answer, error, self._rng)
        if wait_s is None or now + wait_s >= asked.deadline or not self._withdraw(request, now):
            if answer is None:
                assert error is not None, "an attempt ends with an answer or an error"
                raise error
            return answer
        if answer is not None:
            await discard(answer)
        request.is_again = error is not None
        asked.stats.retries += 1
        self.counters.add("retry", self.name, request.endpoint)
        await self._sleep(wait_s)
        return await self._attempts(asked, attempt + 1)

    def _withdraw(self, request: UpstreamRequest, now: float) -> bool:
        if self.budget.withdraw(now):
            return True
        self.counters.add("retry_refused", self.name, request.endpoint)
        return False

    async def _hedged(self, asked: UpstreamCall, number: int) -> Any:
        """An attempt that may get a rival, and what becomes of its end. Errors: UpstreamError."""
        once = partial(self._attempt, asked, number, is_hedged=True)
        after_s = asked.endpoint.latency.percentile_s

        def begin_rival() -> Coroutine[Any, Any, Answer] | None:
            if not self._withdraw(asked.request, self._loop.time()):
                return None
            asked.stats.hedges += 1
            self.counters.add("hedge", self.name, asked.request.endpoint)
            return once(is_hedge=True)

        try:
            if after_s is None:
                answer = await once()
            else:
                after_s = max(after_s, self.settings.hedge.min_delay_s)
                winner, is_rival = await race(once(), begin_rival, after_s)
                if is_rival:
                    self.counters.add("hedge_won", self.name, asked.request.endpoint)
                answer = winner.result()
        except UpstreamError as exc:
            return await self._again(asked, number, None, exc)
        if answer.status in self._statuses:
            return await self._again(asked, number, answer, None)
        return answer

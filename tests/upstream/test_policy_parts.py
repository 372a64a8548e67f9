"""The parts of the policies by themselves, on a clock of the test."""

from __future__ import annotations

import asyncio
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import UpstreamError
from gateway.upstream.policy.adaptive import AdaptiveLimit
from gateway.upstream.policy.breaker import CircuitBreaker
from gateway.upstream.policy.budget import RetryBudget
from gateway.upstream.policy.bulkhead import Places
from gateway.upstream.policy.counters import Counters
from gateway.upstream.policy.endpoint import Endpoints
from gateway.upstream.policy.latency import Latency
from gateway.upstream.settings import (
    AdaptiveConcurrencySettings,
    CircuitBreakerSettings,
    SourceSettings,
)


@given(st.lists(st.tuples(st.floats(0, 3), st.booleans()), max_size=300))
def test_retries_never_exceed_their_part_of_any_ten_seconds(
    steps: list[tuple[float, bool]],
) -> None:
    budget = RetryBudget(0.2, 1)
    now = 0.0
    firsts: list[float] = []
    retries: list[float] = []
    for wait_s, is_retry in steps:
        now += wait_s
        if not is_retry:
            budget.deposit(now)
            firsts.append(now)
        elif budget.withdraw(now):
            retries.append(now)
            recent = [t for t in retries if int(t) > int(now) - 10]
            earned = [t for t in firsts if int(t) > int(now) - 10]
            assert len(recent) <= max(0.2 * len(earned), 10)


def test_the_floor_is_there_without_any_load() -> None:
    budget = RetryBudget(0.2, 0.5)
    assert [budget.withdraw(100.0) for _ in range(6)] == [True] * 5 + [False]
    assert budget.withdraw(111.0)


def breaker(**settings: Any) -> CircuitBreaker:
    return CircuitBreaker(CircuitBreakerSettings(**settings))


def state(made: CircuitBreaker) -> str:
    return made.state


def call(made: CircuitBreaker, now: float, *, bad: bool = False, took_s: float = 0.01) -> bool:
    if not made.admit(now):
        return False
    made.record(now, is_failure=bad, took_s=took_s)
    return True


def test_a_breaker_opens_at_its_share_of_failures_and_not_before_enough_calls() -> None:
    made = breaker(request_threshold=10, error_threshold_percentage=50)
    for n in range(9):
        call(made, n * 0.1, bad=True)
    assert state(made) == "closed"
    call(made, 1.0, bad=True)
    assert state(made) == "open"
    assert not call(made, 1.1)
    assert made.opened == 1


def test_failures_leave_the_window() -> None:
    made = breaker(request_threshold=10, rolling_duration_s=10, num_buckets=10)
    for _ in range(9):
        call(made, 0.5, bad=True)
    for n in range(20):
        assert call(made, 11.0 + n * 0.01, bad=n == 0)
    assert state(made) == "closed"


def test_slow_calls_open_it_too() -> None:
    made = breaker(request_threshold=5, slow_call_duration_s=1.0, slow_threshold_percentage=80)
    for _ in range(5):
        call(made, 0.0, took_s=2.0)
    assert state(made) == "open"


def test_probes_close_it_or_open_it_again() -> None:
    made = breaker(
        request_threshold=1, sleep_window_s=5, half_open_attempts=2, required_successful=3
    )
    call(made, 0.0, bad=True)
    assert made.admit(5.0)
    assert made.admit(5.0)
    assert not made.admit(5.0)  # two at a time
    made.record(5.1, is_failure=False, took_s=0.1)
    made.record(5.1, is_failure=True, took_s=0.1)
    assert state(made) == "open"
    for _ in range(3):
        assert state(made) != "closed"
        assert call(made, 10.2)
    assert state(made) == "closed"


def test_an_abandoned_probe_gives_its_turn_back() -> None:
    made = breaker(request_threshold=1, half_open_attempts=1)
    call(made, 0.0, bad=True)
    assert made.admit(6.0)
    assert not made.admit(6.0)
    made.abandon()
    assert made.admit(6.0)


def test_the_limit_follows_the_latency() -> None:
    limit = AdaptiveLimit(AdaptiveConcurrencySettings(window_s=0.0, window_requests=10), most=200)

    clock = count()

    def windows(number: int, took_s: float) -> None:
        for _ in range(number * 10):
            limit.record(float(next(clock)), took_s)

    windows(20, 0.01)
    assert limit.limit == 200
    windows(5, 0.05)
    assert limit.limit < 60
    windows(30, 0.05)
    assert limit.limit <= 60
    windows(20, 0.01)
    assert limit.limit > 100


def test_the_least_latency_is_measured_again() -> None:
    """A backend that became slower for good is not starved."""
    settings = AdaptiveConcurrencySettings(window_s=0.0, window_requests=5, remeasure_windows=10)
    limit = AdaptiveLimit(settings, most=100)
    for n in range(5 * 9):
        limit.record(float(n), 0.01)
    highest = 0
    for n in range(5 * 9, 5 * 60):
        limit.record(float(n), 0.2)
        if n > 5 * 30:
            highest = max(highest, limit.limit)
    assert highest > 20


def test_the_percentile_of_the_last_calls() -> None:
    latency = Latency(95)
    for _ in range(31):
        latency.record(0.01)
    before = latency.percentile_s
    assert before is None
    for n in range(33):
        latency.record(1.0 if n < 5 else 0.01)
    assert latency.percentile_s == 1.0
    for _ in range(128):
        latency.record(0.02)
    assert latency.percentile_s == 0.02


async def test_places_are_given_in_order_and_no_more_wait_than_may() -> None:
    places = Places("s", 1, 2)
    later = asyncio.get_running_loop().time() + 60
    assert places.take_now()
    order: list[str] = []

    async def use(name: str) -> None:
        await places.take(later)
        order.append(name)
        places.give_back()

    first, second = asyncio.create_task(use("a")), asyncio.create_task(use("b"))
    await asyncio.sleep(0)
    with pytest.raises(UpstreamError) as caught:
        await places.take(later)
    assert caught.value.code == "UPSTREAM_OVERLOADED"
    assert not places.take_now()
    places.give_back()
    await asyncio.gather(first, second)
    assert order == ["a", "b"]
    assert (places.in_use, places.pending) == (0, 0)


async def test_a_place_that_came_with_the_cancellation_is_given_back() -> None:
    places = Places("s", 1, 10)
    assert places.take_now()
    waiting = asyncio.create_task(places.take(asyncio.get_running_loop().time() + 60))
    await asyncio.sleep(0)
    places.give_back()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert places.in_use == 0
    gone = asyncio.create_task(places.take(0.0))
    places.in_use = 1
    with pytest.raises(UpstreamError) as caught:
        await gone
    assert caught.value.code == "GATEWAY_TIMEOUT"
    assert places.pending == 0


def test_endpoints_past_the_bound_are_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.upstream.policy.endpoint.MAX_ENDPOINTS", 2)
    endpoints = Endpoints("s", SourceSettings(), Counters())
    made = [endpoints[name] for name in ("a", "b", "c", "d", "a")]
    assert [endpoint.name for endpoint in made] == ["a", "b", "", "", "a"]
    assert made[2] is made[3]
    assert made[0] is made[4]

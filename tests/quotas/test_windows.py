"""The arithmetic of quotas, and their store in a worker's memory: time is given."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.quotas.compiled import compile_windows
from gateway.quotas.local import LocalWindows
from gateway.quotas.quotas import header_lines
from gateway.quotas.settings import QuotaPolicy, WindowSettings
from gateway.quotas.windows import refunds_s, windows_of


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def policy(*windows: WindowSettings) -> QuotaPolicy:
    return QuotaPolicy(windows=windows)


BURST = WindowSettings(requests=3, seconds=6)
HOUR = WindowSettings(cost=100, seconds=3600)


def test_a_whole_quota_at_once_and_then_as_much_as_comes_back() -> None:
    clock = Clock()
    store, windows = LocalWindows(clock=clock), windows_of(policy(BURST))
    assert [store.take("a", windows, 1, 0).is_admitted for _ in range(4)] == [True] * 3 + [False]
    refused = store.take("a", windows, 1, 0)
    assert refused.tightest.wait_s == pytest.approx(2.0)
    clock.now += 2.0
    assert store.take("a", windows, 1, 0).is_admitted
    assert not store.take("a", windows, 1, 0).is_admitted
    clock.now += 6.0
    assert [store.take("a", windows, 1, 0).is_admitted for _ in range(4)] == [True] * 3 + [False]


def test_what_one_window_refuses_no_window_counts() -> None:
    clock = Clock()
    store, windows = LocalWindows(clock=clock), windows_of(policy(BURST, HOUR))
    assert not store.take("a", windows, 1, 101).is_admitted
    verdict = store.take("a", windows, 1, 100)
    assert verdict.is_admitted
    assert [state.window.left(state.ahead_s) for state in verdict.states] == [2, 0]
    refused = store.take("a", windows, 1, 1)
    assert refused.tightest.window.title == "cost-3600"
    assert [state.window.left(state.ahead_s) for state in refused.states] == [2, 0]


def test_what_was_not_needed_comes_back() -> None:
    clock = Clock()
    store, windows = LocalWindows(clock=clock), windows_of(policy(BURST, HOUR))
    assert store.take("a", windows, 1, 100).is_admitted
    store.give_back("a", windows, refunds_s(windows, 100, 40, 0))
    assert store.take("a", windows, 1, 60).is_admitted
    assert not store.take("a", windows, 1, 1).is_admitted
    store.give_back(
        "a", windows, refunds_s(windows, 60, 70, 0)
    )  # it has cost more than was thought
    clock.now += 36 * 10
    assert not store.take("a", windows, 1, 1).is_admitted


def test_what_has_come_back_by_itself_is_not_given_back_once_more() -> None:
    """Slow operations that turn out to have cost nothing, and end together, give their client no quota for each."""
    clock = Clock()
    window = WindowSettings(cost=100, seconds=2)
    store, windows = LocalWindows(clock=clock), windows_of(policy(window))
    begun = []
    for _ in range(4):
        assert store.take("a", windows, 1, 100).is_admitted
        begun.append(clock.now)
        clock.now += 2.05
    admitted = 0
    for at in begun:
        store.give_back("a", windows, refunds_s(windows, 100, 0, clock.now - at))
        while store.take("a", windows, 1, 50).is_admitted:
            admitted += 50
    assert admitted == 100


@given(st.lists(st.tuples(st.floats(0, 3), st.integers(0, 3), st.integers(1, 60)), max_size=40))
def test_refunds_never_admit_more_than_the_quota(
    steps: list[tuple[float, int, int]],
) -> None:
    """Whatever is reserved and given back in whatever order: what it has really cost fits into the quota."""
    clock = Clock()
    window = WindowSettings(cost=100, seconds=10)
    store, windows = LocalWindows(clock=clock), windows_of(policy(window))
    held: list[tuple[float, int, int]] = []
    begin, cost = clock.now, 0
    for wait_s, ends, estimate in steps:
        clock.now += wait_s
        for _ in range(min(ends, len(held))):
            at, reserved, real = held.pop(0)
            back = refunds_s(windows, reserved, real, clock.now - at)
            store.give_back("a", windows, back)
        if store.take("a", windows, 1, estimate).is_admitted:
            real = estimate // 3
            held.append((clock.now, estimate, real))
            cost += real
        assert cost <= 100 + (clock.now - begin) * 10 + 1e-6


@given(st.lists(st.tuples(st.floats(0, 400), st.integers(0, 120)), max_size=30), st.integers(1, 4))
def test_the_compiled_windows_decide_as_the_arithmetic_does(
    demands: list[tuple[float, int]], workers: int
) -> None:
    settings = policy(BURST, HOUR)
    windows = windows_of(settings, workers)
    compiled = compile_windows(windows, header_lines(settings), "test")
    clock = Clock()
    store, plain = LocalWindows(clock=clock), LocalWindows(clock=clock)
    for wait_s, cost in demands:
        clock.now += wait_s
        moved = compiled.take(store.back_at, "a", cost, clock.now)
        verdict = plain.take("a", windows, 1, cost)
        if moved is None:  # new, or more than fits: then the arithmetic decides
            decided = store.take("a", windows, 1, cost)
            assert decided.is_admitted == verdict.is_admitted
            assert decided.ahead_s == pytest.approx(verdict.ahead_s)
        else:
            assert verdict.is_admitted
            ahead_s = [at - clock.now for at in moved]
            assert ahead_s == pytest.approx(verdict.ahead_s)
        back_at = [clock.now + ahead for ahead in verdict.ahead_s]
        told = compiled.tell(back_at, clock.now).decode()
        for window, at in zip(windows, back_at, strict=True):
            ahead = at - clock.now
            assert f'"{window.title}";r={window.left(ahead)};t={math.ceil(ahead)}' in told


def test_more_than_a_whole_quota_is_never_admitted() -> None:
    store, windows = LocalWindows(), windows_of(policy(HOUR))
    assert math.isinf(store.take("a", windows, 1, 101).tightest.wait_s)


def test_a_share_that_is_less_than_one_demand_lets_it_in_when_nothing_is_used() -> None:
    clock = Clock()
    store, shares = LocalWindows(clock=clock), windows_of(policy(HOUR), workers=4)
    assert store.take("a", shares, 1, 80).is_admitted
    assert not store.take("a", shares, 1, 80).is_admitted
    clock.now += 80 / 25 * 3600 - 1
    assert not store.take("a", shares, 1, 80).is_admitted
    clock.now += 2
    assert not store.take("a", shares, 1, 101).is_admitted
    assert store.take("a", shares, 1, 80).is_admitted


def test_clients_do_not_share_and_invented_ones_take_no_room() -> None:
    store, windows = LocalWindows(max_clients=10), windows_of(policy(BURST))
    for number in range(1_000):
        assert store.take(f"client-{number}", windows, 1, 0).is_admitted
    assert len(store) == 10


def test_who_has_used_up_its_quota_is_not_forgotten_for_others() -> None:
    clock = Clock()
    store, hour = LocalWindows(max_clients=10, clock=clock), windows_of(policy(HOUR))
    assert store.take("partner", hour, 1, 100).is_admitted
    for number in range(100):
        clock.now += 7
        assert store.take(f"stranger-{number}", windows_of(policy(BURST)), 3, 0).is_admitted
    assert len(store) == 10
    assert not store.take("partner", hour, 1, 50).is_admitted


@given(st.lists(st.tuples(st.floats(0, 5), st.integers(1, 3)), max_size=60))
def test_no_window_admits_more_than_its_quota_and_what_came_back(
    demands: list[tuple[float, int]],
) -> None:
    clock = Clock()
    store, windows = LocalWindows(clock=clock), windows_of(policy(BURST))
    begin, admitted = clock.now, 0
    for wait_s, requests in demands:
        clock.now += wait_s
        if store.take("a", windows, requests, 0).is_admitted:
            admitted += requests
        assert admitted <= 3 + (clock.now - begin) / 2 + 1e-6

"""What a process tells of itself: time is injected."""

from __future__ import annotations

import asyncio

from gateway.telemetry.catalogue import GC_COLLECTED, GC_COLLECTIONS, LOOP_LAG, MEMORY, WORKERS
from gateway.telemetry.process import TICK_S, WINDOW_S, LoopLag, read_process


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


async def lag_of(clock: Clock) -> LoopLag:
    lag = LoopLag(clock)
    lag.start()
    lag.stop()  # the test is the timer
    return lag


def worst(lag: LoopLag) -> float:
    ((metric, labels, value),) = lag.read()
    assert (metric, labels) == (LOOP_LAG, ())
    assert isinstance(value, float)
    return round(value, 6)


async def test_a_timer_that_comes_late_is_lag_and_one_in_time_is_none() -> None:
    clock = Clock()
    lag = await lag_of(clock)
    clock.now += TICK_S
    lag.measure()
    assert worst(lag) == 0
    clock.now += 0.3
    lag.measure()
    assert worst(lag) == 0.3


async def test_the_worst_is_kept_for_a_window_and_not_for_ever() -> None:
    clock = Clock()
    lag = LoopLag(clock)
    lag.start()
    clock.now += TICK_S + 0.2
    lag.measure()
    for _ in range(2):
        assert worst(lag) == 0.2
        assert worst(lag) == 0.2  # reading takes nothing away
        clock.now += WINDOW_S
        lag.stop()
        lag._due = clock.now  # as the timer sets it
        lag.measure()
    lag.stop()
    assert worst(lag) == 0


async def test_a_blocked_loop_is_seen_by_the_timer_itself() -> None:
    clock = Clock()
    lag = LoopLag(clock)
    lag.start()
    clock.now += TICK_S + 0.7
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    loop.call_later(TICK_S * 1.5, done.set_result, None)
    await done
    lag.stop()
    assert worst(lag) == 0.7


def test_memory_and_garbage_collection() -> None:
    found: dict[str, float] = {}
    for metric, labels, value in read_process():
        assert isinstance(value, int | float)
        found[metric.name + "".join(labels)] = value
    assert found[MEMORY.name] > 10_000_000
    assert found[WORKERS.name] == 1
    assert all(f"{GC_COLLECTIONS.name}{n}" in found for n in "012")
    assert all(f"{GC_COLLECTED.name}{n}" in found for n in "012")

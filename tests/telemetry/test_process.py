"""What a process tells of itself: time is injected."""

from __future__ import annotations

import asyncio
import platform
import time
from pathlib import Path

import pytest

from gateway.telemetry.catalogue import (
    BUILD_INFO,
    CPU,
    GC_COLLECTED,
    GC_COLLECTIONS,
    LOOP_LAG,
    MAX_FDS,
    MEMORY,
    OPEN_FDS,
    START_TIME,
    WORKERS,
)
from gateway.telemetry.process import (
    REVISION,
    TICK_S,
    WINDOW_S,
    LoopLag,
    build_labels,
    memory_limit_bytes,
    process_samples,
)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


async def lag_of(clock: Clock) -> LoopLag:
    lag = LoopLag(clock)
    lag.begin_sampling()
    lag.stop()  # the test is the timer
    return lag


def worst(lag: LoopLag) -> float:
    ((metric, labels, value),) = lag.samples()
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
    lag.begin_sampling()
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
    lag.begin_sampling()
    clock.now += TICK_S + 0.7
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    loop.call_later(TICK_S * 1.5, done.set_result, None)
    await done
    lag.stop()
    assert worst(lag) == 0.7


def test_memory_and_garbage_collection() -> None:
    found: dict[str, float] = {}
    for metric, labels, value in process_samples():
        assert isinstance(value, int | float)
        found[metric.name + "".join(labels)] = value
    assert found[MEMORY.name] > 10_000_000
    assert found[WORKERS.name] == 1
    assert all(f"{GC_COLLECTIONS.name}{n}" in found for n in "012")
    assert all(f"{GC_COLLECTED.name}{n}" in found for n in "012")
    assert found[CPU.name] > 0
    assert 0 < found[OPEN_FDS.name] < found[MAX_FDS.name]
    assert time.time() - 86_400 < found[START_TIME.name] <= time.time()


def test_what_was_built_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(REVISION, "0123456789ab")
    build_labels.cache_clear()
    ((labels, value),) = [
        (at, value) for metric, at, value in process_samples() if metric is BUILD_INFO
    ]
    build_labels.cache_clear()
    version, revision, python = labels
    assert version[0].isdigit()
    assert (revision, python, value) == ("0123456789ab", platform.python_version(), 1)


def test_the_memory_that_a_container_may_have(tmp_path: Path) -> None:
    first, second = tmp_path / "memory.max", tmp_path / "memory.limit_in_bytes"
    assert memory_limit_bytes((first, second)) is None
    second.write_text("9223372036854771712\n")  # version 1 without a limit
    assert memory_limit_bytes((first, second)) is None
    second.write_text("1073741824\n")
    assert memory_limit_bytes((first, second)) == 1 << 30
    first.write_text("max\n")
    assert memory_limit_bytes((first,)) is None
    first.write_text("536870912\n")
    assert memory_limit_bytes((first, second)) == 512 << 20

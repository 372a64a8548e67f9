"""CPU time of calls, in interleaved pairs whose order alternates: what slows the machine slows both."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable
from inspect import isawaitable
from typing import Any

SAMPLE_S = 0.02
RUNNER = asyncio.Runner()
"""One loop for everything: what is timed may live on it."""


Timer = Callable[[Callable[[], Any], int], float]
"""Gives the CPU seconds of one call, over so many of them."""


def measure(
    first: Callable[[], Any],
    second: Callable[[], Any],
    pairs: int,
    sample_s: float = SAMPLE_S,
    timer: Timer | None = None,
) -> tuple[list[float], list[float]]:
    """CPU seconds of one call of each, sampled in turns; `timer` is `timed`, where none is given."""
    timer = timer or timed
    calls = [calls_for(first, sample_s, timer), calls_for(second, sample_s, timer)]
    samples: tuple[list[float], list[float]] = ([], [])
    for number in range(pairs):
        for which in (0, 1) if number % 2 else (1, 0):
            samples[which].append(timer((first, second)[which], calls[which]))
    return samples


def calls_for(run: Callable[[], Any], sample_s: float, timer: Timer) -> int:
    """How many calls fill a sample. Warms up on the way."""
    timer(run, 3)
    return max(1, int(sample_s / max(timer(run, 3), 1e-7)))


def timed(run: Callable[[], Any], calls: int) -> float:
    """CPU seconds of one call, over `calls` of them; awaited inside one running loop."""

    async def all_calls() -> float:
        start = time.process_time()
        for _ in range(calls):
            result = run()
            if isawaitable(result):
                await result
        return (time.process_time() - start) / calls

    gc.collect()
    return RUNNER.run(all_calls())

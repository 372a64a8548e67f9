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


def measure(
    first: Callable[[], Any], second: Callable[[], Any], pairs: int
) -> tuple[list[float], list[float]]:
    """CPU seconds of one call of each, sampled in turns."""
    calls = [calls_for(first), calls_for(second)]
    samples: tuple[list[float], list[float]] = ([], [])
    for number in range(pairs):
        for which in (0, 1) if number % 2 else (1, 0):
            samples[which].append(timed((first, second)[which], calls[which]))
    return samples


def calls_for(run: Callable[[], Any]) -> int:
    """How many calls fill a sample. Warms up on the way."""
    timed(run, 3)
    return max(1, int(SAMPLE_S / max(timed(run, 3), 1e-7)))


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

"""Execution alone: compiled plans beside graphql-core and beside the same thing written by hand.

Every answer is asserted before it is timed. `pytest benchmarks/micro/test_execution.py`; for ratios that
are to be claimed use `python -m benchmarks.micro.paired`, which pins a core and pairs its samples.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from inspect import isawaitable
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.micro.cases import CASES, check

WHO = ("graphql-core", "compiled", "by hand")


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("make", CASES, ids=lambda make: make().name)
def test_execution(make: Callable[[], Any], who: str, benchmark: BenchmarkFixture) -> None:
    case = make()
    check(case)
    benchmark.group = case.name
    run = {"graphql-core": case.core, "compiled": case.ours, "by hand": case.by_hand}[who]

    async def once() -> Any:
        result = run()
        return await result if isawaitable(result) else result

    with asyncio.Runner() as runner:
        awaited = isawaitable(probe := run())
        if isawaitable(probe):
            runner.run(_finish(probe))
        benchmark(lambda: runner.run(once())) if awaited else benchmark(run)


async def _finish(awaitable: Any) -> Any:
    return await awaitable

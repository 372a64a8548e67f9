"""Finding a plan: by the exact text, by a text with new literals, and making it; and what plans weigh.

Each asserts what it found before it is timed. `pytest benchmarks/micro/test_plan_lookup.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from graphql import parse
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.micro.lookups import (
    compile_and_validate,
    document,
    exact_lookup,
    memory_of_plans,
    normalised_lookup,
)
from gateway.plan.cache import BYTES_PER_CHARACTER, BYTES_PER_ENTRY


@pytest.mark.parametrize(
    ("make", "calls"), [(exact_lookup, 50_000), (normalised_lookup, 20_000)], ids=["exact text", "new literals"]
)  # fmt: skip
def test_lookup(
    make: Callable[[], Callable[[], Any]], calls: int, benchmark: BenchmarkFixture
) -> None:
    benchmark.group = "plan lookup, 600 bytes"
    benchmark.pedantic(make(), rounds=calls // 100, iterations=50)  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("what", ["compile", "validate", "parse"])
def test_making_a_plan(what: str, benchmark: BenchmarkFixture) -> None:
    benchmark.group = "a miss, 600 bytes"
    compile_plan, validate = compile_and_validate()
    text = document(0)
    benchmark({"compile": compile_plan, "validate": validate, "parse": lambda: parse(text)}[what])


def test_the_estimate_of_a_plans_memory_is_not_too_low() -> None:
    """The cache is bounded by estimates: they may not be below half of what plans take."""
    estimate = BYTES_PER_ENTRY + BYTES_PER_CHARACTER * len(document(0))
    assert memory_of_plans(50) < 2 * estimate

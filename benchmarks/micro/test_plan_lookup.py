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
    normalised_lookup,
)


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

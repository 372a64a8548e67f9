"""Compiled plans against the reference, over random schemas, documents and variables.

The seeds are fixed, so a difference here is everybody's; `make fuzz` draws others until stopped.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from itertools import islice

import pytest

from gateway.codegen import first_rows
from tests.differential.cases import WORLD_SIZE, Tally, check_case, make_cases
from tests.differential.shared import check_shared

CHUNKS = 10
CASES = 1_000

# The reference leaves coroutines alone when an error has nulled what they belong to; collected at a bad
# moment (inside a namedtuple's constructor, which has no builtins) even the warning fails.
pytestmark = [
    pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(autouse=True)
def _left_coroutines() -> Iterator[None]:
    yield
    gc.collect()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_compiled_plans_answer_as_the_reference_does(
    chunk: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Data and errors, cold and cached, awaited or not; and texts with other literals on one plan.

    Odd chunks complete the first rows without generated functions.
    """
    monkeypatch.setattr(first_rows, "MOST_ROWS", 4 if chunk % 2 else -1)
    tally = Tally()
    differences = []
    for case in islice(make_cases(chunk * 1_000 * WORLD_SIZE), CASES * 3 // 2 // CHUNKS):
        difference = check_case(case, tally)
        if difference is None:
            shared = check_shared(case, tally)
            difference = shared and shared[0]
        if difference is not None:
            differences.append(f"world {case.world}: {difference}\n{case}")
    with capsys.disabled():
        print(f"\n{tally.line()}")
    assert differences == []
    assert tally.fallbacks == 0
    assert tally.cases > CASES // CHUNKS

"""Exact completion alone against the reference: with every cheap test made to fail, nothing is left to the fast path.

Together with `test_differential` this holds the fast path against exact completion: both equal the reference.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from itertools import islice

import pytest

from gateway.codegen import emit_values
from gateway.codegen.emit_values import ValueEmitter
from tests.differential.cases import WORLD_SIZE, Tally, check_case, make_cases

CASES = 400

pytestmark = [
    pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def only_exact(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Emit code in which no value and no row is ever what is expected."""
    never = dict.fromkeys(emit_values.TESTS, "False and {v}")
    monkeypatch.setattr(emit_values, "TESTS", never)
    monkeypatch.setattr(ValueEmitter, "row_test", lambda _self, _selection, _var: "False")
    yield
    gc.collect()


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("only_exact")
def test_exact_completion_answers_as_the_reference_does() -> None:
    tally = Tally()
    differences = [
        f"world {case.world}: {difference}\n{case}"
        for case in islice(make_cases(500_000 * WORLD_SIZE), CASES)
        if (difference := check_case(case, tally)) is not None
    ]
    assert differences == []
    assert tally.cases > CASES // 2

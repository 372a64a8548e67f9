"""Exact completion alone against the reference: with every cheap test made to fail, nothing is left to the fast path.

Together with `test_differential` this holds the fast path against exact completion: both equal the reference.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from itertools import islice

import pytest

from gateway.codegen import expressions
from gateway.codegen.functions import FunctionWriter
from gateway.runtime.bound import BoundSelection
from gateway.runtime.forms import RowForm, RowObserver
from tests.differential.cases import WORLD_SIZE, Tally, check_case, make_cases

CASES = 400

pytestmark = [
    pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def only_exact(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Emit code in which no value and no row is ever what is expected."""
    expecting = RowObserver.__init__

    def expect_nothing(observer: RowObserver, selection: BoundSelection, expected: RowForm) -> None:
        expecting(observer, selection, expected)
        observer.classes = frozenset()

    never = dict.fromkeys(expressions.TESTS, "({read}) is None and False")
    monkeypatch.setattr(expressions, "TESTS", never)
    monkeypatch.setattr(FunctionWriter, "row_class", lambda *_: "object")
    monkeypatch.setattr(RowObserver, "__init__", expect_nothing)
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

from __future__ import annotations

import pytest

from benchmarks.load.openloop import percentile, summary
from benchmarks.stats import fitted_exponent, median_of_ratios


def test_the_interval_of_twenty_pairs_leaves_out_five_at_each_end() -> None:
    # P(Binomial(20, 1/2) <= 5) = 2.07 %, of 6: 5.8 %.
    found = median_of_ratios([float(n) for n in range(1, 21)], [1.0] * 20)
    assert (found.median, found.low, found.high) == (10.5, 6.0, 15.0)


def test_few_pairs_have_their_whole_range_as_interval() -> None:
    found = median_of_ratios([2.0, 4.0, 3.0], [1.0, 1.0, 1.0])
    assert (found.median, found.low, found.high, found.pairs) == (3.0, 2.0, 4.0, 3)


@pytest.mark.parametrize(("first", "second"), [([1.0], [1.0, 2.0]), ([], [])])
def test_series_must_be_paired(first: list[float], second: list[float]) -> None:
    with pytest.raises(ValueError, match="must be paired"):
        median_of_ratios(first, second)


@pytest.mark.parametrize(("target", "verdict"), [(3.0, "met"), (0.5, "missed"), (1.5, "not distinguishable")])  # fmt: skip
def test_a_verdict_is_given_by_the_whole_interval(target: float, verdict: str) -> None:
    assert median_of_ratios([1.0, 2.0, 3.0], [1.0] * 3).verdict(target) == verdict


def test_the_exponent_of_a_power_law_is_found() -> None:
    points = [(n, 3.0 * n**1.25) for n in (10.0, 100.0, 1000.0)]
    assert fitted_exponent(points) == pytest.approx(1.25)


def test_one_amount_of_work_has_no_exponent() -> None:
    with pytest.raises(ValueError, match="two different amounts"):
        fitted_exponent([(10.0, 1.0), (10.0, 2.0)])


def test_percentiles_are_nearest_ranks() -> None:
    ordered = [float(n) for n in range(1, 101)]
    assert [percentile(ordered, at) for at in (50.0, 99.0, 99.9)] == [50.0, 99.0, 100.0]


def test_what_was_not_answered_is_counted_and_not_in_the_histogram() -> None:
    found = summary([0.002, 0.001], total=5)
    assert (found.answered, found.unanswered) == (2, 3)
    assert found.latencies_ms[0] == 1.0
    assert summary([], total=5).latencies_ms == []

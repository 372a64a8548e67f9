"""Medians of paired ratios, and what may be said of them."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Interval:
    """The median of paired ratios with its 95 % confidence interval.

    Attributes:
        median: Of the ratios.
        low, high: Order statistics of the sign test: no assumption about the noise's shape. Of fewer than six pairs
            they are the range, which holds less often.
        pairs: How many ratios.
    """

    median: float
    low: float
    high: float
    pairs: int

    def __str__(self) -> str:
        return f"{self.median:.3f} [{self.low:.3f}..{self.high:.3f}]"

    def verdict(self, target: float) -> str:
        """Whether the ratio is at most `target`: "met", "missed" or "not distinguishable"."""
        if self.high <= target:
            return "met"
        return "missed" if self.low > target else "not distinguishable"


def median_of_ratios(first: Sequence[float], second: Sequence[float]) -> Interval:
    """The median of `first[i] / second[i]`. Errors: ValueError for unpaired or no samples."""
    if len(first) != len(second) or not first:
        raise ValueError("the two series must be paired and not empty")
    ratios = sorted(a / b for a, b in zip(first, second, strict=True))
    count = len(ratios)
    # The largest k with P(Binomial(n, 1/2) < k) <= 2.5 %.
    below, rank = 0.0, 0
    while rank < count // 2:
        below += math.comb(count, rank) / 2**count
        if below > 0.025:
            break
        rank += 1
    rank = max(rank, 1)
    return Interval(statistics.median(ratios), ratios[rank - 1], ratios[count - rank], count)


def fitted_exponent(points: Sequence[tuple[float, float]]) -> float:
    """The k of `cost = c * work ** k`, by least squares over the logarithms.

    Errors: ValueError for fewer than two different amounts of work.
    """
    xs, ys = [math.log(x) for x, _ in points], [math.log(y) for _, y in points]
    if len(set(xs)) < 2:
        raise ValueError("an exponent needs two different amounts of work")
    return statistics.linear_regression(xs, ys).slope

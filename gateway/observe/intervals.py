"""Intervals of confidence for shares and means, and whether clients were drawn as they should have been. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist, fmean, variance
from typing import NamedTuple


class Interval(NamedTuple):
    """What was found, and between what it lies."""

    value: float
    low: float
    high: float

    @property
    def has_zero(self) -> bool:
        """Whether it may as well be nothing."""
        return self.low <= 0 <= self.high


def _quantile(confidence: float) -> float:
    return NormalDist().inv_cdf((1 + confidence) / 2)


def share(count: int, whole: int, confidence: float = 0.95) -> Interval:
    """A share, by the score interval.

    Source: Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927).
    """
    if not whole:
        return Interval(math.nan, 0.0, 1.0)
    z, p = _quantile(confidence), count / whole
    middle = (p + z * z / (2 * whole)) / (1 + z * z / whole)
    half = z / (1 + z * z / whole) * math.sqrt(p * (1 - p) / whole + z * z / (4 * whole * whole))
    low = max(0.0, middle - half) if count else 0.0
    return Interval(p, low, min(1.0, middle + half) if count < whole else 1.0)


def difference_of_shares(
    new: tuple[int, int], old: tuple[int, int], confidence: float = 0.95
) -> Interval:
    """How much larger the share of `new` is, each a count of a whole.

    Source: Newcombe, "Interval estimation for the difference between independent proportions", Statistics in Medicine
        17 (1998), method 10.
    """
    one, two = share(*new, confidence), share(*old, confidence)
    found = one.value - two.value
    low = found - math.hypot(one.value - one.low, two.high - two.value)
    high = found + math.hypot(one.high - one.value, two.value - two.low)
    return Interval(found, low, high)


def mean(values: Sequence[float], confidence: float = 0.95) -> Interval:
    """A mean, by the normal approximation: for tens of values and more."""
    if len(values) < 2:
        return Interval(fmean(values) if values else math.nan, -math.inf, math.inf)
    # In parts of the largest: the squares of large numbers are no floats.
    unit = max(map(abs, values)) or 1.0
    parts = [value / unit for value in values]
    half = _quantile(confidence) * math.sqrt(variance(parts) / len(parts)) * unit
    found = fmean(parts) * unit
    return Interval(found, found - half, found + half)


def difference_of_means(
    new: Sequence[float], old: Sequence[float], confidence: float = 0.95
) -> Interval:
    """How much larger the mean of `new` is; the variances need not be equal.

    Source: Welch, "The generalization of Student's problem when several different population variances are involved",
        Biometrika 34 (1947), with the normal in place of the t distribution.
    """
    one, two = mean(new, confidence), mean(old, confidence)
    found = one.value - two.value
    half = math.hypot(one.high - one.value, two.high - two.value)
    return Interval(found, found - half, found + half)


def chance_of_split(counts: Sequence[int], weights: Sequence[float]) -> float:
    """How likely it is to see counts as far from the weights as these, by chi-squared (a check of the sample ratio)."""
    whole, total = sum(counts), sum(weights)
    expected = [whole * weight / total for weight in weights]
    statistic = sum((n - e) ** 2 / e for n, e in zip(counts, expected, strict=True))
    return _beyond_chi_squared(statistic, len(counts) - 1)


def _beyond_chi_squared(statistic: float, freedom: int) -> float:
    """The upper tail of chi-squared, which is a finite sum for whole degrees of freedom.

    Source: Abramowitz and Stegun, "Handbook of Mathematical Functions", 26.4.4 and 26.4.5.
    """
    half = statistic / 2
    if freedom % 2 == 0:
        term = total = math.exp(-half)
        for k in range(1, freedom // 2):
            term *= half / k
            total += term
        return total
    total = math.erfc(math.sqrt(half))
    term = math.sqrt(2 * statistic / math.pi) * math.exp(-half)
    for k in range(1, (freedom - 1) // 2 + 1):
        total += term
        term *= statistic / (2 * k + 1)
    return total

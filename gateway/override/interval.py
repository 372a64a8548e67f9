"""How sure a share is that was counted: Wilson's interval, which holds for few cases and for shares near 0 and 1.

Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", 1927.
"""

from __future__ import annotations

from math import sqrt

Z95 = 1.959964
"""Of the normal distribution: 95 % lie within."""


def least_more(hits: int, whole: int, low: float) -> int:
    """How many hits more, with nothing else, bring the lower end to a share below 1."""
    short, enough = 0, 1
    if wilson(hits, whole)[0] >= low:
        return 0
    while wilson(hits + enough, whole + enough)[0] < low:
        short, enough = enough, 2 * enough
    while enough - short > 1:
        middle = (short + enough) // 2
        if wilson(hits + middle, whole + middle)[0] < low:
            short = middle
        else:
            enough = middle
    return enough


def wilson(hits: int, whole: int) -> tuple[float, float]:
    """The share's 95 % interval; 0 to 1 where nothing was counted."""
    if whole <= 0:
        return 0.0, 1.0
    share, square = hits / whole, Z95 * Z95
    center = share + square / (2 * whole)
    spread = Z95 * sqrt(share * (1 - share) / whole + square / (4 * whole * whole))
    low, high = (center - spread) / (1 + square / whole), (center + spread) / (1 + square / whole)
    return max(0.0, low) if hits else 0.0, min(1.0, high) if hits < whole else 1.0

"""A few thousand answers of `tests.differential.readings`."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.differential.readings import differences


@pytest.mark.parametrize("seed", [0, 10_000, 20_000])
def test_answers_mean_the_same_whichever_way_they_are_read(seed: int) -> None:
    tally: Counter[str] = Counter()
    assert list(differences(seed, 1_000, tally)) == []
    assert tally["decoded"] > 200

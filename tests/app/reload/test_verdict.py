"""What becomes of a canary, by what was counted of both schemas."""

from __future__ import annotations

import pytest

from gateway.app.reload.canary import Trial
from gateway.app.reload.settings import CanarySettings
from gateway.observe.compared import OutcomesByClient


@pytest.mark.parametrize(
    ("canary_counts", "other_counts", "now", "verdict"),
    [
        ((9, 9), (100, 0), 1.0, None),  # too few
        ((10, 9), (100, 0), 1.0, "returned"),
        ((100, 3), (100, 0), 1.0, None),  # it may be chance
        ((100, 3), (100, 0), 9.0, "returned"),
        ((100, 2), (100, 0), 9.0, "promoted"),  # as much as may be
        ((1000, 60), (1000, 10), 1.0, "returned"),
        ((100, 60), (100, 50), 1.0, None),
        ((100, 51), (100, 50), 9.0, "promoted"),
        ((0, 0), (100, 0), 9.0, "promoted"),
        ((2, 1), (0, 0), 9.0, "returned"),
        ((20, 20), (0, 0), 1.0, "returned"),
    ],
)
def test_what_is_counted_decides(
    canary_counts: tuple[int, int], other_counts: tuple[int, int], now: float, verdict: str | None
) -> None:
    trial = Trial.of("digest", 5, CanarySettings(window_s=9, min_operations=10), 0.0)
    assert trial.verdict(each_once(*canary_counts), each_once(*other_counts), now) == verdict


def each_once(clients: int, failed: int) -> OutcomesByClient:
    """Clients with an operation each."""
    found = OutcomesByClient()
    found.add_rows([[number, 1, int(number < failed)] for number in range(clients)])
    return found


@pytest.mark.parametrize("now", [1.0, 9.0])
def test_no_client_decides_alone_however_much_it_sends(now: float) -> None:
    trial = Trial.of("digest", 20, CanarySettings(window_s=9, min_operations=10), 0.0)
    broken, noise, good = each_once(6, 6), each_once(30, 0), each_once(6, 0)
    broken.add(0, 60, 60)
    noise.add(30, 100_000, 100_000)
    assert trial.verdict(broken, noise, now) == "returned"
    good.add(6, 100_000, 100_000)
    assert trial.verdict(good, each_once(30, 0), now) == ("promoted" if now > 8 else None)

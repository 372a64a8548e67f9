from __future__ import annotations

import pytest

from benchmarks import targets
from benchmarks.load.contestants import contestants
from benchmarks.load.scenarios import SCENARIOS
from benchmarks.results import Scenario
from tests.benchmarks.results import peer, scenario


def lines(*measured: Scenario) -> dict[tuple[str, str], list[str]]:
    """The table's rows by their first two cells."""
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in targets.table(list(measured)).splitlines()[2:]]  # fmt: skip
    return {(row[0], row[1]): row[2:] for row in rows}


def test_each_target_is_of_a_scenario_and_of_contestants_that_take_part_in_it() -> None:
    known = {one.name: one for one in contestants()}
    for target in targets.TARGETS:
        assert target.scenario in SCENARIOS
        for name in (target.first, target.second):
            only = known[name].only
            assert not only or target.scenario in only, (target, name)


@pytest.mark.parametrize(
    ("cpu_us", "verdict"),
    [(110, "met"), (115, "met"), (116, "missed")],
)
def test_a_ratio_is_judged_by_its_interval(cpu_us: float, verdict: str) -> None:
    measured = scenario(
        peer("gateway", "ours", *[cpu_us] * 7), peer("by hand: bare", "hand", *[100.0] * 7)
    )
    ratio = f"{cpu_us / 100:.3f}"
    assert lines(measured)[("posts-and-users: gateway", "by hand: bare")] == [
        "1.15", f"{ratio} [{ratio}..{ratio}]", "7", verdict,
    ]  # fmt: skip


def test_an_interval_around_the_target_is_no_verdict() -> None:
    measured = scenario(
        peer("gateway", "ours", *[100.0, 130.0] * 5), peer("by hand: bare", "hand", *[100.0] * 10)
    )
    assert lines(measured)[("posts-and-users: gateway", "by hand: bare")][-1] == "not distinguishable"  # fmt: skip


def test_who_did_not_run_is_told() -> None:
    measured = scenario(peer("gateway: shared", "ours", 50, 50))
    assert lines(measured)[("posts-and-users: gateway: shared", "Tailcall")] == ["0.125", "not measured", "", ""]  # fmt: skip
    assert lines()[("mutation: gateway", "Mercurius, JIT")][1] == "not measured"


def test_few_pairs_are_no_verdict() -> None:
    measured = scenario(
        peer("gateway", "ours", *[90.0] * 5), peer("by hand: bare", "hand", *[100.0] * 5)
    )
    assert lines(measured)[("posts-and-users: gateway", "by hand: bare")][-1] == "too few pairs"

"""`gateway experiment report`: its intervals against published figures, and whom it counts."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway.cli.app import app
from gateway.observe.experiment_report import report_of
from gateway.observe.intervals import (
    chance_of_split,
    difference_of_means,
    difference_of_shares,
    mean,
    share,
)


@pytest.mark.parametrize(
    ("count", "whole", "low", "high"),
    # Newcombe (1998), "Two-sided confidence intervals for the single proportion", table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)  # fmt: skip
def test_shares_have_the_score_interval(count: int, whole: int, low: float, high: float) -> None:
    found = share(count, whole)
    assert found.low == pytest.approx(low, abs=5e-5)
    assert found.high == pytest.approx(high, abs=5e-5)


@pytest.mark.parametrize(
    ("new", "old", "low", "high"),
    # Newcombe (1998), "Interval estimation for the difference between independent proportions", table II, method 10.
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((10, 10), (0, 10), 0.6075, 1.0),
    ],
)
def test_differences_of_shares_are_newcombe_s(
    new: tuple[int, int], old: tuple[int, int], low: float, high: float
) -> None:
    found = difference_of_shares(new, old)
    assert found.low == pytest.approx(low, abs=5e-5)
    assert found.high == pytest.approx(high, abs=5e-5)


def test_numbers_whose_squares_are_none_have_an_interval_too() -> None:
    found = mean([1e308, -1e308, 1e308])
    assert found.low < found.value < found.high
    assert mean([0.0, 0.0]) == (0.0, 0.0, 0.0)
    assert (share(0, 40).low, share(40, 40).high) == (0.0, 1.0)


def test_means_have_the_normal_interval() -> None:
    values = [float(number) for number in range(1, 101)]
    found = mean(values)
    assert found.value == 50.5
    assert found.high - found.value == pytest.approx(1.959964 * 29.01149 / 10, rel=1e-5)
    assert difference_of_means(values, values).value == 0
    assert difference_of_means(values, values).has_zero
    assert not difference_of_means([v + 50 for v in values], values).has_zero


@pytest.mark.parametrize(
    ("statistic_counts", "weights", "p"),
    # Quantiles of chi-squared: 3.841 (1), 5.991 (2), 7.815 (3) and 9.488 (4 degrees of freedom) leave 5 % above.
    [
        ([5098, 4902], [1, 1], 0.05),
        ([5077, 4923, 5000], [1, 1, 1], 0.306),
        ([100, 100], [50, 50], 1.0),
        ([30, 20, 25, 25], [1, 1, 1, 1], 0.5724),
        ([30, 20, 25, 25, 25], [1, 1, 1, 1, 1], 0.7358),
    ],
)
def test_an_uneven_split_is_measured(
    statistic_counts: list[int], weights: list[float], p: float
) -> None:
    assert chance_of_split(statistic_counts, weights) == pytest.approx(p, abs=2e-3)


def exposure(unit: str, variant: str, at: str = "2026-01-01", flag: str = "new") -> dict[str, Any]:
    """A line."""
    return {"time": at, "event": "exposure", "unit": unit, "flag": flag, "variant": variant}


def goal(unit: str, at: str, value: float | None = None) -> dict[str, Any]:
    """A line."""
    return {"time": at, "event": "goal", "unit": unit, "goal": "order", "value": value}


def test_a_client_counts_once_from_its_exposure_on_and_in_one_variant() -> None:
    lines = [
        goal("a", "2026-01-02"),
        goal("a", "2026-01-03"),
        exposure("a", "on"),
        exposure("a", "on", "2026-01-05"),
        exposure("b", "off", "2026-01-04"),
        goal("b", "2026-01-03"),  # before
        exposure("c", "off"),
        exposure("c", "on", "2026-01-02"),  # drawn anew
        goal("c", "2026-01-03"),
        goal("nobody", "2026-01-03"),
        exposure("d", "on", flag="another"),
    ]
    found = report_of(lines, "new", "off")
    assert found.clients == {"off": 1, "on": 1}
    assert found.switched == 1
    off, on = found.goals["order"]
    assert (off.reached, on.reached) == (0, 1)
    assert on.mean is None


@pytest.mark.parametrize(
    "line",
    [
        [1],
        "x",
        None,
        {},
        {"event": "another"},
        {**goal("a", "2026-01-02"), "value": "1"},
        {**goal("a", "2026-01-02"), "value": True},
        {**goal("a", "2026-01-02"), "goal": ["order"]},
        {**goal("a", "2026-01-02"), "unit": {}},
        {**goal("a", "2026-01-02"), "time": 1},
        {**exposure("a", "on"), "variant": None},
        {**exposure("a", "on"), "unit": []},
    ],
)
def test_a_line_that_is_no_event_is_left_out_and_counted(line: Any) -> None:
    lines = [line, exposure("a", "on"), line, exposure("b", "off"), goal("a", "2026-01-02", 3)]
    found = report_of(lines, "new", "off")
    assert found.left_out == 2
    assert (found.clients, found.switched) == ({"off": 1, "on": 1}, 0)
    assert [one.reached for one in found.goals["order"]] == [0, 1]


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    draw = random.Random(7)
    held = 0
    for _ in range(400):
        new = sum(draw.random() < 0.13 for _ in range(300))
        old = sum(draw.random() < 0.10 for _ in range(300))
        found = difference_of_shares((new, 300), (old, 300))
        held += found.low <= 0.03 <= found.high
    assert 0.92 <= held / 400 <= 0.98


def test_the_command_prints_it(tmp_path: Path) -> None:
    lines = []
    for number in range(400):
        variant = "on" if number % 2 else "off"
        lines.append(exposure(f"u{number}", variant))
        if number % 20 in (1, 3, 5, 7, 2):
            lines.append(goal(f"u{number}", "2026-01-02", 10.0))
    path = tmp_path / "events.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in [*lines, [1]]))
    command = ["experiment", "report", str(path), "--flag", "new", "--control", "off"]
    told = CliRunner().invoke(app, [*command, "--expected", "on=1,off=1"])
    assert told.exit_code == 0, told.output
    assert "new: clients by variant: off 200, on 200" in told.stdout
    assert "split: as expected (p = 1)" in told.stdout
    assert "left out: 1 lines that are no event" in told.stdout
    assert "  off: 20 of 200, 10 [6.57, 14.9] %; mean 1 [0.583, 1.42]" in told.stdout
    assert (
        "  on: 80 of 200, 40 [33.5, 46.9] %; +30 [+21.8, +37.7] percentage points (differs)"
        in told.stdout
    )
    uneven = CliRunner().invoke(app, [*command, "--expected", "on=1,off=3"])
    assert uneven.exit_code == 1
    assert "not drawn as expected" in uneven.stdout
    assert json.loads(CliRunner().invoke(app, [*command, "--json"]).stdout)["clients"]["on"] == 200
    for wrong, why in (
        (["--expected", "on"], "is no VARIANT=WEIGHT"),
        (["--flag", "x"], "nobody has met"),
    ):
        refused = CliRunner().invoke(app, [*command, *wrong])
        assert refused.exit_code == 2
        assert why in refused.stderr
    assert CliRunner().invoke(app, ["experiment", "report", "none", *command[3:]]).exit_code == 2

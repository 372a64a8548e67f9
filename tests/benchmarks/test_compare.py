from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from benchmarks import guard, results
from benchmarks.commands import verdict
from benchmarks.compare import Comparison, compare_files
from benchmarks.load.contestants import REPOSITORY
from benchmarks.load.measure import MAX_PASS_S, pass_length
from benchmarks.revisions import HERE, RevisionError, checked_out
from benchmarks.stats import median_of_ratios
from tests.benchmarks.results import peer, result, scenario


def saved(folder: Path, name: str, *cpu_us: float, by_hand: float = 100) -> Path:
    path = folder / name
    base = peer("by hand: bare", "hand", *[by_hand] * len(cpu_us))
    results.save(result(scenario(peer("gateway", "ours", *cpu_us), base)), path)
    return path


@pytest.mark.parametrize(
    ("second", "verdict", "beyond"),
    [
        ((100, 101, 102), "faster", False),
        ((190, 205, 215), "not distinguishable", False),
        ((205, 206, 207), "slower", False),
        ((240, 250, 260), "slower", True),
    ],
)
def test_files_are_compared_by_the_whole_interval(
    second: tuple[float, ...], verdict: str, beyond: bool, tmp_path: Path
) -> None:
    old, new = saved(tmp_path, "a", 200, 200, 200), saved(tmp_path, "b", *second)
    (found,) = compare_files(old, new)
    assert (found.verdict, found.is_beyond(0.1)) == (verdict, beyond)


def test_a_machine_that_was_slower_that_day_does_not_count(tmp_path: Path) -> None:
    old = saved(tmp_path, "a", 200, 200, by_hand=100)
    new = saved(tmp_path, "b", 400, 400, by_hand=200)
    (found,) = compare_files(old, new)
    assert found.ratio is not None
    assert found.ratio.median == 1.0


def test_what_could_not_be_measured_is_beyond_every_threshold() -> None:
    missing = Comparison("deep", problem="A: failed")
    assert missing.is_beyond(10.0)
    assert missing.verdict == "A: failed"


def test_the_exit_code_says_whether_a_threshold_was_passed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    slower = Comparison("deep", 1, 2, median_of_ratios([2.0, 2.0], [1.0, 1.0]))
    equal = Comparison("titles", 1, 1, median_of_ratios([1.0, 1.0], [1.0, 1.0]))
    assert verdict([equal], "CPU µs", 0.1) == 0
    assert verdict([slower, equal], "CPU µs", 0.1) == 1
    assert verdict([], "CPU µs", 0.1) == 1
    assert "nothing to compare" in capsys.readouterr().err


def test_a_revisions_gateway_stands_beside_this_suite() -> None:
    with checked_out("HEAD") as folder:
        assert (folder / "gateway" / "__init__.py").is_file()
        assert not (folder / "gateway").is_symlink()
        assert (folder / "benchmarks").resolve() == REPOSITORY / "benchmarks"
    with checked_out(HERE) as folder:
        assert (folder / "gateway").resolve() == REPOSITORY / "gateway"


def test_an_unknown_revision_is_refused() -> None:
    with pytest.raises(RevisionError, match="no-such-revision"), checked_out("no-such-revision"):
        pass


def test_counts_are_read_from_perfs_report() -> None:
    report = "12345,,instructions:u,1000,100.00,,\n"
    assert guard.counted(report, "instructions:u") == 12345.0
    assert guard.counted("<not supported>,,instructions:u,0,100.00,,\n", "instructions:u") is None
    assert guard.counted("", "instructions:u") is None


def test_a_sample_runs_the_revision_in_its_folder() -> None:
    with checked_out(HERE) as folder:
        assert guard.cpu_us(folder, 0, 5) > 0


def test_a_sample_that_fails_is_an_error() -> None:
    with checked_out(HERE) as folder, pytest.raises(subprocess.CalledProcessError):
        guard.cpu_us(folder, 999, 5)


@pytest.mark.parametrize(("cpu_s", "connections", "seconds"), [(0.0001, 32, 1), (0.04, 32, 3), (0.5, 32, MAX_PASS_S)])  # fmt: skip
def test_a_pass_is_as_long_as_a_slow_server_needs(
    cpu_s: float, connections: int, seconds: int
) -> None:
    assert pass_length(cpu_s, connections, 1) == seconds

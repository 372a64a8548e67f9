"""Two results, or the gateway of two git revisions: faster, slower or not distinguishable."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks import results
from benchmarks.load.contestants import NOTHING_SHARED, gateway
from benchmarks.load.measure import measure
from benchmarks.load.scenarios import SCENARIOS
from benchmarks.report.figures import BASELINE, US
from benchmarks.revisions import checked_out
from benchmarks.stats import Interval, median_of_ratios

DEFAULT_SCENARIOS = ("posts-and-users", "titles", "constant", "literals")


@dataclass(frozen=True, slots=True)
class Comparison:
    """How many times the first's cost the second takes, in one scenario.

    Attributes:
        what: The scenario.
        first, second: Median CPU µs.
        problem: Why there is no interval, or "".
    """

    what: str
    first: float = 0.0
    second: float = 0.0
    ratio: Interval | None = None
    problem: str = ""

    @property
    def verdict(self) -> str:
        if self.ratio is None:
            return self.problem
        if self.ratio.high < 1:
            return "faster"
        return "slower" if self.ratio.low > 1 else "not distinguishable"

    def is_beyond(self, threshold: float) -> bool:
        """Whether the second is surely slower, and its median by more than `threshold` (0.1: 10 %).

        What could not be measured counts as beyond: a guard must not pass because nothing ran.
        """
        if self.ratio is None:
            return True
        return self.ratio.low > 1 and self.ratio.median > 1 + threshold


def compare_files(first: Path, second: Path) -> list[Comparison]:
    """By scenario. Errors: ValueError, OSError for what is no result file.

    The passes of two files were not taken side by side, so each is first divided by that of the hand-written
    handler in its own file, where it has one: a machine that was slower that day was slower for both.
    """
    old, new = results.load(first), results.load(second)
    found = []
    for scenario in new.scenarios:
        before = old.scenario(scenario.name)
        if before is not None:
            found.append(_of_scenarios(before, scenario))
    return found


def _of_scenarios(before: results.Scenario, after: results.Scenario) -> Comparison:
    first, second = before.peer(US), after.peer(US)
    if first is None or second is None:
        return Comparison(after.name, problem="the gateway was not timed in both")
    pairs = min(len(first.passes), len(second.passes))
    ratio = median_of_ratios(_normal(after, second)[:pairs], _normal(before, first)[:pairs])
    return Comparison(after.name, first.median("cpu_us"), second.median("cpu_us"), ratio)


def _normal(scenario: results.Scenario, peer: results.Peer) -> list[float]:
    base = scenario.peer(BASELINE)
    if base is None or len(base.passes) != len(peer.passes):
        return peer.series("cpu_us")
    return [a / b for a, b in zip(peer.series("cpu_us"), base.series("cpu_us"), strict=True)]


def compare_revisions(
    first: str, second: str, scenarios: Sequence[str], passes: int
) -> list[Comparison]:
    """By scenario, in interleaved passes on this machine. Errors: RevisionError."""
    found = []
    with ExitStack() as stack:
        sides = [
            replace(
                gateway(f"{letter}: {revision}", **NOTHING_SHARED),
                cwd=stack.enter_context(checked_out(revision)),
            )
            for letter, revision in (("A", first), ("B", second))
        ]
        for name in scenarios:
            measured = measure(SCENARIOS[name], sides, passes=passes, pass_s=1, rates=())
            a, b = measured.peers
            problem = "; ".join(f"{p.name}: {p.status}: {p.detail}" for p in (a, b) if not p.passes)
            if problem:
                found.append(Comparison(name, problem=problem))
                continue
            ratio = median_of_ratios(b.series("cpu_us"), a.series("cpu_us"))
            found.append(Comparison(name, a.median("cpu_us"), b.median("cpu_us"), ratio))
    return found

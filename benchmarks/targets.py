"""What the gateway is measured against: ratios of CPU time that have a target, over enough pairs to judge.

A run of the scenarios has three or five passes, for a table of everybody. A verdict needs more of few.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from benchmarks.load.contestants import contestants
from benchmarks.load.measure import measure
from benchmarks.load.scenarios import SCENARIOS
from benchmarks.report import figures
from benchmarks.report.markdown import line
from benchmarks.results import Scenario

PAIRS = 21
LEAST_PAIRS = 6  # fewer have no interval of 95 %
HAND, FLOOR, NODE = figures.BASELINE, "uvicorn: constant", "Mercurius, JIT"
SHARED, TRACED = "gateway: shared", "gateway: traced"


@dataclass(frozen=True, slots=True)
class Target:
    """`first`'s CPU time a request over `second`'s is to be at most this, under varied traffic."""

    scenario: str
    first: str
    second: str
    at_most: float


TARGETS = (
    Target("posts-and-users", HAND, FLOOR, 6.5),  # whether the handler by hand is a good one
    Target("posts-and-users", figures.US, HAND, 1.15),
    Target("posts-and-users", SHARED, FLOOR, 1.4),
    Target("posts-and-users", SHARED, "Tailcall", 1 / 8),
    Target("posts-and-users", TRACED, figures.US, 1.03),
    Target("constant", figures.US, FLOOR, 1.25),
    Target("constant", TRACED, figures.US, 1.05),
    Target("titles", figures.US, HAND, 1.15),
    Target("deep", figures.US, NODE, 0.9),
    Target("cold-plans", figures.US, NODE, 2.0),
    Target("literals", figures.US, NODE, 0.9),
    Target("mutation", figures.US, NODE, 0.9),
)


def measure_targets(pairs: int = PAIRS) -> Iterator[Scenario]:
    """Each scenario that has a target, of those alone who are in one. Errors: as those of `measure`."""
    for name in dict.fromkeys(target.scenario for target in TARGETS):
        who = {side for t in TARGETS if t.scenario == name for side in (t.first, t.second)}
        yield measure(
            replace(SCENARIOS[name], traffic=("varied",)),
            [one for one in contestants() if one.name in who],
            passes=pairs,
            pass_s=1,
            rates=(),
        )


def table(measured: list[Scenario]) -> str:
    """Each target with its ratio, the interval and the verdict, as Markdown."""
    lines = [
        line(["CPU time of", "over that of", "target", "measured [95 %]", "pairs", ""]),
        line(["---", "---", "---:", "---:", "---:", "---"]),
    ]
    found = {scenario.name: scenario for scenario in measured}
    for target in TARGETS:
        scenario = found.get(target.scenario)
        first, second = (scenario and scenario.peer(name) for name in (target.first, target.second))
        cells = [f"{target.scenario}: {target.first}", target.second, f"{target.at_most:g}"]
        if first and second:
            ratio = figures.paired(first, second)
            judged = (
                ratio.verdict(target.at_most) if ratio.pairs >= LEAST_PAIRS else "too few pairs"
            )
            cells += [str(ratio), str(ratio.pairs), judged]
        else:
            cells += ["not measured", "", ""]
        lines.append(line(cells))
    return "\n".join(lines)

"""Ratios that may be claimed: `python -m benchmarks.micro.paired [--pairs 20] [--only PART]`.

CPU time of one pinned core, in interleaved pairs whose order alternates, so that what slows the machine
slows both. Prints the median of the paired ratios with its 95 % interval, and what it says of the target.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys

from rich.console import Console
from rich.table import Table

from benchmarks.micro.cases import CASES, Case, check
from benchmarks.micro.lookups import (
    compile_and_validate,
    document,
    exact_lookup,
    memory_of_plans,
    normalised_lookup,
)
from benchmarks.micro.timing import measure, timed
from benchmarks.stats import Interval, median_of_ratios


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.micro.paired", description=__doc__)
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--cpu", type=int, default=0, help="the core to pin")
    parser.add_argument("--only", default="", help="part of a case's name")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {options.cpu})
    console = Console(width=140)
    cases = [case for make in CASES if options.only in (case := make()).name]
    console.print(execution_table(cases, options.pairs))
    if not options.only:
        console.print(lookup_table(options.pairs))
    console.print(f"{platform.machine()}, Python {platform.python_version()}, CPU time, one core")
    return 0


def execution_table(cases: list[Case], pairs: int) -> Table:
    """Each case: how many times graphql-core's CPU ours takes, and by hand."""
    table = Table(title="Execution", title_justify="left")
    for column in ("case", "graphql-core µs", "ours µs", "by hand µs", "× graphql-core [95 %]", "target", "", "ours / by hand [95 %]", "target", ""):  # fmt: skip
        table.add_column(column, justify="left" if column == "case" else "right")
    for case in cases:
        check(case)
        core, ours = measure(case.core, case.ours, pairs)
        ours_too, by_hand = measure(case.ours, case.by_hand, pairs)
        faster, cost = median_of_ratios(core, ours), median_of_ratios(ours_too, by_hand)
        hand_target = f"≤ {case.hand_target}" if case.hand_target else ""
        table.add_row(
            case.name,
            *(f"{sorted(series)[len(series) // 2] * 1e6:,.0f}" for series in (core, ours, by_hand)),
            str(faster),
            f"≥ {case.target}",
            at_least(faster, case.target),
            str(cost),
            hand_target,
            cost.verdict(case.hand_target) if case.hand_target else "",
        )
    return table


def lookup_table(pairs: int) -> Table:
    table = Table(title=f"Plans of a document of {len(document(0))} bytes", title_justify="left")
    for column in ("", "median µs", "target"):
        table.add_column(column, justify="left" if not column else "right")
    for name, look, target, calls in (
        ("lookup by exact text", exact_lookup(), 2, 2_000),
        ("lookup with new literals", normalised_lookup(), 40, 500),
    ):
        samples = sorted(timed(look, calls) for _ in range(pairs))
        table.add_row(name, f"{samples[pairs // 2] * 1e6:.2f}", f"≤ {target}")
    compiling, validating = measure(*compile_and_validate(), pairs)
    ratio = median_of_ratios(compiling, validating)
    middle = sorted(compiling)[pairs // 2] * 1e6
    table.add_row(f"compile, against validate: {ratio}", f"{middle:,.0f}", "≤ 1")
    table.add_row("memory of a cached plan, kB", f"{memory_of_plans(200) / 1e3:,.0f}", "stated")
    return table


def at_least(interval: Interval, target: float) -> str:
    if interval.low >= target:
        return "met"
    return "missed" if interval.high < target else "not distinguishable"


if __name__ == "__main__":
    sys.exit(main())

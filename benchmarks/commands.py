"""The suite's commands: what each takes from the command line, and which module does it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console

from benchmarks import results, scale
from benchmarks.load.contestants import Contestant, contestants
from benchmarks.load.measure import measure, missing_tools
from benchmarks.load.scenarios import SCENARIOS
from benchmarks.report import markdown, page
from benchmarks.report.terminal import curves as growth_table
from benchmarks.report.terminal import print_result, print_scenario

LATEST = results.FOLDER / "latest.json"


def add_to(commands: Any) -> None:
    """Add each command's parser."""
    run = commands.add_parser(
        "run", help="scenarios under load, beside the peers; writes a result file"
    )
    run.set_defaults(run=run_scenarios)
    run.add_argument("scenario", nargs="*", help=f"of: {', '.join(SCENARIOS)} (default: all)")
    run.add_argument(
        "--quick", action="store_true", help="few peers, short passes, no heavy scenario"
    )
    run.add_argument(
        "--passes", type=int, help="interleaved passes (default: the scenario's own, 3 or 5)"
    )
    run.add_argument("--seconds", type=int, default=1, help="whole seconds a pass (default 1)")
    run.add_argument("--only", default="", help="parts of contestants' names, separated by commas")
    run.add_argument("--out", type=Path, default=LATEST, help=f"result file (default {LATEST})")

    report = commands.add_parser(
        "report", help="show a result file: terminal, Markdown, JSON, HTML page"
    )
    report.set_defaults(run=show)
    report.add_argument("result", type=Path, nargs="?", default=LATEST)
    report.add_argument("--html", type=Path, help="write the page")
    report.add_argument("--markdown", type=Path, help="write the tables")
    report.add_argument("--json", action="store_true", help="print the result itself")
    report.add_argument("--quiet", action="store_true", help="no tables in the terminal")

    growth = commands.add_parser(
        "scale", help="cost against list size, depth, plans, connections, workers"
    )
    growth.set_defaults(run=run_scale)
    growth.add_argument("--quick", action="store_true", help="without the largest points")
    growth.add_argument("--into", type=Path, help="result file to add the curves to")


def run_scale(options: argparse.Namespace) -> int:
    """Measure the curves; print them with their exponents."""
    console = Console(width=150)
    result = (
        results.load(options.into) if options.into else results.new_result(options.command_line)
    )
    result.curves = scale.measure_all(console, quick=options.quick)
    console.print(growth_table(result))
    out = options.into or results.FOLDER / "scale.json"
    results.save(result, out)
    print(f"written: {out}")
    return 0


def show(options: argparse.Namespace) -> int:
    """A result in the forms that were asked for."""
    result = results.load(options.result)
    if options.json:
        sys.stdout.buffer.write(msgspec.json.encode(result) + b"\n")
    elif not options.quiet:
        print_result(result)
    if options.markdown:
        options.markdown.write_text(markdown.render(result))
        print(f"written: {options.markdown}")
    if options.html:
        options.html.write_text(page.render(result, earlier(result)))
        print(f"written: {options.html}")
    return 0


def earlier(result: results.Result) -> list[results.Result]:
    """The kept results before this one, oldest first; at most one of a commit, its latest."""
    kept = {}
    for path in sorted(results.FOLDER.glob("run-*.json")):
        old = results.load(path)
        if old.made < result.made and old.commit != result.commit:
            kept[old.commit] = old
    return sorted(kept.values(), key=lambda old: old.made)


def run_scenarios(options: argparse.Namespace) -> int:
    """Measure; print each table as it is ready; write the result."""
    missing = missing_tools()
    if missing:
        print(
            f"missing: {', '.join(missing)} (sh scripts/system-packages.sh wrk nginx)",
            file=sys.stderr,
        )
        return 2
    unknown = [name for name in options.scenario if name not in SCENARIOS]
    if unknown:
        print(
            f"no scenario {', '.join(unknown)}; there are {', '.join(SCENARIOS)}", file=sys.stderr
        )
        return 2
    console = Console(width=150)
    result = results.new_result(options.command_line)
    for name in options.scenario or SCENARIOS:
        scenario = SCENARIOS[name]
        if options.quick and scenario.heavy and not options.scenario:
            continue
        passes = options.passes or (3 if options.quick else scenario.passes)
        measured = measure(scenario, chosen(options), passes=passes, pass_s=options.seconds)
        print_scenario(measured, console)
        result.scenarios.append(measured)
    results.save(result, options.out)
    if options.out == LATEST:
        results.save(
            result, results.FOLDER / f"run-{result.made.replace(' ', '-')}-{result.commit}.json"
        )
    print(f"written: {options.out}")
    return 0


def chosen(options: argparse.Namespace) -> list[Contestant]:
    """The contestants that the options leave."""
    parts = [part for part in options.only.split(",") if part]
    return [
        one
        for one in contestants()
        if (one.quick or not options.quick)
        and (not parts or any(part in one.name for part in parts))
    ]

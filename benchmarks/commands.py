"""The suite's commands: what each takes from the command line, and which module does it."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console

from benchmarks import connections, instructions, profile, results, scale, targets
from benchmarks.compare import DEFAULT_SCENARIOS, Comparison, compare_files, compare_revisions
from benchmarks.load import resilience
from benchmarks.load.contestants import Contestant, contestants
from benchmarks.load.measure import RATES, measure
from benchmarks.load.needed import check_needed
from benchmarks.load.process import ServerFailedError
from benchmarks.load.scenarios import SCENARIOS
from benchmarks.publish import publish
from benchmarks.quotas import measure_quotas
from benchmarks.report import markdown, page
from benchmarks.report.terminal import curves as growth_table
from benchmarks.report.terminal import print_result, print_scenario
from benchmarks.revisions import HERE, RevisionError

LATEST = results.FOLDER / "latest.json"


def add_to(commands: Any) -> None:
    """Add each command's parser."""
    run = commands.add_parser(
        "run", help="scenarios under load, beside the peers; writes a result file"
    )
    run.set_defaults(run=run_scenarios)
    run.add_argument("scenario", nargs="*", help=f"of: {', '.join(SCENARIOS)} (default: all)")
    run.add_argument("--quick", action="store_true", help="few peers, few scenarios")
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

    aims = commands.add_parser(
        "targets", help="ratios that have a target, with pairs enough for a verdict (10 minutes)"
    )
    aims.set_defaults(run=run_targets)
    aims.add_argument("--pairs", type=int, default=targets.PAIRS)
    aims.add_argument("--into", type=Path, help="result file to add them to")

    compare = commands.add_parser(
        "compare", help="two result files, or the gateway of two git revisions"
    )
    compare.set_defaults(run=run_compare)
    compare.add_argument("first", help="file or revision")
    compare.add_argument(
        "second", nargs="?", default=HERE, help="file or revision (default: the work tree)"
    )
    compare.add_argument(
        "--scenario", action="append", help="of revisions (default: the quick ones)"
    )
    compare.add_argument(
        "--passes", type=int, default=10, help="of revisions, interleaved (default 10)"
    )
    compare.add_argument(
        "--threshold", type=float, default=0.1, help="exit 1 beyond it (default 0.1)"
    )

    faults = commands.add_parser(
        "resilience",
        help="what the policies promise: overload, a hanging backend, retries, their cost",
    )
    faults.set_defaults(run=run_resilience)
    faults.add_argument("--passes", type=int, default=8, help="interleaved passes (default 8)")
    faults.add_argument("--seconds", type=float, default=4.0, help="of each pass (default 4)")
    faults.add_argument("--pairs", type=int, default=40, help="of the policies' cost (default 40)")
    faults.add_argument("--only", default="", help="overload, hanging, retries or policies")

    demand = commands.add_parser(
        "quotas", help="what cost and quotas cost, and whether quotas hold, with Redis and without"
    )
    demand.set_defaults(run=run_quotas)
    demand.add_argument("--seconds", type=float, default=60.0, help="of each run (default 60)")
    demand.add_argument("--pairs", type=int, default=10, help="of whole requests (default 10)")
    demand.add_argument("--requests", type=int, default=500, help="of one half of a pair")

    crowd = commands.add_parser(
        "connections",
        help="honest load beside idle connections, half-sent requests and unread answers",
    )
    crowd.set_defaults(run=run_connections)
    crowd.add_argument("--passes", type=int, default=6, help="interleaved passes (default 6)")
    crowd.add_argument("--seconds", type=float, default=5.0, help="of each pass (default 5)")
    crowd.add_argument("--idle", type=int, default=connections.IDLE)
    crowd.add_argument("--half", type=int, default=connections.HALF)
    crowd.add_argument("--unread", type=int, default=connections.UNREAD)

    guarding = commands.add_parser("guard", help="the micro cases of two revisions, paired, for CI")
    guarding.set_defaults(run=run_guard)
    guarding.add_argument("first", nargs="?", default="HEAD~1", help="revision (default HEAD~1)")
    guarding.add_argument(
        "second", nargs="?", default=HERE, help="revision (default: the work tree)"
    )
    guarding.add_argument("--pairs", type=int, default=7)
    guarding.add_argument(
        "--threshold", type=float, default=0.1, help="exit 1 beyond it (default 0.1)"
    )

    counting = commands.add_parser(
        "count", help="instructions a request by callgrind, of the gateway or of two revisions"
    )
    counting.set_defaults(run=run_count)
    counting.add_argument("scenario", nargs="*", help=f"default: {', '.join(DEFAULT_SCENARIOS)}")
    counting.add_argument("--against", help="a revision, counted too")
    counting.add_argument(
        "--peer", choices=[one.name for one in contestants()], help="another contestant instead"
    )
    counting.add_argument("--requests", type=int, default=200)

    profiling = commands.add_parser(
        "profile", help="flame graph beside the generated plan, as one HTML page"
    )
    profiling.set_defaults(run=run_profile)
    profiling.add_argument("scenario", nargs="?", choices=list(SCENARIOS), help="or --query")
    profiling.add_argument("--query", help="a document or @FILE, over a schema of your own")
    profiling.add_argument("--schema", type=Path, action="append", default=[], help="its files")
    profiling.add_argument("--config", type=Path, help="its gateway.toml")
    profiling.add_argument("--seconds", type=int, default=8)
    profiling.add_argument(
        "--native", action="store_true", help="native frames too (C, Cython, Rust)"
    )
    profiling.add_argument(
        "--memory", action="store_true", help="allocations instead, by tracemalloc"
    )
    profiling.add_argument(
        "--out", type=Path, help="the page (default var/bench/profile-NAME.html)"
    )

    publishing = commands.add_parser(
        "publish", help="write a result into docs/performance.md and README.md"
    )
    publishing.set_defaults(run=run_publish)
    publishing.add_argument("result", type=Path, nargs="?", default=LATEST)


def run_publish(options: argparse.Namespace) -> int:
    """Write the documents' generated sections."""
    try:
        written = publish(results.load(options.result))
    except ValueError as exc:
        print(exc, file=sys.stderr)
        return 1
    for path in written:
        print(f"written: {path.name}")
    return 0


def run_profile(options: argparse.Namespace) -> int:
    """Profile a scenario or an operation of one's own."""
    if bool(options.scenario) == bool(options.query):
        print("give a scenario, or --query with --schema or --config", file=sys.stderr)
        return 2
    subject = (
        profile.of_scenario(options.scenario)
        if options.scenario
        else profile.of_schema(options.query, options.schema, options.config)
    )
    try:
        plan = profile.plan_text(subject)
        if options.memory:
            from benchmarks import (
                memory,
            )  # the gateway is imported only where it runs in this process

            print(memory.report(subject))
            return 0
        raw, measured = profile.sample(subject, options.seconds, native=options.native)
    except profile.NotProfiledError as exc:
        print(exc, file=sys.stderr)
        return 1
    out = options.out or results.FOLDER / f"profile-{options.scenario or 'own'}.html"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(profile.render(subject, raw, measured, plan))
    print(f"{measured.cpu_us:,.0f} CPU µs per request; written: {out}")
    return 0


def run_compare(options: argparse.Namespace) -> int:
    """Exit code 1 when the second is slower by more than the threshold in any scenario."""
    try:
        if Path(options.first).is_file() and Path(options.second).is_file():
            found = compare_files(Path(options.first), Path(options.second))
        else:
            scenarios = options.scenario or DEFAULT_SCENARIOS
            found = compare_revisions(options.first, options.second, scenarios, options.passes)
    except (RevisionError, ValueError) as exc:
        print(exc, file=sys.stderr)
        return 2
    return verdict(found, "CPU µs", options.threshold)


def run_count(options: argparse.Namespace) -> int:
    """Print instructions a request, in thousands."""
    check_needed("valgrind", "nginx", "taskset")
    if are_unknown(options.scenario):
        return 2
    names = options.scenario or DEFAULT_SCENARIOS
    try:
        for name, side, counted in instructions.counts(
            names, options.against, options.peer, options.requests
        ):
            print(f"{name:20} {side:20} {counted / 1000:>10,.1f} thousand", flush=True)
    except (RevisionError, ServerFailedError, instructions.NotCountedError) as exc:
        print(exc, file=sys.stderr)
        return 2
    return 0


def run_guard(options: argparse.Namespace) -> int:
    """Exit code 1 when a case is slower by more than the threshold."""
    from benchmarks.guard import guard  # as in run_profile

    unit, found = guard(options.first, options.second, options.pairs)
    try:
        return verdict(found, unit, options.threshold)
    except RevisionError as exc:
        print(exc, file=sys.stderr)
        return 2


def verdict(found: Iterable[Comparison], unit: str, threshold: float) -> int:
    code = 1
    for item in found:
        if code == 1:
            print(f"{'':34} {'first':>10} {'second':>10} {unit}, second / first [95 %]")
            code = 0
        print(
            f"{item.what:34} {item.first:>10,.1f} {item.second:>10,.1f} {item.ratio or ''} {item.verdict}"
        )
        if item.is_beyond(threshold):
            code = 2
    if code == 1:
        print("nothing to compare", file=sys.stderr)
    return min(code, 1)


def run_resilience(options: argparse.Namespace) -> int:
    """Faults and overload, against their targets."""
    return resilience.run(options.passes, options.seconds, options.pairs, options.only)


def run_connections(options: argparse.Namespace) -> int:
    """Strangers beside honest load, against the targets."""
    counts = connections.Counts(options.idle, options.half, options.unread)
    return connections.run(options.passes, options.seconds, counts)


def run_quotas(options: argparse.Namespace) -> int:
    """What cost and quotas cost, and whether quotas hold."""
    check_needed("redis-server", "taskset", extras=["redis"])
    return measure_quotas(options.seconds, options.pairs, options.requests)


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


def run_targets(options: argparse.Namespace) -> int:
    """Measure what has a target; print the table."""
    check_needed("wrk", "nginx", "taskset")
    result = (
        results.load(options.into) if options.into else results.new_result(options.command_line)
    )
    result.targets = list(targets.measure_targets(options.pairs))
    print(targets.table(result.targets))
    out = options.into or results.FOLDER / "targets.json"
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
    check_needed("wrk", "nginx", "taskset")
    if are_unknown(options.scenario):
        return 2
    console = Console(width=150)
    result = results.new_result(options.command_line)
    begin = time.monotonic()
    for name in options.scenario or SCENARIOS:
        scenario = SCENARIOS[name]
        if options.quick and not scenario.quick and not options.scenario:
            continue
        passes = options.passes or (3 if options.quick else scenario.passes)
        rates = RATES[1:] if options.quick else RATES
        measured = measure(
            scenario, chosen(options), passes=passes, pass_s=options.seconds, rates=rates
        )
        print_scenario(measured, console)
        console.print(f"{time.monotonic() - begin:,.0f} s so far", style="dim")
        result.scenarios.append(measured)
    results.save(result, options.out)
    if options.out == LATEST:
        results.save(
            result, results.FOLDER / f"run-{result.made.replace(' ', '-')}-{result.commit}.json"
        )
    print(f"written: {options.out}")
    return 0


def are_unknown(names: Sequence[str]) -> bool:
    """Whether any is no scenario, which is said then."""
    unknown = [name for name in names if name not in SCENARIOS]
    if unknown:
        print(
            f"no scenario {', '.join(unknown)}; there are {', '.join(SCENARIOS)}", file=sys.stderr
        )
    return bool(unknown)


def chosen(options: argparse.Namespace) -> list[Contestant]:
    """The contestants that the options leave."""
    parts = [part for part in options.only.split(",") if part]
    return [
        one
        for one in contestants()
        if (one.quick or not options.quick)
        and (not parts or any(part in one.name for part in parts))
    ]

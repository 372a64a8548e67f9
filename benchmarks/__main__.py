"""`python -m benchmarks [SCENARIO]`: measure us and the peers on this machine, and print the table."""

from __future__ import annotations

import argparse
import platform
import statistics
import sys
from dataclasses import replace

from rich.console import Console
from rich.table import Table

from benchmarks.load import scenarios
from benchmarks.load.measure import Contestant, Running, compare, ratio, started
from benchmarks.load.upstream import posts_and_users
from demo.backends import start_backends

BASELINE = "by hand: bare"


def main() -> int:
    """Run one scenario, or all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("scenario", nargs="*", choices=[[], "demo", *scenarios.QUERIES], default=[])
    parser.add_argument("--passes", type=int, default=20, help="interleaved passes (default 20)")
    parser.add_argument("--seconds", type=float, default=1.0, help="seconds a pass (default 1)")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--only", help="names of contestants, comma-separated parts")
    options = parser.parse_args()
    if "demo" in options.scenario:
        measure_demo(options.passes, options.seconds, options.connections)
    with posts_and_users(cpu=1) as upstream:
        for name in options.scenario or scenarios.QUERIES:
            if name == "demo":
                continue
            contestants = _contestants(name)
            if options.only:
                wanted = options.only.split(",")
                contestants = [c for c in contestants if any(part in c.name for part in wanted)]
            measured = compare(
                contestants,
                upstream,
                passes=options.passes,
                pass_s=options.seconds,
                connections=options.connections,
            )
            report(name, measured)
    return 0


def measure_demo(passes: int, pass_s: float, connections: int) -> None:
    """The demo's three-backend query, beside the server's constant answer."""
    with start_backends() as backends:
        query, joined = scenarios.QUERIES["posts-and-users"]
        contestant = scenarios.demo(backends.environment, None)
        with started(contestant, 0, None) as once:
            contestant = replace(contestant, expected=once.ask())
        constant = scenarios.by_hand("constant")(query, joined)
        measured = compare(
            [contestant, constant], 0, passes=passes, pass_s=pass_s, connections=connections
        )
        report("demo, 50 videos of three backends", measured)


def _contestants(name: str) -> list[Contestant]:
    query, expected = scenarios.QUERIES[name]
    joined = scenarios.QUERIES["posts-and-users"][1]
    makers = {
        "posts-and-users": [
            scenarios.gateway(),
            *map(scenarios.by_hand, ("bare", "typed", "aiohttp", "shared")),
            *map(scenarios.obvious, ("httpx", "aiohttp")),
        ],
        "titles": [scenarios.gateway(), scenarios.by_hand("bare"), scenarios.obvious("aiohttp")],
        "constant": [scenarios.gateway()],
    }[name]
    made = [make(query, expected) for make in makers]
    return [*made, scenarios.by_hand("constant")(query, joined)]


def report(name: str, measured: list[Running]) -> None:
    """Print one scenario's table, cheapest first."""
    base = next((item for item in measured if item.contestant.name == BASELINE), None)
    table = Table(title=f"{name}: CPU µs per request, one worker on one core", title_justify="left")
    for column in ("", "median", "lowest..highest", "requests/s", "p99 ms", "MB", "× by hand"):
        table.add_column(column, justify="left" if not column else "right")
    for item in sorted(measured, key=lambda m: statistics.median(s.cpu_us for s in m.samples)):
        cpu = [sample.cpu_us for sample in item.samples]
        errors = sum(sample.errors for sample in item.samples)
        table.add_row(
            item.contestant.name + (f" ({errors} errors)" if errors else ""),
            f"{statistics.median(cpu):,.0f}",
            f"{min(cpu):,.0f}..{max(cpu):,.0f}",
            f"{statistics.median(s.requests_per_s for s in item.samples):,.0f}",
            f"{statistics.median(s.p99_ms for s in item.samples):,.1f}",
            f"{item.rss_mb:,.0f}",
            str(ratio(item, base)) if base else "",
        )
    console = Console(width=130)
    console.print(table)
    console.print(f"{platform.machine()}, Python {platform.python_version()}\n")


if __name__ == "__main__":
    sys.exit(main())

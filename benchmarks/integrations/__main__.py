"""Frameworks beside themselves: `python -m benchmarks.integrations [strawberry ariadne graphene] [--pairs 10]`.

CPU time in interleaved pairs, each request parsed, validated and executed by the framework. Graphene needs graphql-core
3.2, and so an environment of its own. Prints the median of the paired ratios with its 95 % interval.
"""

from __future__ import annotations

import argparse
import asyncio
from inspect import isawaitable
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.integrations.cases import TEXTS, check
from benchmarks.integrations.frameworks import PAIRS
from benchmarks.load.needed import check_needed
from benchmarks.micro.timing import RUNNER, measure
from benchmarks.stats import median_of_ratios


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.integrations", description=__doc__)
    parser.add_argument("frameworks", nargs="*", default=["strawberry", "ariadne"])
    parser.add_argument("--pairs", type=int, default=10)
    options = parser.parse_args()
    check_needed(extras=options.frameworks)
    console = Console(width=120)
    for name in options.frameworks:
        pair = PAIRS[name]()
        table = Table(title=pair.name, title_justify="left")
        for column in ("request", "as it is, µs", "compiled, µs", "times faster [95 %]"):
            table.add_column(column, justify="left" if column == "request" else "right")
        for title, text in TEXTS.items():
            check(pair, text, at_once)
            plain, compiled = measure(
                lambda ask=pair.plain, text=text: ask(text),
                lambda ask=pair.compiled, text=text: ask(text),
                options.pairs,
            )
            middles = (f"{sorted(s)[len(s) // 2] * 1e6:,.0f}" for s in (plain, compiled))
            table.add_row(title, *middles, str(median_of_ratios(plain, compiled)))
        console.print(table)


def at_once(result: Any) -> Any:
    """A result, awaited where it has to be."""

    async def awaited() -> Any:
        return await result

    return RUNNER.run(awaited()) if isawaitable(result) else result


if __name__ == "__main__":
    asyncio.set_event_loop(RUNNER.get_loop())
    main()

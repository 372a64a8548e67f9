"""The tables in a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmarks.report import figures
from benchmarks.results import Result, Scenario


def print_result(result: Result, console: Console | None = None) -> None:
    """Everything that was measured."""
    console = console or Console(width=150)
    for scenario in result.scenarios:
        print_scenario(scenario, console)
    if result.curves:
        console.print(curves(result))
    console.print(escape(figures.about(result)), style="dim")


def print_scenario(scenario: Scenario, console: Console) -> None:
    """One scenario's table, cheapest first, and who was not timed."""
    table = Table(
        title=f"{scenario.name}: {scenario.title} (one worker on one core, {scenario.connections} connections)",
        title_justify="left",
    )
    for column in figures.COLUMNS:
        table.add_column(column, justify="right" if column else "left")
    for row in figures.rows(scenario):
        table.add_row(*map(escape, row.cells), style="bold" if row.is_ours else "")
    console.print(table)
    for name, why in figures.not_timed(scenario):
        console.print(f"  not timed: {escape(name)}: {escape(why)}", style="yellow")


def curves(result: Result) -> Table:
    """How costs grow."""
    table = Table(title="How costs grow", title_justify="left")
    for column in ("", "who", "from", "to", "exponent"):
        table.add_column(column, justify="left" if column in ("", "who") else "right")
    for curve in result.curves:
        (x0, y0), (x1, y1) = curve.points[0], curve.points[-1]
        table.add_row(
            f"{curve.name}: {curve.y_label}",
            curve.who,
            f"{figures.number(y0)} at {x0:,.0f}",
            f"{figures.number(y1)} at {x1:,.0f}",
            "" if curve.exponent is None else f"{curve.exponent:.2f}",
        )
    return table

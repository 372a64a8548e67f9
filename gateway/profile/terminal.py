"""A profile in the terminal: a waterfall of the median run, and a table of all runs."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gateway.profile.figures import Span, at, in_order, notes, rows, time_text
from gateway.profile.measure import Profile

COLOURS = {"request": "white", "phase": "bright_black", "step": "green", "call": "blue"}
LEAST_BAR = 20


def print_profile(profile: Profile, console: Console) -> None:
    """Write it."""
    took = sorted(int(run["duration"]) for run in profile.runs)
    plan = profile.first["plan"]
    first = f"first run {time_text(profile.first['duration'])}, its plan a {plan['plan_cache']}"
    if len(profile.runs) > 1:
        spread = f"least {time_text(took[0])}, p95 {time_text(at(took, 0.95))}, most {time_text(took[-1])}"
        title = f"{time_text(profile.median['duration'])}, the median of {len(took)} runs ({spread}); {first}"
    else:
        title = first
    console.print(Text(title, style="bold"))
    if plan["executor"] != "compiled":
        console.print("not compiled: it runs on graphql-core, whose resolvers are not timed", style="yellow")  # fmt: skip
    console.print()
    console.print(waterfall(profile, console.width))
    if len(profile.runs) > 1:
        console.print(figures_table(profile))
    for error in profile.errors[:5]:
        code = error.get("extensions", {}).get("code", "")
        console.print(Text(f"error: {error.get('message', '')} {code}", style="red"))


def waterfall(profile: Profile, width: int) -> Table:
    """One line for each span: when it ran, for how long, and what it was."""
    median = profile.median
    names = max(len(span["name"]) + 2 * depth for depth, span in in_order(median["spans"]))
    names = min(names, max(24, width // 3))
    said = max(len(notes(span)) for span in median["spans"])
    bar = max(LEAST_BAR, min(60, width - names - min(said, width // 4) - 12))
    table = Table(box=None, padding=(0, 1, 0, 0), show_header=False)
    table.add_column(no_wrap=True, overflow="ellipsis", width=names)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(no_wrap=True, width=bar)
    table.add_column(overflow="fold")
    for depth, span in in_order(median["spans"]):
        style = "red" if "error" in span["attributes"] else COLOURS.get(span["kind"], "white")
        table.add_row(
            Text("  " * depth + span["name"]),
            time_text(span["duration"]),
            Text(drawn(span, median["duration"], bar), style=style),
            Text(notes(span), style="bright_black"),
        )
    return table


def drawn(span: Span, whole: int, width: int) -> str:
    """A span's bar."""
    begin = min(width - 1, round(int(span["start"]) / max(whole, 1) * width))
    length = max(1, round(int(span["duration"]) / max(whole, 1) * width))
    return " " * begin + "━" * min(length, width - begin)


def figures_table(profile: Profile) -> Table:
    """Steps and calls over all runs, what they took themselves the most first."""
    table = Table(title="all runs", title_justify="left", box=None, padding=(0, 2, 0, 0))
    for column in ("", "per run", "self", "p50", "p95", "most"):
        table.add_column(column, justify="right" if column else "left", no_wrap=bool(column))
    for row in sorted(rows(profile.runs), key=lambda row: -at(row.self_ns, 0.5) * row.per_run):
        name = Text(row.span["name"], style=COLOURS.get(row.span["kind"], "white"))
        times = [time_text(ns) for ns in (at(row.self_ns, 0.5), at(row.took, 0.5), at(row.took, 0.95), row.took[-1])]  # fmt: skip
        table.add_row(name, f"{row.per_run:.3g}", *times)
    return table

"""The tables as Markdown, and the places in documents where they belong."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.report import figures
from benchmarks.results import Curve, Result, Scenario

BEGIN = "<!-- benchmarks: {} (generated; python -m benchmarks publish) -->"
END = "<!-- /benchmarks -->"


def render(result: Result) -> str:
    """Everything, as one document."""
    parts = ["# Benchmarks", figures.about(result)]
    for scenario in result.scenarios:
        parts += [f"## {scenario.name}", f"{scenario.title}; {scenario.connections} connections.", table(scenario)]  # fmt: skip
    if result.curves:
        parts += ["## How costs grow", growth(result.curves)]
    parts.append(f"Versions: {figures.versions(result)}.")
    return "\n\n".join(parts) + "\n"


def table(scenario: Scenario, columns: Sequence[str] = figures.COLUMNS) -> str:
    """One scenario, cheapest first; who was not timed below it."""
    at = [figures.COLUMNS.index(column) for column in columns]
    lines = [line(columns), line(["---"] + ["---:"] * (len(columns) - 1))]
    for row in figures.rows(scenario):
        cells = [row.cells[index] for index in at]
        lines.append(line([f"**{cell}**" if row.is_ours and cell else cell for cell in cells]))
    left_out = [f"- not timed: {name}: {why}" for name, why in figures.not_timed(scenario)]
    return "\n".join(lines) + ("\n\n" + "\n".join(left_out) if left_out else "")


def growth(curves: Sequence[Curve]) -> str:
    """How costs grow: ends and exponents."""
    lines = [
        line(["", "who", "from", "to", "exponent"]),
        line(["---", "---", "---:", "---:", "---:"]),
    ]
    for curve in curves:
        (x0, y0), (x1, y1) = curve.points[0], curve.points[-1]
        exponent = "" if curve.exponent is None else f"{curve.exponent:.2f}"
        first, last = f"{figures.number(y0)} at {x0:,.0f}", f"{figures.number(y1)} at {x1:,.0f}"
        lines.append(line([f"{curve.name}: {curve.y_label}", curve.who, first, last, exponent]))
    return "\n".join(lines)


def replace_section(document: str, name: str, text: str) -> str:
    """The document with what stands between the markers of `name` replaced.

    Errors: ValueError when it has no such markers.
    """
    begin = BEGIN.format(name)
    head, found, rest = document.partition(begin)
    _, closed, tail = rest.partition(END)
    if not found or not closed:
        raise ValueError(f"no section {name!r}: it needs the lines {begin} and {END}")
    return f"{head}{begin}\n\n{text.strip()}\n\n{END}{tail}"


def line(cells: Sequence[str]) -> str:
    """One line of a table."""
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

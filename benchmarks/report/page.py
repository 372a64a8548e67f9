"""One self-contained HTML page: no script, no request to anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

from benchmarks.load.contestants import FAMILIES
from benchmarks.load.openloop import PERCENTILES
from benchmarks.report import figures, svg
from benchmarks.results import Curve, Result, Scenario

STYLE = Path(__file__).with_name("page.css")
LABELS = [(p, f"{p:g} %") for p in (50.0, 90.0, 99.0, 99.9)]
DASHES = ("", " second", " third", " fourth")


def render(result: Result, history: Sequence[Result] = ()) -> str:
    """The page; `history` are earlier results, oldest first."""
    sections = [_scenario(scenario) for scenario in result.scenarios]
    if result.curves:
        sections.append(_growth(result.curves))
    points = [*history, result]
    if len(points) > 1:
        sections.append(_history(points))
    contents = "".join(
        f'<a href="#{escape(s.name)}">{escape(s.name)}</a> ' for s in result.scenarios
    )
    machine = "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in _facts(result))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f"<title>Benchmarks of {escape(result.commit)}, {escape(str(result.made))} UTC</title><style>{STYLE.read_text()}</style></head><body>"
        f"<h1>Benchmarks</h1><dl>{machine}</dl>{_legend()}<nav>{contents}</nav>{''.join(sections)}"
        f"<footer>{escape(figures.versions(result))}</footer></body></html>\n"
    )


def _facts(result: Result) -> list[tuple[str, str]]:
    machine = result.machine
    cpu = f"{machine['cpu']}, {machine['cores']} cores, {machine['memory']}"
    return [
        ("measured", f"{result.made} UTC"),
        ("commit", result.commit),
        ("command", result.command),
        ("machine", f"{cpu}, {machine['kernel']}, Python {machine['python']} ({machine['build']})"),
    ]


def _legend() -> str:
    found = "".join(
        f'<span><i class="{family}"></i>{escape(text)}</span>' for family, text in FAMILIES.items()
    )
    return (
        f'<p class="legend">{found}</p><p>Bars are CPU time per request, user and system, of one worker on one'
        " core: the median of the passes, with the range from lowest to highest. The axis is logarithmic."
        " The × of a table are medians of ratios of passes that were taken side by side.</p>"
    )


def _scenario(scenario: Scenario) -> str:
    timed = scenario.timed()
    plot = ""
    if timed:
        rows = [
            svg.Bar(
                peer.name,
                peer.family,
                min(peer.series("cpu_us")),
                peer.median("cpu_us"),
                max(peer.series("cpu_us")),
                f"{figures.number(peer.median('cpu_us'))} µs",
            )
            for peer in timed
        ]
        plot = svg.bars(rows, "CPU µs per request")
    left_out = "".join(
        f"<li>{escape(name)}: {escape(why)}</li>" for name, why in figures.not_timed(scenario)
    )
    return (
        f'<section id="{escape(scenario.name)}"><h2>{escape(scenario.name)}</h2>'
        f"<p>{escape(scenario.title)}; {scenario.connections} connections.</p>"
        f"<pre>{escape(_shortened(scenario.query))}</pre>{plot}{_table(scenario)}"
        + (f"<p>Not timed:</p><ul>{left_out}</ul>" if left_out else "")
        + _latencies(scenario)
        + "</section>"
    )


def _shortened(query: str, limit: int = 160) -> str:
    return query if len(query) <= limit else query[:limit] + " …"


def _table(scenario: Scenario) -> str:
    head = "".join(f"<th>{escape(column)}</th>" for column in figures.COLUMNS)
    body = ""
    for row in figures.rows(scenario):
        cells = "".join(f"<td>{escape(cell)}</td>" for cell in row.cells)
        body += f'<tr class="{row.family}">{cells}</tr>'
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _latencies(scenario: Scenario) -> str:
    """Percentiles at each constant rate, of those that answered nearly everything."""
    rates = sorted({loop.rate for peer in scenario.peers for loop in peer.open_loop})
    plots = []
    for rate in rates:
        rows, lost, seen = [], [], dict.fromkeys(FAMILIES, 0)
        for peer in scenario.peers:
            for loop in peer.open_loop:
                if loop.rate != rate:
                    continue
                if not loop.latencies_ms or loop.unanswered > 0.01 * loop.answered:
                    lost.append(f"{peer.name} left {loop.unanswered:,} of {loop.answered + loop.unanswered:,} unanswered")  # fmt: skip
                    continue
                css = peer.family + DASHES[seen[peer.family] % len(DASHES)]
                seen[peer.family] += 1
                points = supported(loop.latencies_ms, loop.answered)
                rows.append(svg.Line(peer.name, css, points))
        plot = svg.lines(rows, svg.Axis("percentile", "nines", LABELS), svg.Axis("ms")) if rows else ""  # fmt: skip
        note = f'<p class="note">{escape("; ".join(lost))}.</p>' if lost else ""
        plots.append(
            f"<figure>{plot}<figcaption>{figures.number(rate)} requests/s{_key(rows)}</figcaption>{note}</figure>"
        )
    if not plots:
        return ""
    return (
        "<h3>Latency at a constant rate</h3><p>Counted from when a request was due, so that a server which"
        f' stalls is charged for those who would have come meanwhile.</p><div class="row">{"".join(plots)}</div>'
    )


def supported(latencies_ms: Sequence[float], answered: int) -> list[tuple[float, float]]:
    """The percentiles above which at least one answer lies."""
    pairs = zip(PERCENTILES, latencies_ms, strict=True)
    return [(at, ms) for at, ms in pairs if answered * (100 - at) / 100 >= 1]


def _key(rows: Sequence[svg.Line]) -> str:
    return "".join(
        f'<span class="key"><svg width="22" height="8"><line class="line {row.css}" x1="0" y1="4" x2="22" y2="4"/></svg>{escape(row.name)}</span>'
        for row in rows
    )


def _growth(curves: Sequence[Curve]) -> str:
    plots = []
    for name in dict.fromkeys(curve.name for curve in curves):
        members = [curve for curve in curves if curve.name == name]
        rows, exponents = [], []
        seen = dict.fromkeys(("ours", "hand"), 0)
        for curve in members:
            family = "ours" if curve.who.startswith("gateway") else "hand"
            css = family + DASHES[seen[family] % len(DASHES)]
            seen[family] += 1
            rows.append(svg.Line(curve.who, css, curve.points))
            if curve.exponent is not None:
                exponents.append(f"{curve.who} {curve.exponent:.2f}")
        first = members[0]
        kind = "log" if first.y_label == "CPU µs" else "linear"
        plot = svg.lines(rows, svg.Axis(first.x_label), svg.Axis(first.y_label, kind))
        fitted = f"; exponent: {', '.join(exponents)}" if exponents else ""
        plots.append(
            f"<figure>{plot}<figcaption>{escape(name + fitted)}{_key(rows)}</figcaption></figure>"
        )
    return f'<section id="growth"><h2>How costs grow</h2><div class="row">{"".join(plots)}</div></section>'


def _history(points: Sequence[Result]) -> str:
    """Our CPU over the hand-written handler's, at each commit: the machine's own speed cancels out."""
    rows = []
    for number, scenario in enumerate(points[-1].scenarios):
        found = []
        for at, result in enumerate(points):
            old = result.scenario(scenario.name)
            ours, base = (old.peer(figures.US), old.peer(figures.BASELINE)) if old else (None, None)
            if ours and base and len(ours.passes) == len(base.passes):
                found.append((float(at), figures.paired(ours, base).median))
        if found:
            rows.append(
                svg.Line(
                    scenario.name, f"hue{number % 8}{DASHES[number // 8 % len(DASHES)]}", found
                )
            )
    if not rows:
        return ""
    labels = [(float(at), result.commit[:7]) for at, result in enumerate(points)]
    step = -(-len(labels) // 10)
    plot = svg.lines(
        rows, svg.Axis("commit", "linear", labels[::step]), svg.Axis("× by hand"), 1000
    )
    return (
        "<section><h2>History</h2><p>The gateway's CPU over that of the hand-written handler with the bare client,"
        f" pass by pass.</p><figure>{plot}<figcaption>{_key(rows)}</figcaption></figure></section>"
    )

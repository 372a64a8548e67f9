"""A profile as one HTML page that asks for nothing else: waterfall, figures, plan, code, flame graph."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path

from gateway.profile import flame
from gateway.profile.figures import Span, at, in_order, notes, rows, time_text
from gateway.profile.measure import Profile
from gateway.telemetry.process import build_labels

OPERATION = re.compile(r"\b(?:query|mutation)\s+(\w+)")
MAX_NAME = 60
STYLE = Path(__file__).with_name("page.css")
LEGEND = (
    ("made", "generated for this operation"),
    ("own", "the gateway"),
    ("lib", "resolvers and libraries"),
)


def render(profile: Profile) -> str:
    """The page."""
    median = profile.median
    parts = [
        f"<h1>{escape(name_of(profile.query))}</h1>",
        f'<p class="took-whole">{time_text(median["duration"])}</p><p>{escape(summary(profile))} {escape(made())}</p>',
        errors(profile),
        f"<section><h2>Where the time went</h2>{waterfall(median)}</section>",
    ]
    if len(profile.runs) > 1:
        parts.append(f"<section><h2>All runs</h2>{figures(profile)}</section>")
        parts.append(
            f"<section><h2>The first run</h2><p>{time_text(profile.first['duration'])},"
            f" its plan a {escape(str(profile.first['plan']['plan_cache']))}.</p>{waterfall(profile.first)}</section>"
        )
    if profile.stacks:
        parts.append(f"<section><h2>The gateway's own work</h2>{flames(profile)}</section>")
    parts.append(f"<section><h2>Operation and plan</h2><pre>{escape(profile.query)}</pre>")
    parts.append(f"<pre>{escape(profile.tree)}</pre></section>")
    if profile.source:
        parts.append(f"<section><h2>Generated code</h2>{listing(profile)}</section>")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f"<title>{escape(name_of(profile.query))}, {time_text(median['duration'])}: {escape(made())}</title><style>{STYLE.read_text(encoding='utf-8')}</style>"
        f"</head><body>{''.join(parts)}</body></html>\n"
    )


def name_of(query: str) -> str:
    """What people call an operation: its name, or else how it begins."""
    if named := OPERATION.search(query):
        return named[1]
    text = " ".join(query.split())
    return text if len(text) <= MAX_NAME else f"{text[:MAX_NAME]}…"


def made() -> str:
    """By which gateway, and when."""
    version, revision, _ = build_labels()
    which = revision or version or "a gateway of no version"
    return f"{which}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC"


def summary(profile: Profile) -> str:
    """The runs in one sentence."""
    took = sorted(int(run["duration"]) for run in profile.runs)
    if len(took) < 2:
        return f"One run, its plan a {profile.first['plan']['plan_cache']}."
    return (
        f"The median of {len(took)} runs; the fastest {time_text(took[0])}, one in twenty over"
        f" {time_text(at(took, 0.95))}, the slowest {time_text(took[-1])}."
    )


def errors(profile: Profile) -> str:
    """The last answer's errors."""
    items = "".join(
        f"<li>{escape(str(error.get('message')))}</li>" for error in profile.errors[:20]
    )
    return f'<ul class="errors">{items}</ul>' if items else ""


def waterfall(run: dict[str, object]) -> str:
    """One line for each span."""
    spans: Sequence[Span] = run["spans"]  # type: ignore[assignment]
    whole = max(1, int(spans[0]["duration"]))
    lines = []
    for depth, span in in_order(spans):
        kind = "failed" if "error" in span["attributes"] else span["kind"]
        left, width = span["start"] / whole * 100, span["duration"] / whole * 100
        path = span["attributes"].get("graphql.field.path", "")
        lines.append(
            f'<div class="name" style="padding-left:{depth * 0.9:.1f}rem" title="{escape(path)}">'
            f"{escape(span['name'])}</div>"
            f'<div class="took">{time_text(span["duration"])}</div>'
            f'<div class="lane"><i class="{kind}" style="left:{left:.2f}%;width:{width:.2f}%"></i></div>'
            f'<div class="notes">{escape(notes(span))}</div>'
        )
    return f'<div class="waterfall">{"".join(lines)}</div>'


def figures(profile: Profile) -> str:
    """Steps and calls over all runs, what they took themselves the most first."""
    found = sorted(rows(profile.runs), key=lambda row: -at(row.self_ns, 0.5) * row.per_run)
    body = "".join(
        f'<tr><td><i class="{row.span["kind"]}"></i>{escape(row.span["name"])}</td><td>{row.per_run:.3g}</td>'
        + "".join(
            f"<td>{time_text(ns)}</td>"
            for ns in (at(row.self_ns, 0.5), at(row.took, 0.5), at(row.took, 0.95), row.took[-1])
        )
        + "</tr>"
        for row in found
    )
    head = "".join(f"<th>{name}</th>" for name in ("", "per run", "self", "p50", "p95", "most"))
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def flames(profile: Profile) -> str:
    """Flame graph and the heaviest functions, of runs that were not timed."""
    stacks = [
        ([flame.clean(f"{name} ({file}:{line})") for name, file, line in stack], samples)
        for stack, samples in profile.stacks.items()
    ]
    legend = "".join(f'<span><i class="{css}"></i>{text}</span>' for css, text in LEGEND)
    own, _ = flame.heaviest(stacks, 12)
    heavy = "".join(
        f"<tr><td>{escape(name)}</td><td>{share:.1%}</td></tr>"
        for name, share in own
        if share >= 0.01
    )
    total = sum(profile.stacks.values())
    return (
        f"<p>{total:,} looks, a millisecond apart, that found the gateway at work, in runs that were not timed; the caller on top.</p>"
        f'<p class="legend">{legend}</p><div class="wide">{flame.render(flame.build(stacks, list))}</div>'
        f"<h3>Own time</h3><table>{heavy}</table>"
    )


def listing(profile: Profile) -> str:
    """The generated code with each line's share of the gateway's work, where it was looked at."""
    shares = line_shares(profile)
    lines = []
    for number, text in enumerate(profile.source.splitlines(), 1):
        share = shares.get(number, 0.0)
        shown = f"{share:.1%}" if share >= 0.0005 else ""
        lines.append(
            f'<span class="share" style="--share:{min(1, share * 2):.2f}">{shown}</span>{escape(text)}\n'
        )
    said = "<p>Each line's share of the gateway's work, with what it calls.</p>" if shares else ""
    return f'{said}<pre class="code">{"".join(lines)}</pre>'


def line_shares(profile: Profile) -> dict[int, float]:
    """Line of the generated code → share of all looks that found it under way."""
    found: Counter[int] = Counter()
    for stack, samples in profile.stacks.items():
        for line in lines_of_plan(stack):
            found[line] += samples
    total = max(1, sum(profile.stacks.values()))
    return {line: samples / total for line, samples in found.items()}


def lines_of_plan(stack: Iterable[tuple[str, str, int]]) -> set[int]:
    """Which lines of the plan's code a stack has."""
    return {line for _, file, line in stack if file.startswith("<gateway plan")}

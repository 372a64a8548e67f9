"""Writes a result's figures into docs/performance.md and README.md, between their markers.

Nothing in those sections is written by hand: whoever doubts them runs the command that stands beside them.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.load.contestants import REPOSITORY
from benchmarks.report import figures
from benchmarks.report.markdown import growth, replace_section, table
from benchmarks.results import Peer, Result, Scenario
from benchmarks.targets import table as targets

DOCUMENT, README = REPOSITORY / "docs" / "performance.md", REPOSITORY / "README.md"
SHORT = (
    "",
    "CPU µs",
    "lowest..highest",
    "identical",
    "encoded",
    "requests/s",
    "p99 ms",
    "MB",
    "upstream calls",
    "× gateway",
)
MAIN = "posts-and-users"
IN_README = (
    "gateway: shared", "gateway", "by hand: bare", "Tailcall", "Mercurius, JIT", "Yoga, graphql-jit", "Apollo Server",
    "Ariadne", "Strawberry", "graphql-core + aiohttp", "graphql-core + httpx",
)  # fmt: skip
OBVIOUS = "graphql-core + aiohttp"


def publish(result: Result) -> list[Path]:
    """Write both documents; the files. Of a result of targets alone, that of `benchmarks targets`, their section.

    Sections of what the result has not (targets, curves) stay as they are.

    Errors: ValueError for a result without the main scenario, or from an interpreter that nobody deploys.
    """
    if result.machine.get("build") != "optimized":
        raise ValueError(
            "this Python was built without optimizations (--enable-optimizations), which nobody deploys: "
            "measure with another, for instance make bench PYTHON=/usr/bin/python3 VENV=.venv-optimized"
        )
    sections: dict[Path, dict[str, str]] = {DOCUMENT: {}}
    if result.targets:
        sections[DOCUMENT]["targets"] = f"{targets(result.targets)}\n\n{figures.about(result)}."
    if result.scenarios or not result.targets:
        main = result.scenario(MAIN)
        if main is None or main.peer(figures.US) is None:
            raise ValueError(f"the result has no {MAIN} with the gateway in it")
        sections[DOCUMENT] |= {
            "summary": summary(result),
            "scenarios": scenarios(result),
            "behind": behind(result),
            "provenance": f"{figures.about(result)}.\n\nVersions: {figures.versions(result)}.",
        }
        if result.curves:
            sections[DOCUMENT]["growth"] = f"{growth(result.curves)}\n\n{memory(result)}".strip()
        sections[README] = {"summary": readme(result, main)}
    for path, texts in sections.items():
        document = path.read_text()
        for name, text in texts.items():
            document = replace_section(document, name, text or "Not measured.")
        path.write_text(document)
    return list(sections)


def readme(result: Result, main: Scenario) -> str:
    """The short table: who needs how much CPU for the main query."""
    lines = [
        "| 100 posts with their users | CPU µs per request | × gateway |",
        "| --- | ---: | ---: |",
    ]
    base = main.peer(figures.US)
    for peer in main.timed():
        if peer.name in IN_README and base is not None:
            low, high = min(peer.series("cpu_us")), max(peer.series("cpu_us"))
            cells = [
                _label(peer),
                f"{figures.number(peer.median('cpu_us'))} ({figures.number(low)}..{figures.number(high)})",
                f"{figures.paired(peer, base).median:.2f}",
            ]
            bold = "**" if peer.family == "ours" else ""
            lines.append("| " + " | ".join(f"{bold}{cell}{bold}" for cell in cells) + " |")
    about = f"One worker on one core, {result.machine['cpu']}, {result.made} UTC, commit {result.commit}: `make bench`."
    return "\n".join(lines) + f"\n\n{about}"


def _label(peer: Peer) -> str:
    return {
        "gateway": "this gateway, nothing shared between requests",
        "gateway: shared": "this gateway as shipped: identical requests in flight shared",
        "by hand: bare": "hand-written handler for this one query",
    }.get(peer.name, peer.name)


def summary(result: Result) -> str:
    """One line a scenario: ours, and how many times that the handler by hand and the obvious stack take."""
    lines = [
        "| scenario | gateway, CPU µs | by hand, × | graphql-core + aiohttp, × | best GraphQL server beside us |",
        "| --- | ---: | ---: | ---: | --- |",
    ]
    for scenario in result.scenarios:
        base = scenario.peer(figures.US)
        if base is None:
            continue
        rivals = [p for p in scenario.timed() if p.family in ("python", "node", "native")]
        best = f"{rivals[0].name}, {figures.paired(rivals[0], base).median:.2f} ×" if rivals else ""
        cells = [
            scenario.name,
            figures.number(base.median("cpu_us")),
            _times(scenario, figures.BASELINE, base),
            _times(scenario, OBVIOUS, base),
            best,
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _times(scenario: Scenario, name: str, base: Peer) -> str:
    peer = scenario.peer(name)
    return f"{figures.paired(peer, base).median:.2f}" if peer else ""


def scenarios(result: Result) -> str:
    """Each scenario's table."""
    return "\n\n".join(
        f"### {s.name}\n\n{s.title[0].upper()}{s.title[1:]}; {s.connections} connections.\n\n{table(s, SHORT)}"
        for s in result.scenarios
    )


def behind(result: Result) -> str:
    """Where a server that answers GraphQL, or the handler by hand, needs less CPU than the gateway."""
    lines = []
    for scenario in result.scenarios:
        base = scenario.peer(figures.US)
        if base is None:
            continue
        for peer in scenario.timed():
            ratio = figures.paired(peer, base)
            if peer.family in ("python", "node", "native", "hand") and ratio.high < 1:
                if peer.name == "by hand: shared":
                    continue  # it shares what the gateway beside it was told not to
                lines.append(f"| {scenario.name} | {peer.name} | {ratio} |")
    if not lines:
        return "Nowhere in this run."
    head = "| scenario | ahead of the gateway | its CPU, × gateway [the passes' range] |\n| --- | --- | ---: |\n"
    return head + "\n".join(lines)


def memory(result: Result) -> str:
    """The gateway's memory for the large list beside the handler's by hand."""
    found = {
        curve.who: dict(curve.points) for curve in result.curves if curve.name == "memory of a list"
    }
    ours, base = found.get(figures.US, {}), found.get(figures.BASELINE, {})
    size = 10_000.0
    if size not in ours or size not in base:
        return ""
    return (
        f"A list of 10,000 objects of ten leaves takes {ours[size] * size / 2**20:.1f} MB at its peak, above a list of"
        f" ten; by hand {base[size] * size / 2**20:.1f} MB: {ours[size] / base[size]:.2f} ×."
    )

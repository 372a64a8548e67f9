"""The figures of a result as rows of text: one source for the terminal, Markdown and HTML tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.load.traffic import Kind
from benchmarks.results import Peer, Result, Scenario
from benchmarks.stats import Interval, median_of_ratios

US = "gateway"
BASELINE = "by hand: bare"
COLUMNS = (
    "", "CPU µs", "lowest..highest", "identical", "encoded", "requests/s", "p50 ms", "p99 ms", "p99.9 ms", "MB", "upstream calls",
    "× gateway",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One server's line: as many cells as COLUMNS."""

    cells: tuple[str, ...]
    is_ours: bool
    family: str


def rows(scenario: Scenario) -> list[Row]:
    """The timed ones, cheapest first."""
    base = scenario.peer(US)
    return [
        Row(
            (
                peer.name + errors(peer),
                number(peer.median("cpu_us")),
                f"{number(min(peer.series('cpu_us')))}..{number(max(peer.series('cpu_us')))}",
                *(alike(peer, kind) for kind in ("identical", "encoded")),
                number(peer.median("requests_per_s")),
                *(number(peer.median(name), 1) for name in ("p50_ms", "p99_ms", "p999_ms")),
                number(peer.rss_mb),
                f"{peer.median('upstream_calls'):.2f}",
                f"{paired(peer, base).median:.2f}" if base else "",
            ),
            peer.family == "ours",
            peer.family,
        )
        for peer in scenario.timed()
    ]


def alike(peer: Peer, kind: Kind) -> str:
    """CPU µs under another kind of traffic; "" where the scenario has none."""
    passes = peer.series("cpu_us", kind)
    return number(median(passes)) if passes else ""


def errors(peer: Peer) -> str:
    """A note on failed requests, or ""."""
    failed = sum(one.errors for one in peer.passes)
    return f" ({failed} errors)" if failed else ""


def not_timed(scenario: Scenario) -> Iterator[tuple[str, str]]:
    """Who was left out, and why."""
    for peer in scenario.peers:
        if not peer.passes:
            yield peer.name, f"{peer.status}: {peer.detail}" if peer.detail else peer.status


def paired(first: Peer, second: Peer, what: str = "cpu_us") -> Interval:
    """`first` over `second`, pass by pass."""
    return median_of_ratios(first.series(what), second.series(what))


def number(value: float, digits: int = 0) -> str:
    """With thousands separated; small ones keep two significant digits."""
    if 0 < abs(value) < 10 and digits == 0:
        return f"{value:.1f}"
    return f"{value:,.{digits}f}"


def about(result: Result) -> str:
    """Machine, versions, commit and command in one line."""
    machine = result.machine
    return (
        f"{result.made} UTC, commit {result.commit}, `{result.command}`, {machine['cpu']}, "
        f"{machine['cores']} cores, {machine['memory']}, {machine['kernel']}, Python {machine['python']} ({machine['build']})"
    )


def versions(result: Result) -> str:
    return ", ".join(f"{name} {version}" for name, version in result.versions.items())


def verdict(scenario: Scenario, names: Sequence[str]) -> list[str]:
    """How many times our CPU each of `names` takes, with the interval."""
    base = scenario.peer(US)
    lines = []
    for name in names:
        peer = scenario.peer(name)
        if base and peer:
            lines.append(f"{name}: {paired(peer, base)} × the gateway's CPU")
    return lines

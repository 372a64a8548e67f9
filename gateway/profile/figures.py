"""From timings to what is read off them: spans in the order of a tree, and figures over many runs. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Span = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class FigureRow:
    """What one step, call or phase took over the runs.

    Attributes:
        span: As in the first run that had it.
        per_run: How often it was there in a run.
        took, self_ns: Of each time, nanoseconds, ascending.
    """

    span: Span
    per_run: float
    took: Sequence[int]
    self_ns: Sequence[int]


def in_order(spans: Sequence[Span]) -> Iterator[tuple[int, Span]]:
    """Each span below its parent, by its begin, with its depth."""
    below: dict[int | None, list[Span]] = {}
    for span in spans:
        below.setdefault(span["parent"], []).append(span)

    def walk(parent: int | None, depth: int) -> Iterator[tuple[int, Span]]:
        for span in sorted(below.get(parent, ()), key=lambda span: int(span["start"])):
            yield depth, span
            yield from walk(span["id"], depth + 1)

    return walk(None, 0)


def rows(runs: Sequence[Mapping[str, Any]]) -> list[FigureRow]:
    """Figures of what each run has, in the order of the first run."""
    found: dict[tuple[str, str, str], list[Span]] = {}
    for run in runs:
        for _, span in in_order(run["spans"]):
            path = span["attributes"].get("graphql.field.path", "")
            found.setdefault((span["kind"], span["name"], path), []).append(span)
    return [
        FigureRow(
            spans[0],
            len(spans) / len(runs),
            sorted(int(span["duration"]) for span in spans),
            sorted(int(span["self"]) for span in spans),
        )
        for spans in found.values()
    ]


def at(ordered: Sequence[int], share: float) -> int:
    """The value below which `share` of the ascending values lie."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def time_text(nanoseconds: float) -> str:
    """`640 ns`, `12.3 µs`, `4.56 ms`, `1.20 s`."""
    for unit, size in (("s", 1e9), ("ms", 1e6), ("µs", 1e3)):
        value = nanoseconds / size
        if value >= 0.9995:  # what would be rounded to 1000 is one of the next unit
            return f"{value:.{2 if value < 9.995 else 1 if value < 99.95 else 0}f} {unit}"
    return f"{nanoseconds:.0f} ns"


def size_text(size: int) -> str:
    """`512 B`, `12.3 kB`."""
    return f"{size} B" if size < 1000 else f"{size / 1000:.1f} kB"


def notes(span: Span) -> str:
    """What a span's attributes say, in a few words."""
    known = span["attributes"]
    words = []
    if span["kind"] == "step":
        words.append(counted(known.get("graphql.parents"), "parent"))
        words.append(counted(known.get("graphql.keys"), "key"))
        if (batch := known.get("graphql.batch_size")) and batch != known.get("graphql.keys"):
            words.append(f"{batch} a batch")
        if calls := known.get("graphql.calls"):
            slowest = time_text(known["graphql.duration_max_ms"] * 1e6)
            words.append(f"{counted(calls, 'call')}, slowest {slowest}")
        words.append(f"{known['gateway.calls_shared']} shared" if "gateway.calls_shared" in known else "")  # fmt: skip
        words.append(counted(known.get("graphql.errors"), "error"))
    elif span["kind"] == "call":
        words.append(str(known.get("gateway.source", "")))
        words.append(str(known.get("http.response.status_code", "")))
        if (size := known.get("http.response.body.size")) is not None:
            words.append(size_text(size))
        if known.get("gateway.attempt", 1) > 1:
            words.append(f"attempt {known['gateway.attempt']}")
        if known.get("gateway.hedge"):
            words.append("hedge")
        if waited := known.get("gateway.queue_wait_ms"):
            words.append(f"waited {time_text(waited * 1e6)} for a place")
    words.append(str(known.get("error", "")))
    return " · ".join(word for word in words if word)


def counted(number: int | None, noun: str) -> str:
    """`3 keys`; "" for none."""
    return f"{number} {noun}{'' if number == 1 else 's'}" if number else ""

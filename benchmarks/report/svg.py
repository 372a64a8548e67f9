"""Plots as inline SVG text: bars with ranges, and lines over two axes. Pure: numbers in, markup out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

LEFT, RIGHT, ROW = 170, 110, 26


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: its middle, and from where to where the passes went."""

    name: str
    css: str
    low: float
    middle: float
    high: float
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """One line: points in the order of x."""

    name: str
    css: str
    points: Sequence[tuple[float, float]]


def bars(rows: Sequence[Bar], unit: str, width: int = 760) -> str:
    """Horizontal bars on a logarithmic axis, each with its range as a whisker."""
    low = 10 ** math.floor(math.log10(min(row.low for row in rows) * 0.999))
    high = max(row.high for row in rows)
    inner, height = width - LEFT - RIGHT, ROW * len(rows) + 34

    def at(value: float) -> float:
        return LEFT + inner * math.log(max(value, low) / low) / math.log(high / low * 1.02)

    parts = [_open(width, height, f"bars, {unit}")]
    bottom = ROW * len(rows) + 4
    for tick in ticks(low, high):
        x = at(tick)
        parts.append(
            _line(x, 0, x, bottom, "grid") + _text(x, bottom + 14, short(tick), "tick", "middle")
        )
    parts.append(_text(LEFT + inner, bottom + 28, unit, "tick", "end"))
    for number, row in enumerate(rows):
        y = number * ROW + 4
        middle = y + ROW / 2 - 3
        parts.append(
            f"<g><title>{escape(row.name)}: {escape(row.text)}, {short(row.low)}..{short(row.high)}</title>"
            + _text(LEFT - 8, middle + 4, row.name, f"name {row.css}", "end")
            + f'<rect class="bar {row.css}" x="{LEFT}" y="{y}" width="{max(at(row.middle) - LEFT, 1):.1f}" height="{ROW - 8}" rx="2"/>'
            + _line(at(row.low), middle, at(row.high), middle, "whisker")
            + _line(at(row.low), middle - 4, at(row.low), middle + 4, "whisker")
            + _line(at(row.high), middle - 4, at(row.high), middle + 4, "whisker")
            + _text(at(row.high) + 6, middle + 4, row.text, "value", "start")
            + "</g>"
        )  # fmt: skip
    return "".join(parts) + "</svg>"


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis of a line plot.

    Attributes:
        kind: "log", "linear" (from 0) or "nines" (percentiles, each nine as far as the one before).
        labels: Texts at values, instead of ticks of its own.
    """

    label: str
    kind: str = "log"
    labels: Sequence[tuple[float, str]] = ()

    def place(self, value: float) -> float:
        if self.kind == "log":
            return math.log10(max(value, 1e-9))
        return -math.log10(1 - min(value, 99.9999) / 100) if self.kind == "nines" else value


def lines(rows: Sequence[Line], x: Axis, y: Axis, width: int = 520, height: int = 290) -> str:
    """Lines over two axes; the legend is the caller's."""
    left, right, top, bottom = 60, 26, 10, 40
    xs = [value for row in rows for value, _ in row.points]
    ys = [value for row in rows for _, value in row.points]
    x_low, x_high = x.place(min(xs)), x.place(max(xs))
    y_low, y_high = (0.0 if y.kind == "linear" else y.place(min(ys) * 0.9)), y.place(max(ys) * 1.1)
    inner_x, inner_y = width - left - right, height - top - bottom

    def px(value: float) -> float:
        return left + inner_x * (x.place(value) - x_low) / (x_high - x_low or 1)

    def py(value: float) -> float:
        return top + inner_y * (1 - (y.place(value) - y_low) / (y_high - y_low or 1))

    parts = [_open(width, height, f"{y.label} against {x.label}")]
    for value, text in x.labels or _marks(x, min(xs), max(xs)):
        parts.append(_line(px(value), top, px(value), top + inner_y, "grid"))
        parts.append(_text(px(value), top + inner_y + 15, text, "tick", "middle"))
    for value, text in y.labels or _marks(y, min(ys) * 0.9, max(ys) * 1.1):
        parts.append(_line(left, py(value), left + inner_x, py(value), "grid"))
        parts.append(_text(left - 6, py(value) + 4, text, "tick", "end"))
    parts.append(_text(left + inner_x, height - 6, x.label, "tick", "end"))
    parts.append(_text(left + 4, top + 10, y.label, "tick", "start"))
    for row in rows:
        path = " ".join(f"{px(a):.1f},{py(b):.1f}" for a, b in row.points)
        dots = "".join(
            f'<circle class="dot {row.css}" cx="{px(a):.1f}" cy="{py(b):.1f}" r="3"><title>{escape(row.name)}: {short(b)} at {short(a)}</title></circle>'
            for a, b in row.points
        )  # fmt: skip
        parts.append(f'<polyline class="line {row.css}" points="{path}"/>{dots}')
    return "".join(parts) + "</svg>"


def _marks(axis: Axis, low: float, high: float) -> list[tuple[float, str]]:
    if axis.kind == "log":
        return [(tick, short(tick)) for tick in ticks(low, high)]
    step = 10 ** math.floor(math.log10(max(high, 1e-9)))
    step = step / 5 if high / step < 2 else step / 2 if high / step < 5 else step
    return [(step * n, short(step * n)) for n in range(int(high / step) + 1)]


def ticks(low: float, high: float) -> list[float]:
    """Round values of a logarithmic axis: 1, 10, 100; with 2 and 5 between where there are few."""
    decades = math.log10(high / low)
    steps = (1, 2, 5) if decades < 2.5 else (1,)
    first = math.floor(math.log10(low))
    found = [s * 10.0**n for n in range(first, math.ceil(math.log10(high)) + 1) for s in steps]
    return [value for value in found if low * 0.999 <= value <= high * 1.001]


def short(value: float) -> str:
    """A number as an axis has it: 1,500 is 1.5k."""
    for limit, divisor, unit in ((1e6, 1e6, "M"), (1e4, 1e3, "k")):
        if abs(value) >= limit:
            return f"{value / divisor:.3g}{unit}"
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def _open(width: float, height: float, label: str) -> str:
    return f'<svg viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" role="img" aria-label="{escape(label)}">'


def _line(x1: float, y1: float, x2: float, y2: float, css: str) -> str:
    return f'<line class="{css}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _text(x: float, y: float, text: str, css: str, anchor: str) -> str:
    return (
        f'<text class="{css}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
    )

"""A flame graph of collapsed stacks as inline SVG, and the functions that took most of the time.

Pure: stacks, or py-spy's raw text, in; markup out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from html import escape

ROW, LEAST = 17, 0.0015
FRAME = re.compile(r"^(?P<name>.*?) \((?P<file>[^()]*?)(?::(?P<line>\d+))?\)$")
# Frames between the process's start and the first request: nobody's cost.
ENTRY = ("run_asgi", "_run_asgi")
LOOP = "(asyncio/runners.py)"


@dataclass(slots=True)
class Node:
    """A function as called from the one above it.

    Attributes:
        samples: In it or below it.
    """

    name: str
    samples: int = 0
    below: dict[str, Node] = field(default_factory=dict)


def read_stacks(text: str) -> list[tuple[list[str], int]]:
    """Frames from the outermost on, without line numbers, and the samples of each stack."""
    found = []
    for line in text.splitlines():
        stack, _, samples = line.rpartition(" ")
        if stack and samples.isdigit():
            frames = [clean(frame) for frame in stack.split(";")]
            found.append((frames, int(samples)))
    return found


def clean(frame: str) -> str:
    """`function (file)` without the line, and the file without what is before its package."""
    match = FRAME.match(frame)
    if match is None:
        return frame
    file = re.sub(r"^.*(?:site-packages|dist-packages|lib/python[\d.]+)/", "", match["file"])
    file = re.sub(r"^.*/(?=(?:gateway|resolvers|demo|benchmarks)/)", "", file)
    return f"{match['name']} ({file})"


def trimmed(frames: Sequence[str]) -> Sequence[str]:
    """From the application's entry on; else what the event loop called."""
    for index, frame in enumerate(frames):
        if frame.split(" ", 1)[0].rpartition(".")[2] in ENTRY:
            return frames[index:]
    inner = max((n for n, frame in enumerate(frames) if frame.endswith(LOOP)), default=-1) + 1
    return ["event loop and server", *frames[inner:]]


Trim = Callable[[Sequence[str]], Sequence[str]]


def build(stacks: Iterable[tuple[Sequence[str], int]], trim: Trim = trimmed) -> Node:
    """The tree, from the first frame of the application on; the event loop's own work beside it."""
    root = Node("all")
    for frames, samples in stacks:
        root.samples += samples
        node = root
        for frame in trim(frames):
            node = node.below.setdefault(frame, Node(frame))
            node.samples += samples
    return root


def origin(frame: str) -> str:
    """Whose code it is: a class of the style sheet."""
    if "<gateway " in frame:
        return "made"
    file = frame.rpartition("(")[2]
    if file.startswith("gateway/"):
        return "own"
    return "lib" if file.rstrip(")").endswith(".py") else "low"


def render(root: Node, width: int = 1120) -> str:
    """The graph, widest calls first; hovering shows the share."""
    boxes: list[str] = []
    depth = _draw(root, 0.0, 0, width / max(root.samples, 1), root.samples, boxes)
    height = (depth + 1) * ROW
    return (
        f'<svg class="flame" viewBox="0 0 {width} {height}" width="{width}">{"".join(boxes)}</svg>'
    )


def _draw(node: Node, x: float, level: int, scale: float, total: int, boxes: list[str]) -> int:
    width, deepest = node.samples * scale, level
    if node.samples < total * LEAST:
        return level
    text = node.name if width > 40 else ""
    fits = int(width / 6.4)
    shown = text if len(text) <= fits else text[: max(fits - 1, 0)] + "…" if fits > 3 else ""
    share = f"{node.samples / total:.1%}"
    boxes.append(
        f'<g><title>{escape(node.name)}: {share}</title><rect class="{origin(node.name)}" x="{x:.1f}" y="{level * ROW}"'
        f' width="{max(width - 0.4, 0.4):.1f}" height="{ROW - 1}"/><text x="{x + 3:.1f}" y="{level * ROW + 12}">{escape(shown)}</text></g>'
    )
    for child in sorted(node.below.values(), key=lambda child: -child.samples):
        deepest = max(deepest, _draw(child, x, level + 1, scale, total, boxes))
        x += child.samples * scale
    return deepest


def heaviest(
    stacks: Iterable[tuple[Sequence[str], int]], count: int = 30
) -> tuple[list[tuple[str, float]], list[tuple[str, float]]]:
    """Functions by their own share, and by their share with what they call."""
    own: Counter[str] = Counter()
    whole: Counter[str] = Counter()
    total = 0
    for frames, samples in stacks:
        total += samples
        own[frames[-1]] += samples
        for frame in set(trimmed(frames)):
            whole[frame] += samples
    total = max(total, 1)
    return (
        [(name, samples / total) for name, samples in own.most_common(count)],
        [(name, samples / total) for name, samples in whole.most_common(count)],
    )

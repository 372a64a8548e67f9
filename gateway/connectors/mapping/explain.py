"""A mapping run for somebody who watches: the value, its problems, and what each step saw.

It gives data; printing belongs to the command line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.connectors.mapping.interpret import MappingRun
from gateway.connectors.mapping.parse import parse_mapping
from gateway.connectors.mapping.problems import Problem
from gateway.connectors.mapping.scope import SeenStep


@dataclass(frozen=True, slots=True)
class MappingStep:
    """One step of a path, as it went.

    Attributes:
        text: The step as it is written.
        line: Of its first character in the selection, from 1.
        column: Of its first character in that line, from 1.
        path: Data path reached, dotted; empty for the input itself.
        value: What the step gave; Ellipsis for no value.
    """

    text: str
    line: int
    column: int
    path: str
    value: Any


@dataclass(frozen=True, slots=True)
class MapReport:
    """What came of one mapping.

    Attributes:
        value: The result; Ellipsis for no value.
        problems: Each once, in the order in which they were met.
        steps: In the order in which they were taken; empty unless asked for.
    """

    value: Any
    problems: tuple[Problem, ...]
    steps: tuple[MappingStep, ...]

    @property
    def has_value(self) -> bool:
        """Whether the mapping gave a value at all; null is one."""
        return self.value is not ...


def run_map(
    selection: str,
    data: Any,
    variables: Mapping[str, Any] | None = None,
    spec: str = "0.3",
    *,
    explain: bool = False,
) -> MapReport:
    """Apply a mapping and report on it.

    Shape: `variables` by name, with or without the `$`.
    Errors: MappingSyntaxError when the selection does not parse.
    """
    tree = parse_mapping(selection, spec)
    problems: list[Problem] = []
    seen: list[SeenStep] | None = [] if explain else None
    named = {name.removeprefix("$"): value for name, value in (variables or {}).items()}
    value = MappingRun(problems, seen).selection(tree, data, named)
    steps = tuple(_step(selection, each) for each in seen or ())
    return MapReport(value, tuple(dict.fromkeys(problems)), steps)


def _step(text: str, seen: SeenStep) -> MappingStep:
    before = text[: seen.start]
    return MappingStep(
        text[seen.start : seen.end],
        before.count("\n") + 1,
        seen.start - (before.rfind("\n") + 1) + 1,
        ".".join(str(part) for part in seen.path),
        seen.value,
    )

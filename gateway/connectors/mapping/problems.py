"""A problem: what a mapping could not find or do, where in the data and where in its own text.

Problems are diagnostics; they never become errors of an answer by themselves.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TypeAlias

DataPath: TypeAlias = tuple[str | int, ...]

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Problem:
    """One diagnostic of one evaluation.

    Attributes:
        message: What was not found or not possible.
        path: Keys, indices of lists, and `->method` steps that were passed to get there.
        start: First character of the place in the selection's text.
        end: The character after it.
    """

    message: str
    path: DataPath
    start: int
    end: int

    def __str__(self) -> str:
        if not self.path:
            return self.message
        return f"{self.message} (at {'.'.join(str(part) for part in self.path)})"


def dotted(name: str) -> str:
    """Write a key as a step, quoted where it needs quotes."""
    return f".{name}" if _PLAIN.fullmatch(name) else f".{json.dumps(name, ensure_ascii=False)}"

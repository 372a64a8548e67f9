"""The text of a configuration file: where its keys stand, and `${NAME}` in its strings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.errors import ConfigError

Key = tuple[str, ...]
_VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")


def key_lines(text: str) -> dict[Key, int]:
    """The line on which each table and key of a TOML text stands.

    Shape: `("server", "port") -> 3`, 1-based; tables of a list have their number too, `("policies", "0")`.
        Good for messages only: a key inside an inline table or a multi-line string is found by its table.
    """
    lines: dict[Key, int] = {}
    counts: dict[Key, int] = {}
    table: Key = ()
    numbered: Key | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*(\[\[?)\s*([^\]]+?)\s*\]\]?", line):
            table, numbered = _dotted(header.group(2)), None
            lines.setdefault(table, number)
            if header.group(1) == "[[":
                counts[table] = counts.get(table, -1) + 1
                numbered = (*table, str(counts[table]))
                lines[numbered] = number
        elif key := re.match(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*[\w"'-]+)*)\s*=""", line):
            names = _dotted(key.group(1))
            lines.setdefault((*table, *names), number)
            if numbered is not None:
                lines[(*numbered, *names)] = number
    return lines


def line_of(key: Key, lines: Mapping[Key, int]) -> int | None:
    """The line of a key, or of what stands in it, or of the nearest table around it."""
    while key:
        if key in lines:
            return lines[key]
        if inside := [number for other, number in lines.items() if other[: len(key)] == key]:
            return min(inside)
        key = key[:-1]
    return None


def _dotted(key: str) -> Key:
    return tuple(part.strip().strip("\"'") for part in key.split("."))


@dataclass(slots=True)
class Expansion:
    """`${NAME}` and `${NAME:-default}` in the strings of a file, each replaced by what the environment has.

    Attributes:
        env: The environment.
        file: The file's name, for errors.
        lines: Where its keys stand.
        used: The variables that stand in the file, and what they hold: no error shows it.
        errors: One for each variable that is not set.
    """

    env: Mapping[str, str]
    file: str
    lines: Mapping[Key, int]
    used: dict[str, str] = field(default_factory=dict)
    errors: list[ConfigError] = field(default_factory=list)

    def expand(self, value: Any, key: Key = ()) -> Any:
        """The value with every string in it expanded."""
        if isinstance(value, dict):
            return {name: self.expand(item, (*key, name)) for name, item in value.items()}
        if isinstance(value, list):
            return [self.expand(item, (*key, str(i))) for i, item in enumerate(value)]
        if not isinstance(value, str):
            return value
        return _VARIABLE.sub(lambda found: self._substitute(found, key), value)

    def _substitute(self, found: re.Match[str], key: Key) -> str:
        name, default = found.groups()
        if name in self.env:
            self.used[name] = self.env[name]
            return self.env[name]
        if default is None:
            self.errors.append(
                ConfigError(
                    f"the environment variable {name} is not set",
                    key=".".join(key),
                    file=self.file,
                    line=line_of(key, self.lines),
                    hint=f"export it, or write ${{{name}:-a default}}",
                )
            )
        return str(default)

"""The `format` of `@cacheTag`: text with `{$args.id}` and `{$key.id}` in it, to the tags of one call's answer.

Pure: values in, texts out. A value that is absent, null or no scalar makes no tag.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_PART = re.compile(r"\{\$(args|key|this)((?:\.[A-Za-z_][A-Za-z0-9_]*)+)\}")
VARIABLES = (
    "{$args.NAME} (an argument), {$key.NAME} (a field of the object), {$this.NAME} (of its parent)"
)


@dataclass(frozen=True, slots=True)
class TagFormat:
    """One format.

    Attributes:
        text: As it stands in the schema.
        parts: Literals, and the paths of values between them.
    """

    text: str
    parts: tuple[str | tuple[str, ...], ...]

    @property
    def reads(self) -> frozenset[str]:
        """The variables that it reads: `args`, `key`, `this`."""
        return frozenset(part[0] for part in self.parts if isinstance(part, tuple))

    def paths(self, variable: str) -> list[tuple[str, ...]]:
        """What it reads of a variable."""
        return [p[1:] for p in self.parts if isinstance(p, tuple) and p[0] == variable]

    def tag(self, variables: Mapping[str, Any]) -> str | None:
        """The tag for these values; None where one of them is no scalar."""
        texts = []
        for part in self.parts:
            if isinstance(part, str):
                texts.append(part)
                continue
            text = _text(variables, part)
            if text is None:
                return None
            texts.append(text)
        return "".join(texts)


def parse_tag_format(text: str) -> TagFormat:
    """Errors: ValueError for braces that hold something else, and for white space: headers separate tags by it."""
    if not text or re.search(r"[\s,]", text):
        raise ValueError("a tag is not empty, and has no white space and no comma")
    parts: list[str | tuple[str, ...]] = []
    at = 0
    for match in _PART.finditer(text):
        if match.start() > at:
            parts.append(text[at : match.start()])
        parts.append((match[1], *match[2][1:].split(".")))
        at = match.end()
    if at < len(text):
        parts.append(text[at:])
    if any(isinstance(part, str) and ("{" in part or "}" in part) for part in parts):
        raise ValueError(f"what stands in braces is {VARIABLES}")
    return TagFormat(text, tuple(parts))


def value_at(variables: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    """What variables have at a path; None for nothing."""
    value: Any = variables
    for name in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value


def _text(variables: Mapping[str, Any], path: tuple[str, ...]) -> str | None:
    value = value_at(variables, path)
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else None

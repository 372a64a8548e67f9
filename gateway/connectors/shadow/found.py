"""What one comparison has found. Plain data."""

from __future__ import annotations

from collections import Counter
from typing import Any

KINDS = ("missing", "added", "type", "value", "missing row", "extra row", "order", "error")
"""A value that only the old source has, or only the new one; one of another type; another value; and so for rows."""
LACKS = frozenset({"missing", "added", "type", "error"})


class Found:
    """The differences of one comparison.

    Attributes:
        kinds: How many values differ, by coordinate and kind.
        examples: The first of each: its path, and both values.
        compared: Where values were compared.
        is_given_up: Whether there was more to look at than may be.
    """

    def __init__(self) -> None:
        self.kinds: Counter[tuple[str, str]] = Counter()
        self.examples: dict[tuple[str, str], tuple[str, Any, Any]] = {}
        self.compared: set[str] = set()
        self.is_given_up = False

    def note(self, at: str, kind: str, path: str, one: Any, other: Any) -> None:
        """Count one."""
        self.kinds[at, kind] += 1
        self.examples.setdefault((at, kind), (path, one, other))

    @property
    def coordinates(self) -> set[str]:
        """Where something differs."""
        return {at for at, _ in self.kinds}

    @property
    def lacking(self) -> set[str]:
        """Where more than a value differs: what changes by itself explains it only where that does so too."""
        return {at for at, kind in self.kinds if kind in LACKS}

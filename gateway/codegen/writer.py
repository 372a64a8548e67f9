"""Text and namespace of generated code, as they are written.

Only identifiers that are made here enter the text; whatever comes from a schema or a document stands in
it as a quoted string, or in the namespace.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Writer:
    """Collects lines and names.

    Attributes:
        namespace: Name to value.
        depth: Indentation of the next line.
    """

    def __init__(self) -> None:
        self.namespace: dict[str, Any] = {}
        self.depth = 0
        self._lines: list[str] = []
        self._names: dict[tuple[str, int], str] = {}
        self._numbers: Counter[str] = Counter()
        self._count = 0
        self._finished: list[list[str]] = []

    def line(self, text: str) -> None:
        """Add a line."""
        self._lines.append("    " * self.depth + text)

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """Add a line that opens a block, and what is written meanwhile below it."""
        self.line(head)
        self.depth += 1
        yield
        self.depth -= 1

    @contextmanager
    def function(self, head: str) -> Iterator[None]:
        """Write a function of its own, whatever is being written now."""
        outer, self._lines = self._lines, []
        depth, self.depth = self.depth, 0
        with self.block(head):
            yield
        self._finished.append(self._lines)
        self._lines, self.depth = outer, depth

    def fresh(self, prefix: str) -> str:
        """A new identifier."""
        self._count += 1
        return f"{prefix}{self._count}"

    def name(self, prefix: str, value: Any) -> str:
        """The identifier of a value in the namespace; the same value gets the same one."""
        key = (prefix, id(value))
        if key not in self._names:
            self._names[key] = f"{prefix}{self._numbers[prefix]}"
            self._numbers[prefix] += 1
            self.namespace[self._names[key]] = value
        return self._names[key]

    def text(self) -> str:
        """Everything written, functions in the order in which they were finished."""
        return "\n\n\n".join("\n".join(lines) for lines in self._finished) + "\n"

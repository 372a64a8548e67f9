"""Text and namespace of generated code, as they are written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class SourceWriter:
    """Collects lines, and the values that their names stand for.

    Attributes:
        namespace: Name to value.
    """

    def __init__(self) -> None:
        self.namespace: dict[str, Any] = {}
        self._indent = ""
        self._lines: list[str] = []
        self._notes: dict[int, str] = {}

    def line(self, text: str, note: str | None = None) -> None:
        """Add a line, with a note for who reads it, which is not compiled."""
        if note is not None:
            self._notes[len(self._lines)] = note
        self._lines.append(self._indent + text)

    def lines(self, *texts: str) -> None:
        """Add lines."""
        for text in texts:
            self.line(text)

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """Add a line that opens a block, and what is written meanwhile below it."""
        self.line(head)
        outer, self._indent = self._indent, self._indent + "    "
        yield
        self._indent = outer

    def name(self, name: str, value: Any) -> str:
        """Let a name stand for a value; gives the name back, with a number where it has another value already."""
        if self.namespace.setdefault(name, value) is not value:
            name = f"{name}_{len(self.namespace)}"
            self.namespace[name] = value
        return name

    def text(self) -> str:
        """Everything that was written, without the notes."""
        return "\n".join(self._lines) + "\n"

    def text_with_notes(self) -> str:
        """The same, line by line, with the notes."""
        lines = self._lines.copy()
        for number, note in self._notes.items():
            lines[number] += f"  # {note}"
        return "\n".join(lines) + "\n"

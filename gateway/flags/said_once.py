"""Lets what is wrong with a flag through to the log once, and short: it is said again with every request.

What a client has sent stands in such a text: it decides neither how long a record is nor whether another is written.
"""

from __future__ import annotations

import logging
from contextvars import ContextVar

LONGEST = 200
about: ContextVar[str] = ContextVar("about", default="")
"""The flag that is decided just now."""


def shortened(text: str) -> str:
    """A text that a client may have written a part of, for a log."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


class SaidOnce(logging.Filter):
    """Keeps back what was said before: of the same flag, at the same place of the program."""

    def __init__(self) -> None:
        super().__init__()
        self._said: set[tuple[str, str, int]] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record is to be written."""
        flag = about.get()
        key = flag, record.pathname, record.lineno
        if key in self._said:
            return False
        self._said.add(key)
        text = shortened(record.getMessage())
        record.msg, record.args = (f"the flag {flag}: {text}" if flag else text), None
        record.exc_info = record.exc_text = None  # its traceback has the whole text
        return True

    def begin_again(self) -> None:
        """Say all of it once more: there are other flags."""
        self._said.clear()

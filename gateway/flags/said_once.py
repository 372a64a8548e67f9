"""Lets what is wrong with a flag through to the log once, and short: it is said again with every request.

What a client has sent stands in such a text: it decides neither how long a record is nor whether another is written.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

LONGEST = 200
about: ContextVar[str] = ContextVar("about", default="")
"""The flag that is decided just now."""


def shortened(text: str) -> str:
    """A text that a client may have written a part of, for a log."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


@contextmanager
def deciding(flag: str) -> Iterator[None]:
    """What is said meanwhile is about this flag."""
    token = about.set(flag)
    try:
        yield
    finally:
        about.reset(token)


def said_once_at(logger: str, *, is_whole: bool = False) -> SaidOnce:
    """The filter of a logger, which has one only."""
    said = logging.getLogger(logger)
    for one in said.filters:
        if isinstance(one, SaidOnce):
            return one
    new = SaidOnce(is_whole=is_whole)
    said.addFilter(new)
    return new


class SaidOnce(logging.Filter):
    """Keeps back what was said before: of the same flag, at the same place of the program.

    Args:
        is_whole: Whether the first record is left as it is, and those are left alone that are of no flag that the
            gateway asks for: what a provider of the user's own raises is for its author.
    """

    def __init__(self, *, is_whole: bool = False) -> None:
        super().__init__()
        self._is_whole = is_whole
        self._said: set[tuple[str, str, int]] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record is to be written."""
        flag = about.get()
        if self._is_whole and not flag:
            return True
        key = flag, record.pathname, record.lineno
        if key in self._said:
            return False
        self._said.add(key)
        if self._is_whole:
            return True
        text = shortened(record.getMessage())
        record.msg, record.args = (f"the flag {flag}: {text}" if flag else text), None
        record.exc_info = record.exc_text = None  # its traceback has the whole text
        return True

    def begin_again(self) -> None:
        """Say all of it once more: there are other flags."""
        self._said.clear()

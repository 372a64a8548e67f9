"""Lets each text through to the log once: for what is said again with every request."""

from __future__ import annotations

import logging

MOST = 200


class SaidOnce(logging.Filter):
    """Keeps back what was said before. Of more texts than it can know it says nothing."""

    def __init__(self) -> None:
        super().__init__()
        self._said: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record is to be written."""
        text = str(record.msg)
        if text in self._said or len(self._said) >= MOST:
            return False
        self._said.add(text)
        return True

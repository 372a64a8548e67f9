"""What the developer's pages are told: the version that is served, and what is wrong with a later one.

A file: the parent writes it, whichever child serves reads it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from gateway.settings.whole_file import write_whole


class DevStatus:
    """The file.

    Args:
        path: Of the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, version: int, problems: Sequence[str]) -> None:
        """Say which version is served, and each problem of what was saved after it."""
        text = json.dumps({"version": version, "problems": list(problems)})
        write_whole(self._path, text.encode())

    def as_json(self) -> bytes:
        """The status as JSON."""
        try:
            return self._path.read_bytes()
        except OSError:
            return b'{"version": 0, "problems": []}'

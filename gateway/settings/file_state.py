"""What changes with a file, for all who look at one again and again."""

from __future__ import annotations

import os
from pathlib import Path

FileState = tuple[str, int, int, int, int]


def state_of(path: Path) -> FileState:
    """Its name, times, size and number: another tuple when it is changed or replaced. Errors: OSError.

    It follows symbolic links, so that it changes where one of them leads elsewhere (Kubernetes' `..data`).
    """
    found = os.stat(path)
    return str(path), found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino

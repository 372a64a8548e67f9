"""The files of a folder, for all who are given one in place of a file. It looks, and opens nothing."""

from __future__ import annotations

import os
from pathlib import Path


def files_in(folder: Path, *suffixes: str) -> list[Path]:
    """The files in a folder and in those below it whose names end so, sorted.

    Nothing whose name begins with a dot: Kubernetes mounts a ConfigMap as links into a folder `..2026_01_01…`, where
    each file would be found once more. Links are followed, each folder once.
    """
    found: list[Path] = []
    seen: set[str] = set()
    for at, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(at)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [
            Path(at, name) for name in names if name.endswith(suffixes) and not name.startswith(".")
        ]
    return sorted(found)

"""Writes a file so that whoever reads it meanwhile has the one before or the new one, each whole."""

from __future__ import annotations

import os
from pathlib import Path


def write_whole(path: Path, data: bytes) -> None:
    """Put bytes in the place of a file. Errors: OSError; the file is as it was then."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
    fresh.write_bytes(data)
    fresh.replace(path)

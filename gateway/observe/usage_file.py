"""The file of usage: all workers append to it, one of them renames it when it is large. It knows no schema."""

from __future__ import annotations

import fcntl
import logging
import os
from collections.abc import Iterable, Iterator
from io import FileIO
from pathlib import Path
from typing import Any

import orjson

logger = logging.getLogger("gateway.usage")


class UsageFile:
    """A file of lines, and those that it was renamed to.

    Args:
        path: Of the file.
        max_size_bytes: A larger one is renamed to `PATH.1`, before it is appended to.
        max_files: How many renamed ones are kept.
    """

    def __init__(self, path: Path, max_size_bytes: int, max_files: int) -> None:
        self._path = path
        self._max_size_bytes = max_size_bytes
        self._max_files = max_files

    def append(self, lines: Iterable[dict[str, Any]]) -> None:
        """Append lines, whole, whoever else does. Errors: OSError."""
        whole = b"".join(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in lines)
        if not whole:
            return
        # The lock is on a file of its own: the one that is written may be renamed meanwhile.
        with open(f"{self._path}.lock", "ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if self._path.exists() and self._path.stat().st_size > self._max_size_bytes:
                self._rename()
            with open(self._path, "a+b", buffering=0) as file:
                append_whole(file, whole)

    def _rename(self) -> None:
        names = [self._path, *renamed(self._path, self._max_files)]
        for target, source in zip(reversed(names), reversed(names[:-1]), strict=False):
            if source.exists():
                source.replace(target)


def append_whole(file: FileIO, text: bytes) -> None:
    """Append lines, all of them or none; what somebody else has left half stays a line of its own. Errors: OSError."""
    end = os.fstat(file.fileno()).st_size
    if end and os.pread(file.fileno(), 1, end - 1) != b"\n":
        text = b"\n" + text
    left = memoryview(text)
    try:
        while left:
            left = left[file.write(left) :]
    except OSError:
        file.truncate(end)
        raise


def renamed(path: Path, count: int) -> list[Path]:
    """The files that a file is renamed to, the latest first."""
    return [path.with_name(f"{path.name}.{number}") for number in range(1, count + 1)]


def read_usage_lines(paths: Iterable[Path]) -> Iterator[dict[str, Any]]:
    """The lines of files. A broken one is told and left out.

    Errors: OSError; ValueError for a file in which no line is whole.
    """
    for path in paths:
        found, broken = 0, ""
        with open(path, "rb") as file:
            for number, text in enumerate(file, 1):
                try:
                    yield orjson.loads(text)
                    found += 1
                except orjson.JSONDecodeError as exc:
                    broken = f"{path}:{number}: not JSON: {exc}"
                    logger.warning("%s: the line is left out", broken)
        if broken and not found:
            raise ValueError(broken)

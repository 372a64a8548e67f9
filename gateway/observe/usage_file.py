"""A file of lines that all workers append to; one of them renames it when it is large. It knows no schema.

A worker appends to it at intervals what has come together meanwhile.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
from collections.abc import Callable, Iterable, Iterator
from io import FileIO
from pathlib import Path
from typing import Any

import orjson

from gateway.concurrency.looking import Looking

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

    def append(self, lines: Iterable[dict[str, Any]]) -> int:
        """Append lines, whole, whoever else does. Gives how many are no JSON: those are told and left out.

        Errors: OSError.
        """
        encoded, left_out = self._encoded(lines)
        if encoded:
            self._append(b"".join(encoded))
        return left_out

    def _encoded(self, lines: Iterable[dict[str, Any]]) -> tuple[list[bytes], int]:
        encoded: list[bytes] = []
        left_out = 0
        for line in lines:
            try:
                encoded.append(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
            except orjson.JSONEncodeError as exc:
                left_out += 1
                logger.error("%s: a line is left out: %s", self._path, exc)  # noqa: TRY400
        return encoded, left_out

    def _append(self, whole: bytes) -> None:
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


class LineWriter:
    """Appends to a file, at intervals and at the end. What cannot be written is told.

    Args:
        file: That file.
        take: Gives the lines since the last time. It is called where they are noted, in the event loop.
        interval_s: How long lines come together.
        what: They are, as the log says it.
        log: Who is told.

    Attributes:
        lost: How many lines could not be written.
    """

    def __init__(
        self,
        file: UsageFile,
        take: Callable[[], Iterable[dict[str, Any]]],
        interval_s: float,
        what: str,
        log: logging.Logger,
    ) -> None:
        self._file = file
        self._take = take
        self._what = what
        self._log = log
        self._writing = Looking(self.write, lambda: interval_s, what, log)
        self._under_way: asyncio.Future[None] | None = None
        self.lost = 0

    def begin(self) -> None:
        """Write, from now on."""
        self._writing.begin()

    async def aclose(self) -> None:
        """Write what is left."""
        await self._writing.stop()
        if self._under_way is not None:
            await asyncio.wait([self._under_way])
        await self.write()

    async def write(self) -> None:
        """Write what there is now."""
        lines = self._take()
        self._under_way = asyncio.ensure_future(asyncio.to_thread(self._append, lines))
        # A thread ends no earlier, and lines that were taken are nowhere else.
        await asyncio.shield(self._under_way)
        self._under_way = None

    def _append(self, lines: Iterable[dict[str, Any]]) -> None:
        taken = list(lines)
        try:
            self.lost += self._file.append(taken)
        except OSError as exc:
            self.lost += len(taken)
            self._log.error("%s are lost: %s: %s", self._what, exc.filename, exc.strerror)


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

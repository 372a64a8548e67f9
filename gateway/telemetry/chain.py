"""A file of JSON lines of which nothing can be changed unseen: each holds the digest of the line before it.

A line that was changed, taken out or put in is found. A file that is cut at its end, or written anew as a whole, is
found by a head that somebody has kept elsewhere. Several processes may append to one file.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import orjson

START = "0" * 64  # what the first line follows
SHORTEST_HEAD = 16  # of the digits of a head that was kept


class BrokenChainError(ValueError):
    """A line does not follow the one before it, or a head is missing."""


class ChainedFile:
    """Appends to a file.

    Args:
        path: Which; it is made, its folder is not.

    Errors: OSError.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: BinaryIO = path.open("a+b", buffering=0)
        self._size = -1
        self._head = START

    def append(self, line: Mapping[str, Any], *, is_durable: bool = False) -> str:
        """Append one line; its digest, which is the head now. Errors: OSError.

        Args:
            line: What it holds; `previous` is added.
            is_durable: Return when it is on disk.
        """
        file = self._file
        fcntl.flock(file, fcntl.LOCK_EX)  # two processes at once would both follow one line
        try:
            if os.fstat(file.fileno()).st_size != self._size:
                last = last_line(file)
                self._head = digest_of_line(last) if last else START
            text = orjson.dumps({**line, "previous": self._head}, default=str)
            file.write(text + b"\n")
            self._head = digest_of_line(text)
            self._size = os.fstat(file.fileno()).st_size
            if is_durable:
                os.fsync(file.fileno())
            return self._head
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Append no more."""
        self._file.close()


def parsed_lines(lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """Those of the lines that are JSON objects."""
    for line in lines:
        try:
            found = orjson.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict):
            yield found


def last_line(file: BinaryIO) -> bytes:
    """The last line of a file, without its end; a line that was cut off is one too, and is ended."""
    size = file.seek(0, os.SEEK_END)
    step = 4096
    while True:
        file.seek(max(0, size - step))
        lines = file.read().splitlines()
        if len(lines) > 1 or step >= size:
            if lines:
                file.seek(size - 1)
                if file.read(1) != b"\n":
                    file.write(b"\n")
            return lines[-1] if lines else b""
        step *= 2


def digest_of_line(line: bytes) -> str:
    """What the next line says of this one."""
    return hashlib.sha256(line).hexdigest()


def verify_chain(path: Path, head: str | None = None) -> tuple[int, str]:
    """Follow the chain; the number of lines, and the digest of the last one, to be kept elsewhere.

    Args:
        path: The file.
        head: A digest that an earlier call gave, or its first sixteen digits: that line has to be in the chain still.
            Without one, whole lines that were cut off the end are not missed.

    Errors: BrokenChainError naming the first line that does not follow the one before it; OSError.
    """
    previous, seen, count = START, {START}, 0
    with path.open("rb") as file:
        for count, text in enumerate(file, 1):
            line = text.removesuffix(b"\n")
            if line == text:
                raise BrokenChainError(
                    f"{path}:{count}: its end is missing: the file was cut, or a write was"
                )
            entry = next(parsed_lines([line]), None)
            if entry is None:
                raise BrokenChainError(f"{path}:{count}: not a line of the audit log")
            if entry.get("previous") != previous:
                raise BrokenChainError(
                    f"{path}:{count}: does not follow the line before it: one of them was changed, taken out or put in"
                )
            previous = digest_of_line(line)
            if head is not None:
                seen.add(previous)
    is_there = head is None or (
        len(head) >= SHORTEST_HEAD and any(digest.startswith(head) for digest in seen)
    )
    if not is_there:
        raise BrokenChainError(f"{path}: the line {head} is not in it: it was cut or written anew")
    return count, previous

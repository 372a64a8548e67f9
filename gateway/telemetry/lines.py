"""One line of the log: when it is, its bytes as JSON or for people, and one `write` for it."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, BinaryIO

import orjson

from gateway.errors import ConfigError
from gateway.telemetry.pretty import pretty

Encode = Callable[[dict[str, Any]], bytes]


def now() -> str:
    """RFC 3339, UTC, milliseconds."""
    seconds, milliseconds = divmod(time.time_ns() // 1_000_000, 1000)
    return f"{_second(seconds)}.{milliseconds:03d}Z"


@lru_cache(2)
def _second(seconds: int) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%dT%H:%M:%S")


def as_json(line: dict[str, Any]) -> bytes:
    """A line as JSON; what JSON has no word for as its text."""
    return orjson.dumps(
        line, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS, default=str
    )


def encoder_of(log_format: str) -> Encode:
    """What makes bytes of a line: `[logs] format`."""
    return pretty if log_format == "pretty" else as_json


def write_line(stream: BinaryIO, line: bytes) -> None:
    """Write a line and let nothing wait in a buffer."""
    stream.write(line)
    stream.flush()


def open_log(path: str, stream: str) -> BinaryIO:
    """The file of a stream of `[logs]`, to append to. Errors: ConfigError where it cannot be written."""
    with told_as_log(stream):
        return open(path, "ab", buffering=0)


@contextmanager
def told_as_log(stream: str) -> Iterator[None]:
    """Errors: ConfigError for a file that cannot be written, with the setting that names it."""
    try:
        yield
    except OSError as exc:
        problem = f"{exc.filename} cannot be written: {exc.strerror}"
        raise ConfigError(problem, key=f"logs.{stream}") from exc

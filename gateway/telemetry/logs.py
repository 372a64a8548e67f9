"""The gateway's own log: one JSON line for each request, and lines for what goes wrong.

Variables, literals, header values and tokens never reach this module. It blocks for no more than one
`write` of a line.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, Literal

import orjson

from gateway.settings.kinds import HeaderName, LogTarget, MillisecondsOrZero
from gateway.telemetry.chain import ChainedFile
from gateway.telemetry.pretty import pretty


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    """`[logs]`: log destinations and thresholds.

    Attributes:
        format: "json", or "pretty" for people: a short line for each request, tracebacks as Python prints them. The
            audit log is JSON in any case.
        access: "stdout", "off", or the path of a file that is appended to.
        errors: "stderr" or the path of a file that is appended to.
        slow: Operations that took longer than `slow_threshold_ms`: "stderr", "stdout", "off", or a file.
        slow_threshold_ms: Duration from which an operation is written to `slow`; 0 logs every operation.
        audit: A line for each mutation, each operation of which something was denied, each change of API keys
            by `gateway keys`, and each command at the admin port: "stdout", "stderr", "off", or a file. In a file each
            line holds the digest of the one before it; `gateway audit verify` follows them.
        audit_identity: Request headers that identify the user; the audit log includes them.
    """

    format: Literal["json", "pretty"] = "json"
    access: LogTarget = "stdout"
    errors: LogTarget = "stderr"
    slow: LogTarget = "stderr"
    slow_threshold_ms: MillisecondsOrZero = 1000.0
    audit: LogTarget = "off"
    audit_identity: tuple[HeaderName, ...] = ()


class AccessLog:
    """The gateway's lines: one per request, and those of slow operations and of mutations.

    Args:
        settings: Where they go.
    """

    def __init__(self, settings: LogSettings) -> None:
        self.settings = settings
        self._encode = pretty if settings.format == "pretty" else _as_json
        self._owned: list[BinaryIO] = []
        self._access = self._open(settings.access)
        self._lines: list[tuple[Callable[..., str], tuple[Any, ...]]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._slow = self._open(settings.slow)
        self._chain: ChainedFile | None = None
        self._audit: BinaryIO | None = None
        if settings.audit in ("off", "stdout", "stderr"):
            self._audit = self._open(settings.audit)
        else:
            self._chain = ChainedFile(Path(settings.audit))
        errors = self._open(settings.errors) or sys.stderr.buffer
        self._handler = _LineHandler(errors, self._encode)
        logging.getLogger("gateway").addHandler(self._handler)

    def _open(self, target: str) -> BinaryIO | None:
        if target == "off":
            return None
        if target == "stdout":
            return sys.stdout.buffer
        if target == "stderr":
            return sys.stderr.buffer
        file = open(target, "ab", buffering=0)  # noqa: SIM115 - closed by `close`
        self._owned.append(file)
        return file

    def write(self, make: Callable[..., str], *args: Any) -> None:
        """Append the line that `make` gives of `args`, as JSON's text from its fourth member on.

        The lines of one turn of the event loop are made together at its end, and are one write.
        """
        if self._access is None:
            return
        self._lines.append((make, args))
        if len(self._lines) == 1:
            try:
                if self._loop is None:
                    self._loop = asyncio.get_running_loop()
                self._loop.call_soon(self._flush)
            except RuntimeError:  # no loop, or one that is closed: nothing to wait for
                self._loop = None
                self._flush()

    def _flush(self) -> None:
        lines, self._lines = self._lines, []
        if lines and self._access is not None:
            stamp = f'{{"time":"{_now()}","level":"info","event":"request",'
            texts = [stamp + make(*args) for make, args in lines]
            whole = "".join(texts).encode()
            if self._encode is pretty:
                whole = b"".join(pretty(orjson.loads(text)) for text in texts)
            self._access.write(whole)
            self._access.flush()

    def write_slow(self, line: dict[str, Any]) -> None:
        """Append a line of an operation that took long."""
        if self._slow is not None:
            stamp = {"time": _now(), "level": "warning", "event": "slow_operation"}
            _write(self._slow, self._encode({**stamp, **line}))

    def write_audit(self, event: str, line: dict[str, Any]) -> None:
        """Append a line of what was changed or denied."""
        whole = {"time": _now(), "level": "info", "event": event, **line}
        if self._chain is not None:
            self._chain.append(whole)
        elif self._audit is not None:
            _write(self._audit, _as_json(whole))

    def close(self) -> None:
        """Close the files that were opened here."""
        self._flush()
        logging.getLogger("gateway").removeHandler(self._handler)
        for file in self._owned:
            file.close()
        if self._chain is not None:
            self._chain.close()


class _LineHandler(logging.Handler):
    """Log records as lines."""

    def __init__(self, stream: BinaryIO, encode: Callable[[dict[str, Any]], bytes]) -> None:
        super().__init__()
        self._stream = stream
        self._encode = encode

    def emit(self, record: logging.LogRecord) -> None:
        line: dict[str, Any] = {
            "time": _now(),
            "level": record.levelname.lower(),
            "event": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["traceback"] = logging.Formatter().formatException(record.exc_info)
        _write(self._stream, self._encode(line))


def _write(stream: BinaryIO, line: bytes) -> None:
    stream.write(line)
    stream.flush()


def _as_json(line: dict[str, Any]) -> bytes:
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE, default=str)


def _now() -> str:
    seconds, milliseconds = divmod(time.time_ns() // 1_000_000, 1000)
    return f"{_second(seconds)}.{milliseconds:03d}Z"


@lru_cache(2)
def _second(seconds: int) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%dT%H:%M:%S")

"""Lines of Python's logging: the gateway's own, the libraries', and those of resolvers.

Each line of a request says which request it is of. This module knows the members of lines and nothing of GraphQL; what
is under way tells its own.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any, BinaryIO, Protocol

from gateway.telemetry.lines import Encode, encoder_of, now, open_log, write_line
from gateway.telemetry.settings import LogSettings

MEMBERS = "gateway_members"
"""The attribute of a record that holds members of its line."""
# What `LogRecord` itself has: whatever else stands in a record came by `extra`.
_OF_EVERY_RECORD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName", "color_message"}  # fmt: skip
# They write a line with its URL for each call.
CHATTY = ("httpx", "httpcore", "watchfiles")


class UnderWay(Protocol):
    """What a line may be about: an operation, or the context that one is going to have."""

    def log_members(self) -> Mapping[str, Any]:
        """Who asked, and for what."""
        ...


UNDER_WAY: ContextVar[Callable[[], UnderWay | None] | None] = ContextVar(
    "gateway_under_way", default=None
)
"""What a line is about, by a weak reference: connections and timers keep the context that they were made in, and a
request that has ended must not live on in them, nor the schema that it was answered by."""


def members(**values: object) -> dict[str, object]:
    """`extra` of a log call: members of the line beside its message. One that is None is left out."""
    return {MEMBERS: {name: value for name, value in values.items() if value is not None}}


def line_of(record: logging.LogRecord) -> dict[str, Any]:
    """A record as a line of the log."""
    line: dict[str, Any] = {
        "time": now(),
        "level": record.levelname.lower(),
        "event": record.name,
        "message": record.getMessage(),
    }
    reference = UNDER_WAY.get()
    under_way = reference() if reference is not None else None
    if under_way is not None:
        line.update(under_way.log_members())
    own = record.__dict__.get(MEMBERS)
    if own:
        line.update(own)
    extra = {name: value for name, value in record.__dict__.items() if name not in _OF_EVERY_RECORD}
    extra.pop(MEMBERS, None)
    if extra:
        line["extra"] = extra
    if record.exc_info:
        line["traceback"] = logging.Formatter().formatException(record.exc_info)
    return line


class LineHandler(logging.Handler):
    """Writes log records as lines.

    Args:
        stream: Where to.
        encode: One line to its bytes.
    """

    def __init__(self, stream: BinaryIO, encode: Encode) -> None:
        super().__init__()
        self._stream = stream
        self._encode = encode

    def emit(self, record: logging.LogRecord) -> None:
        """Write one."""
        try:
            write_line(self._stream, self._encode(line_of(record)))
        except Exception:
            self.handleError(record)


def attach(name: str, handler: LineHandler, level: str) -> Callable[[], None]:
    """Give a logger a handler and a level; call what is returned to take both away."""
    logger = logging.getLogger(name)
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(level.upper())

    def detach() -> None:
        logger.removeHandler(handler)
        logger.setLevel(before)

    return detach


def is_process_logged() -> bool:
    """Whether `log_process` was called."""
    return any(isinstance(handler, LineHandler) for handler in logging.getLogger().handlers)


def log_process(settings: LogSettings) -> None:
    """Make every log record of this process a line of the error stream: the process serves nothing else.

    Errors: ConfigError for a file that cannot be written.
    """
    errors = settings.errors
    stream = sys.stderr.buffer if errors == "stderr" else open_log(errors, "errors")
    attach("", LineHandler(stream, encoder_of(settings.format)), settings.level)
    logging.captureWarnings(True)
    if settings.level != "debug":
        for name in CHATTY:
            logging.getLogger(name).setLevel("WARNING")

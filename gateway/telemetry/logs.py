"""The gateway's own log: one line for each request, and those of slow operations and of what was changed.

Variables, literals, header values and tokens never reach this module. It blocks for no more than one
`write` of a line.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from gateway.telemetry.chain import ChainedFile
from gateway.telemetry.lines import as_json, encoder_of, now, open_log, told_as_log, write_line
from gateway.telemetry.records import LineHandler, attach, is_process_logged
from gateway.telemetry.settings import LogSettings


class AccessLog:
    """The gateway's lines: one per request, and those of slow operations and of mutations.

    Args:
        settings: Where they go.

    Where the process's whole log is taken care of (`log_process`), that is all; a host application configures its own
    log, and gets the gateway's lines beside it.

    Errors: ConfigError for a file that cannot be written.
    """

    def __init__(self, settings: LogSettings) -> None:
        self.settings = settings
        self._encode = encoder_of(settings.format)
        self._omitted = settings.access_omit
        self._owned: list[BinaryIO] = []
        self._access = self._open(settings.access, "access")
        self._lines: list[tuple[Callable[..., str], tuple[Any, ...]]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._slow = self._open(settings.slow, "slow")
        self._chain: ChainedFile | None = None
        self._audit: BinaryIO | None = None
        if settings.audit in ("off", "stdout", "stderr"):
            self._audit = self._open(settings.audit, "audit")
        else:
            with told_as_log("audit"):
                self._chain = ChainedFile(Path(settings.audit))
        self._detach: Callable[[], None] | None = None
        if not is_process_logged():
            errors = self._open(settings.errors, "errors") or sys.stderr.buffer
            self._detach = attach("gateway", LineHandler(errors, self._encode), settings.level)

    def _open(self, target: str, name: str) -> BinaryIO | None:
        if target == "off":
            return None
        if target == "stdout":
            return sys.stdout.buffer
        if target == "stderr":
            return sys.stderr.buffer
        file = open_log(target, name)
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
            stamp = f'{{"time":"{now()}","level":"info","event":"request",'
            texts = [stamp + make(*args) for make, args in lines]
            if self._omitted or self._encode is not as_json:
                whole = b"".join(map(self._changed, texts))
            else:
                whole = "".join(texts).encode()
            self._access.write(whole)
            self._access.flush()

    def _changed(self, text: str) -> bytes:
        """An access line without the members that are omitted, in the format that is asked for."""
        line = orjson.loads(text)
        for name in self._omitted:
            line.pop(name, None)
        return self._encode(line)

    def write_slow(self, line: dict[str, Any]) -> None:
        """Append a line of an operation that took long."""
        if self._slow is not None:
            stamp = {"time": now(), "level": "warning", "event": "slow_operation"}
            write_line(self._slow, self._encode({**stamp, **line}))

    @property
    def is_audited(self) -> bool:
        """Whether anybody reads the audit stream."""
        return self._chain is not None or self._audit is not None

    def write_audit(self, event: str, line: dict[str, Any]) -> None:
        """Append a line of what was changed or denied. No member of `line` takes the place of the line's own."""
        own = {"time": now(), "level": "info", "event": event}
        whole = own | line | own
        if self._chain is not None:
            self._chain.append(whole)
        elif self._audit is not None:
            write_line(self._audit, as_json(whole))

    def close(self) -> None:
        """Close the files that were opened here."""
        self._flush()
        if self._detach is not None:
            self._detach()
        for file in self._owned:
            file.close()
        if self._chain is not None:
            self._chain.close()

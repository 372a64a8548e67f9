"""A text that a person wrote, from a file: UTF-8, with or without a byte order mark."""

from __future__ import annotations

import os
from codecs import BOM_UTF8
from pathlib import Path
from stat import S_ISDIR, S_ISREG

from gateway.errors import ConfigError


def read_text_file(
    path: str | Path, what: str, *, key: str | None = None, hint: str | None = None
) -> str:
    """A file's text.

    Args:
        path: The file.
        what: What it is, for the error: `schema file`.
        key: Of the configuration that names it.
        hint: What to do where it cannot be read.

    Errors: ConfigError with the file; with line and column of the first byte that is not UTF-8.
    """
    try:
        mode = os.stat(path).st_mode
        # Whoever opens a named pipe waits until somebody writes. Those in /dev are a shell's own, and end.
        if not (S_ISREG(mode) or S_ISDIR(mode) or str(path).startswith("/dev/")):
            why = f"the {what} cannot be read: it is no regular file"
            raise ConfigError(why, key=key, file=str(path), hint=hint)
        raw = Path(path).read_bytes()
    except OSError as exc:
        why = f"the {what} cannot be read: {exc.strerror}"
        raise ConfigError(why, key=key, file=str(path), hint=hint) from exc
    return decoded(raw, what, str(path), key)


def decoded(raw: bytes, what: str, name: str | None = None, key: str | None = None) -> str:
    """Bytes as the text that they are, without a byte order mark.

    Args:
        raw: All of the text.
        what: As for `read_text_file`.
        name: Of the file.
        key: Of the configuration.

    Errors: ConfigError, as above.
    """
    raw = raw.removeprefix(BOM_UTF8)
    try:
        text = raw.decode()
    except UnicodeDecodeError as exc:
        before = raw[: exc.start]
        line = before.count(b"\n") + 1
        column = len(before[before.rfind(b"\n") + 1 :].decode()) + 1
        byte = f"0x{raw[exc.start]:02x}"
        raise ConfigError(
            f"the {what} is not UTF-8: it has the byte {byte}",
            key=key,
            file=name,
            line=line,
            column=column,
            hint="save it as UTF-8",
        ) from exc
    return text.replace("\r\n", "\n").replace("\r", "\n")

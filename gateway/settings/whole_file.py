"""Writes a file so that whoever reads it meanwhile has the one before or the new one, each whole."""

from __future__ import annotations

import fcntl
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

LOCK_WAIT_S = 2.0
LOCK_EVERY_S = 0.02


def write_whole(path: Path, data: bytes) -> None:
    """Put bytes in the place of a file; where it is a link, of the one that it leads to.

    Errors: OSError; the file is as it was then.
    """
    path = path.resolve()
    # Pods that share a folder may have the same process id.
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}.new")
    try:
        fresh.write_bytes(data)
        with suppress(FileNotFoundError):
            fresh.chmod(path.stat().st_mode & 0o777)
        fresh.replace(path)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Nobody else who asks for it changes the file meanwhile, in this process or another one; in a thread.

    Errors: OSError; BlockingIOError where another has it for longer than a write takes.
    """
    folder = path.resolve().parent
    lock = os.open(folder, os.O_RDONLY)  # the file itself is replaced
    try:
        until = time.monotonic() + LOCK_WAIT_S
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as exc:
                if time.monotonic() > until:
                    why = f"another process has a lock on the folder {folder}"
                    raise BlockingIOError(exc.errno, why) from None
            time.sleep(LOCK_EVERY_S)
        yield
    finally:
        os.close(lock)

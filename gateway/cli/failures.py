"""Where the processes of one server meet, and why one of them could not start: it writes that there, its parent tells.

A server of one process tells it itself.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from gateway.app.worker import BROKER_DIRECTORY


@contextmanager
def meeting_place(workers: int) -> Iterator[str | None]:
    """A folder for the time of a `with` block, which the variable names; None for one worker, or where there is one.

    Its name is short: a socket's path has to be.
    """
    if workers == 1 or BROKER_DIRECTORY in os.environ:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="gateway-") as folder:
        os.environ[BROKER_DIRECTORY] = folder
        try:
            yield folder
        finally:
            del os.environ[BROKER_DIRECTORY]


def tell_failure(lines: Sequence[str]) -> None:
    """Say why this process cannot start."""
    folder = os.environ.get(BROKER_DIRECTORY)
    if folder is None:
        print_failure(lines)
    else:
        _file(folder, os.getpid()).write_text(json.dumps(list(lines)))


def failure_of(pid: int | None, code: int | None) -> list[str]:
    """Why a worker that has ended could not start.

    Args:
        pid: Its.
        code: Its exit code, negative for a signal.
    """
    folder = os.environ.get(BROKER_DIRECTORY)
    if folder is not None and pid is not None and _file(folder, pid).exists():
        lines: list[str] = json.loads(_file(folder, pid).read_text())
        return lines
    how = f"was ended by signal {-code}" if code is not None and code < 0 else f"ended with {code}"
    return [f"worker {pid} {how} before it served"]


def print_failure(lines: Sequence[str]) -> None:
    """Tell whoever started the server."""
    for line in lines:
        print(f"gateway: {line}", file=sys.stderr)


def _file(folder: str, pid: int) -> Path:
    return Path(folder) / f"failed-{pid}"

"""Child processes that never outlive their parent, however it ends: not by SIGKILL either.

Each child leads a process group of its own, so that a terminal's Ctrl-C reaches the parent alone, which
then ends the groups in order. In each group a shell reads from a pipe that only the parent could write
to: when the parent is gone it kills the group. (Linux' parent-death signal would reach the leader alone;
PHP's workers outlive theirs.)
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

PATIENCE_S = 5.0
GUARDED = 'exec 3<&0 </dev/null; (read -r _ <&3; kill -KILL 0) >/dev/null 2>&1 & exec "$@" 3<&-'


class ChildError(RuntimeError):
    """A child that could not be started."""


@cache
def _lifeline() -> int:
    """The reading end of a pipe; its other end closes when this process ends."""
    reading, _writing = os.pipe()
    return reading


def spawn(
    command: Sequence[str], *, env: Mapping[str, str], log: Path | None = None
) -> subprocess.Popen[bytes]:
    """Start a process whose group ends with this process.

    Args:
        command: Program and arguments.
        env: The whole environment.
        log: File for its output; None lets it write where this process does.
    """
    with contextlib.ExitStack() as files:
        output = None if log is None else files.enter_context(log.open("wb"))
        return subprocess.Popen(
            ("/bin/sh", "-c", GUARDED, "sh", *command),
            env=dict(env),
            stdin=_lifeline(),
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def end(process: subprocess.Popen[bytes]) -> int:
    """End a child's whole process group, politely first. Returns its exit code."""
    if process.poll() is None:
        _signal_group(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(PATIENCE_S)
    # What is left of the group: workers and guard without a leader, or all of it when it did not listen.
    _signal_group(process.pid, signal.SIGKILL)
    return process.wait()


def _signal_group(group: int, number: int) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return


def wait_until(
    ready: Callable[[], bool], process: subprocess.Popen[bytes], what: str, limit_s: float = 30.0
) -> None:
    """Wait until `ready()`. Errors: ChildError when the process ends before, or the time is over."""
    limit = time.monotonic() + limit_s
    while not ready():
        if process.poll() is not None:
            raise ChildError(f"{what} ended with code {process.returncode} before it was ready")
        if time.monotonic() > limit:
            raise ChildError(f"{what} was not ready after {limit_s:.0f} s")
        time.sleep(0.02)

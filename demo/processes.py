"""Child processes that never outlive their parent: not an exception, not SIGTERM, on Linux not SIGKILL.

Each child leads a process group of its own, so that a terminal's Ctrl-C reaches the parent alone, which
then ends the groups in order.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

PR_SET_PDEATHSIG = 1
PATIENCE_S = 5.0


class ChildError(RuntimeError):
    """A child that could not be started."""


def spawn(
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    log: Path | None = None,
    pass_fds: Sequence[int] = (),
    death_signal: int = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """Start a process that gets `death_signal` when this one ends.

    Args:
        command: Program and arguments.
        env: The whole environment.
        log: File for its output; None lets it write where this process does.
        pass_fds: Descriptors that it keeps.
        death_signal: SIGTERM ends most programs with all that they started.
    """
    output = None if log is None else log.open("wb")
    try:
        return subprocess.Popen(
            command,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=pass_fds,
            start_new_session=True,
            preexec_fn=_die_with(os.getpid(), death_signal),
        )
    finally:
        if output is not None:
            output.close()


def _die_with(parent: int, death_signal: int) -> Callable[[], None] | None:
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl  # loaded before the fork

    def ask() -> None:
        prctl(PR_SET_PDEATHSIG, death_signal)
        if os.getppid() != parent:
            os._exit(1)  # the parent ended before it could be watched

    return ask


def end(process: subprocess.Popen[bytes], first_signal: int = signal.SIGTERM) -> int:
    """End a child's whole process group, politely first. Returns its exit code."""
    _signal_group(process.pid, first_signal)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(PATIENCE_S)
    # What is left of the group: workers whose leader is gone, or all of it when it did not listen.
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

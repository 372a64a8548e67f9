"""The process that started the workers: it replaces all of them when one asks for it."""

from __future__ import annotations

import os
import signal

SERVE_PARENT = "GATEWAY_SERVE_PARENT"
"""The variable that holds the process which starts the workers of `gateway serve`."""


def ask_parent() -> bool:
    """Have the process that started this worker replace all of them, where `gateway serve` has several."""
    parent = os.environ.get(SERVE_PARENT, "")
    if not parent or int(parent) != os.getppid():
        return False
    os.kill(int(parent), signal.SIGUSR2)
    return True

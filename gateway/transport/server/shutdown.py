"""The time between SIGTERM and the server's own shutdown, in which readiness says 503 and everything is still served.

Who balances by asking readiness needs it: a server that stops listening with the signal refuses what is
still sent to it. It changes the process's handler of SIGTERM, where a server has set one, and nothing else.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable
from types import FrameType


def delay_shutdown(delay_s: float, tell: Callable[[], None]) -> None:
    """From now on SIGTERM is told at once, and reaches the server later; a second one at once.

    Args:
        delay_s: How much later.
        tell: Called when the signal comes.
    """
    shut_down = signal.getsignal(signal.SIGTERM)
    if threading.current_thread() is not threading.main_thread() or not callable(shut_down):
        return
    loop = asyncio.get_running_loop()
    told = False

    def on_signal(number: int, frame: FrameType | None) -> None:
        nonlocal told
        if told:
            shut_down(number, frame)
            return
        told = True
        tell()
        loop.call_soon_threadsafe(loop.call_later, delay_s, shut_down, number, frame)

    signal.signal(signal.SIGTERM, on_signal)

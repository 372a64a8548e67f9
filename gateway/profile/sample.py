"""Looks at the calling thread a thousand times a second and keeps which code runs in it."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from types import FrameType, TracebackType

Place = tuple[str, str, int]
"""A function's name, its file, and the line in it."""
Stack = tuple[Place, ...]
"""From the gateway's first function on, outermost first."""

INTERVAL_S = 0.001
SWITCH_S = 1e-5


class Sampler:
    """`with Sampler() as sampler: …`, then `sampler.stacks`.

    Only stacks with code of the gateway, or code that it made, are kept: from its first function on.
    """

    def __init__(self) -> None:
        self.stacks: Counter[Stack] = Counter()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._watched = threading.get_ident()
        self._ended = threading.Event()

    def __enter__(self) -> Sampler:
        self._switch_s = sys.getswitchinterval()
        sys.setswitchinterval(
            SWITCH_S
        )  # or looks find the thread where it waits, not where it works
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()
        sys.setswitchinterval(self._switch_s)

    def _look(self) -> None:
        while not self._ended.wait(INTERVAL_S):
            frame = sys._current_frames().get(self._watched)
            stack = stack_of(frame)
            if stack:
                self.stacks[stack] += 1


def stack_of(frame: FrameType | None) -> Stack:
    """What the event loop was running, from the gateway's first function on; () for none of it, and for waiting."""
    places: list[Place] = []
    while frame is not None and not is_loop(frame):
        code = frame.f_code
        places.append((code.co_qualname, code.co_filename, frame.f_lineno))
        frame = frame.f_back
    if frame is None:  # no callback of the loop is below: it waits
        return ()
    places.reverse()
    for at, (_, file, _) in enumerate(places):
        if is_ours(file):
            return tuple(places[at:])
    return ()


def is_loop(frame: FrameType) -> bool:
    """Whether this is where the event loop calls what is due."""
    return frame.f_code.co_qualname == "Handle._run"


def is_ours(file: str) -> bool:
    """Whether code is the gateway's, or was made by it; the profiler itself is not."""
    if file.startswith("<gateway"):
        return True
    _, found, inside = file.replace("\\", "/").rpartition("/gateway/")
    return bool(found) and not inside.startswith(("profile/", "testing.py"))

"""Room for a thread's frames in one piece of memory.

CPython keeps the frames of a thread in chunks of 16 KiB, and gives a chunk back to the kernel as soon as the call that
began it returns. A loop at just that depth asks for memory with each call: 5 µs instead of 0.1, at whatever depth the
end of a chunk happens to be. A frame that needs a chunk of 1 MiB for itself leaves half of it to all calls below: no
request and no build gets to its end. Pages of it that nobody touches take no memory.

Source: CPython's `push_chunk` in Python/pystate.c, 3.11 to 3.14.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    Loop = asyncio.SelectorEventLoop
else:
    try:
        from uvloop import Loop
    except ImportError:
        Loop = asyncio.SelectorEventLoop

T = TypeVar("T")
# Just more than half of 1 MiB, in references: a chunk's size is the next power of two.
SLOTS = 66_000


def with_room(function: Callable[[], T]) -> T:
    """Call a function whose calls have the room."""
    return function()


with_room.__code__ = with_room.__code__.replace(co_stacksize=SLOTS)


class RoomyLoop(Loop):
    """uvloop's event loop, asyncio's own where that is not installed, whose callbacks have the room."""

    def run_forever(self) -> None:
        """As asyncio says."""
        with_room(super().run_forever)

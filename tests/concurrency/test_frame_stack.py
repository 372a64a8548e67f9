"""Calls have room for their frames: none of them takes memory from the kernel and gives it back."""

from __future__ import annotations

import resource
import sys

import pytest

from gateway.concurrency.frame_stack import Loop, RoomyLoop, with_room

CALLS, DEEPEST = 300, 150


def inner() -> int:
    return 1


def leaf() -> int:
    return inner()


def faults_at(depth: int) -> int:
    """How many pages the kernel gave while a function was called at a depth."""
    if depth:
        return faults_at(depth - 1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(CALLS):
        leaf()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def worst() -> int:
    return max(map(faults_at, range(DEEPEST)))


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="CPython's frames")
def test_no_depth_is_where_each_call_asks_for_memory() -> None:
    assert worst() >= CALLS, "the end of a chunk is somewhere: else there is nothing to mend"
    assert with_room(worst) < CALLS // 10


def test_what_an_event_loop_calls_has_the_room() -> None:
    found: list[int] = []
    loop: Loop = RoomyLoop()
    try:
        loop.call_soon(lambda: found.append(worst()))
        loop.call_soon(loop.stop)
        loop.run_forever()
    finally:
        loop.close()
    assert found[0] < CALLS // 10


def test_what_a_call_gives_and_raises_comes_through() -> None:
    assert with_room(lambda: 5) == 5
    with pytest.raises(ZeroDivisionError):
        with_room(lambda: 1 // 0)

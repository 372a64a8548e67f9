"""Giving the event loop back while a large result is made.

A large result is shaped, encoded and freed in pieces. When a run has held the event loop for a while it pauses between
two pieces. A pause is work like any other, of one turn of the loop, so the driver needs to know nothing of it. There is
no thread: a user's serializers and properties must run on the loop, and threads would only contend for the
interpreter's lock.
490,000 objects, 30 MB, held the loop for 324 to 405 ms; now 10, and once 29 to 38 when the whole body is copied
(CPU time, collector off). A result of fewer than PIECE nodes, with few fields each, has no pause, and one of no
more than PIECE_NODES is encoded at once.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Collection, Generator, Iterable, Iterator, Sequence
from functools import cached_property
from time import perf_counter
from typing import Any

import orjson

from gateway.json_bytes import write_json
from gateway.runtime.bound import BoundComposite, BoundSelection
from gateway.runtime.bounds import PIECE, ResultLimits, bytes_error
from gateway.runtime.state import Run
from gateway.runtime.works import Work

PIECE_S = 0.002
PIECE_VALUES = 10_000
"""Values of the first piece of rows that have many fields: some 3 ms."""
PIECE_NODES = 5_000
"""Nodes that are encoded at once, about 1 MB and 1 ms."""
KEPT_S = 0.005
"""How long a run keeps the loop before it pauses: well below 20 ms, for a piece may take longer than others."""


class Pause:
    """Work that is done by the next turn of the event loop."""

    is_load = True
    timing = None
    may_break = False

    @cached_property
    def awaitables(self) -> Sequence[Awaitable[Any]]:
        """Made when it is asked for: what is never awaited would say so."""
        return (asyncio.sleep(0),)

    def fill(self, outcomes: Sequence[Any]) -> None:
        """Nothing comes of it."""

    def position(self, _number: int, /) -> None:
        """It belongs nowhere."""

    def abandon(self, _numbers: Collection[int], /) -> list[Awaitable[Any]]:
        """Nobody need leave it: it is over in a turn."""
        return []


def pause(run: Run) -> None:
    """Put a pause on the run's work, if it has kept the loop for long."""
    if _is_late(run):
        run.works.append(Pause())


def pause_alone(run: Run) -> Iterator[list[Work]]:
    """The same where there is other work, which waits for what comes after the pause."""
    if not _is_late(run):
        return
    held, broken = run.works[:], run.broken
    run.works[:] = [Pause()]
    run.broken = ()  # it is about the work that is held
    yield run.works
    run.broken = broken
    run.works[:0] = held


def _is_late(run: Run) -> bool:
    """Whether a run has kept the loop for long; it begins to keep it anew then."""
    now = perf_counter()
    run.paused_at = run.paused_at or now
    if not run.limits.is_paused or now - run.paused_at < KEPT_S:
        return False
    run.paused_at = now
    return True


def reached(run: Run) -> bool:
    """What completes lists calls when a run has counted down to its mark; whether this list waits for a pause.

    Errors: ResultLimitError.
    """
    run.take(0)
    if not run.works:
        pause(run)
    is_late = bool(run.works) and run.limits.is_paused
    # Until the pause, whatever list comes next waits for it too.
    run.mark = sys.maxsize if is_late else max(0, run.nodes_left - PIECE)
    return is_late


def rows_at_once(selections: Iterable[BoundSelection]) -> int:
    """How many rows, each of one of these selections, are completed in one piece: fewer where they have many fields."""
    return max(1, min(PIECE, PIECE_VALUES // max(1, _most_values(selections))))


def _most_values(selections: Iterable[BoundSelection]) -> int:
    """How many values a row has, but those in lists of its own."""
    most = 0
    for selection in selections:
        values = 0
        for field in selection.fields:
            output = field.output
            if isinstance(output, BoundComposite):
                values += _most_values(output.by_type.values())
            else:
                values += 1
        most = max(most, values)
    return most


def pieces(run: Run, *columns: list[Any], most: int = PIECE) -> Iterable[tuple[list[Any], ...]]:
    """Columns, a piece of each at a time, `most` rows at first; the loop is given back between them."""
    if len(columns[0]) <= most or not run.limits.is_paused:
        return (columns,)
    return _pieces(run, columns, most)


def _pieces(run: Run, columns: tuple[list[Any], ...], size: int) -> Iterator[tuple[list[Any], ...]]:
    start = 0
    while start < len(columns[0]):
        begin = perf_counter()
        yield tuple([column[start : start + size] for column in columns])
        start += size
        size = max(1, int(size * min(4, PIECE_S / (perf_counter() - begin))))
        pause(run)


def encode_data(
    run: Run, data: dict[str, Any], default: Callable[[Any], Any]
) -> Generator[list[Work], None, orjson.Fragment]:
    """The data of a large result as JSON, encoded in pieces. Errors: ResultLimitError."""
    parts = _Parts(run.limits)
    nodes = run.limits.max_nodes - run.nodes_left
    for _ in _encode(data, nodes, parts, default):
        pause(run)
        if run.works:
            yield run.works
    for rows in _lists_of(run, data):
        size = max(1, PIECE_NODES * len(rows) // nodes)
        while rows:  # to let go of half a million objects at once takes 50 ms, too
            del rows[-size:]
            pause(run)
            if run.works:
                yield run.works
    return orjson.Fragment(b"".join(parts.found))


def _lists_of(run: Run, data: dict[str, Any]) -> Iterator[list[Any]]:
    """The lists of objects at the top of the data: made by shaping, and nobody else's."""
    for root in run.bound.roots:
        for field in root.fields:
            rows = data.get(field.key)
            if field.composite is not None and type(rows) is list:
                yield rows


class _Parts:
    """What has been encoded so far."""

    def __init__(self, limits: ResultLimits) -> None:
        self.found: list[bytes | memoryview] = []
        self._left = limits.max_bytes
        self._limits = limits

    def add(self, part: bytes | memoryview) -> None:
        self._left -= len(part)
        if self._left < 0:
            raise bytes_error(self._limits)
        self.found.append(part)


def _encode(value: Any, nodes: int, parts: _Parts, default: Callable[[Any], Any]) -> Iterator[None]:
    """Encode a value of about so many nodes; stops after each piece.

    What is in each item of a list is not counted, which costs ten times as much as encoding it: items are
    taken for equal. One that is larger than all others is a larger piece.
    """
    if type(value) is dict:
        parts.add(b"{")
        for number, (key, member) in enumerate(value.items()):
            parts.add((b"," if number else b"") + write_json(key) + b":")
            if _is_large(member):
                yield from _encode(member, nodes, parts, default)
            else:
                parts.add(write_json(member, default))
        parts.add(b"}")
    elif type(value) is list and value:
        size = PIECE_NODES * len(value) // max(nodes, 1)
        parts.add(b"[")
        for start in range(0, len(value), max(size, 1)):
            if start:
                parts.add(b",")
            if size > 1:
                parts.add(memoryview(write_json(value[start : start + size], default))[1:-1])
                yield
            else:
                yield from _encode(value[start], nodes // len(value), parts, default)
        parts.add(b"]")
    else:
        parts.add(write_json(value, default))


def _is_large(value: Any) -> bool:
    """Whether there are more values in a value than in a piece."""
    left = PIECE_NODES
    todo = [value]
    while todo and left > 0:
        item = todo.pop()
        if type(item) is dict:
            members: Iterable[Any] = item.values()
        elif type(item) is list:
            members = item
        else:
            continue
        left -= len(item)
        if left > 0:
            todo += [member for member in members if type(member) is dict or type(member) is list]
    return left <= 0

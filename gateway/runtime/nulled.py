"""The positions that an error nulls while a run still waits: what is awaited below them is not waited for any more.

An error in a non-null position nulls the nearest nullable position above it. As in graphql-core, awaitables below that
position are cancelled when the error itself had to be awaited. Otherwise they end in the background, and the answer
may not have to wait at all. This module finds the positions; `drive` cancels, `complete` decides which errors are
reported. It must cost nothing in a run without such an error.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Sequence, Set
from types import NoneType
from typing import Any

from gateway.runtime.bound import BoundComposite, BoundField, BoundList, BoundOutput, BoundSelection
from gateway.runtime.spots import ABANDONED, Failed, Pending
from gateway.runtime.state import Run
from gateway.runtime.works import AwaitedValue, Position, Work

BROKEN = frozenset({NoneType, Failed})
PathKeys = list[str | int]


def settle_in_background(awaitables: Iterable[Awaitable[Any]]) -> None:
    """Let awaitables end by themselves, with nobody waiting; without an event loop they are closed."""
    found = list(awaitables)
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        for awaitable in found:
            if asyncio.iscoroutine(awaitable):
                awaitable.close()
        return
    if found:
        future = asyncio.gather(*found, return_exceptions=True)
        _background.add(future)
        future.add_done_callback(_background.discard)


_background: set[asyncio.Future[Any]] = set()


def nulled_position(position: Position) -> PathKeys:
    """The position that an error at this one nulls: `[]` is all data. §6.4.4"""
    field, keys = position[0], list(position[1])
    while True:
        outputs: list[BoundOutput] = [field.output]
        while isinstance(keys[-len(outputs)], int):
            above = outputs[-1]
            assert isinstance(above, BoundList)
            outputs.append(above.item)
        for output in reversed(outputs):
            if not output.non_null:
                return keys
            keys.pop()
        if field.selection.field is None:
            return keys
        field = field.selection.field


def may_break(position: Position, outcome: Any) -> bool:
    """Whether a failed or null outcome nulls more than its own position."""
    if outcome is None:
        output = position[0].output
        for key in reversed(position[1]):
            if isinstance(key, str):
                break
            assert isinstance(output, BoundList)
            output = output.item
        if not output.non_null:
            return False
    return nulled_position(position) != position[1]


def is_below(keys: PathKeys, nulled: Set[tuple[str | int, ...]]) -> bool:
    """Whether a position is below one of those that are nulled: thousands of either may be."""
    position = tuple(keys)
    return any(position[:depth] in nulled for depth in range(len(position) + 1))


def leave_broken(run: Run, works: list[Work]) -> None:
    """Take off `works` what is below an error or null that did not have to be awaited.

    What it nulls beyond the nearest position that had to be awaited is as if nulled by an awaited error.
    """
    unwanted, more = [], []
    awaited = awaited_positions(run)
    for field, column in run.broken:
        for index, value in enumerate(column):
            if type(value) in BROKEN and value is not ABANDONED:
                keys = run.path_of(field, index).as_list()
                nulled = nulled_position((field, keys))
                depths = range(len(keys) - 1, len(nulled), -1)
                nearest = next((d for d in depths if tuple(keys[:d]) in awaited), None)
                if nearest is None:
                    unwanted.append(nulled)
                else:
                    unwanted.append(keys[:nearest])
                    more.append(nulled)
    run.broken = ()
    run.nulled += tuple(more)
    nulled_now = set(map(tuple, unwanted))
    for work in works:
        _leave(work, [n for n in range(len(work.awaitables)) if is_unwanted(work, n, nulled_now)])
    works[:] = [work for work in works if work.awaitables]


def is_unwanted(work: Work, number: int, nulled: Set[tuple[str | int, ...]]) -> bool:
    """Whether nobody waits for one of a work's awaitables when these positions are nulled."""
    position = work.position(number)
    return is_below(position[1] if position is not None else [], nulled)


def _leave(work: Work, numbers: Sequence[int]) -> None:
    if numbers:
        settle_in_background(work.abandon(dict.fromkeys(numbers)))


def leave_spots(run: Run) -> None:
    """The same for spots: takes off the run's work those below an error or null at a spot that was not awaited."""
    run.has_failed = False
    walk = _Walk(run)
    for above, shaped in run.shaped or [(None, run.data or {})]:
        walk.look_through(run.bound.roots, shaped, above.as_list() if above is not None else [])
    run.nulled += tuple(walk.nulled)
    for work in run.works:
        if (
            isinstance(work, AwaitedValue)
            and work.spot is not None
            and id(work.spot) in walk.unwanted
        ):
            _leave(work, [0])
    run.works[:] = [work for work in run.works if work.awaitables]


class _Walk:
    """Looks through a response that is being made.

    Attributes:
        unwanted: Ids of the spots that nobody waits for.
        nulled: What is nulled by errors and nulls that had to be awaited.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.unwanted: set[int] = set()
        self.nulled: list[PathKeys] = []
        self._awaited = awaited_positions(run)

    def look_through(
        self, selections: Sequence[BoundSelection], data: dict[str, Any], path: PathKeys
    ) -> tuple[bool, list[int]]:
        """Whether a field nulls the object; else the spots below that are still awaited."""
        fields = [field for s in selections for field in s.fields if field.key in data]
        return self._all([(f, f.output, data[f.key], [*path, f.key]) for f in fields])

    def _all(
        self, places: Iterable[tuple[BoundField, BoundOutput, Any, PathKeys]]
    ) -> tuple[bool, list[int]]:
        is_nulled = False
        spots: list[int] = []
        for place in places:
            breaks, below = self._place(*place)
            is_nulled = is_nulled or breaks
            spots += below
        if is_nulled:
            self.unwanted.update(spots)
            return True, []
        return False, spots

    def _place(
        self, field: BoundField, output: BoundOutput, value: Any, path: PathKeys
    ) -> tuple[bool, list[int]]:
        """Whether a place nulls what it is in; else the spots at and below it that are still awaited."""
        was_awaited = tuple(path) in self._awaited
        while isinstance(value, Pending):
            if value.value is value:
                return False, [id(value)]
            was_awaited = was_awaited or value.is_awaited
            value = value.value
        is_nulled = isinstance(value, Failed) and value is not ABANDONED
        spots: list[int] = []
        if isinstance(output, BoundList) and isinstance(value, list):
            items = enumerate(value)
            is_nulled, spots = self._all(
                [(field, output.item, item, [*path, index]) for index, item in items]
            )
        elif isinstance(output, BoundComposite) and isinstance(value, dict):
            selection = output.only or self.run.kinds.get(id(value), (None, None))[1]
            if selection is not None:
                is_nulled, spots = self.look_through([selection], value, path)
        if not (is_nulled and output.non_null):
            return False, spots
        if was_awaited:
            self.nulled.append(nulled_position((field, path)))
        return not was_awaited, spots


def awaited_positions(run: Run) -> set[tuple[str | int, ...]]:
    """The positions of all cells that were awaited."""
    found = set()
    for work in run.waited:
        if not (isinstance(work, AwaitedValue) and work.spot):
            for number in range(len(work.awaitables)):
                position = work.position(number)
                if position is not None:
                    found.add(tuple(position[1]))
    return found

"""What a run waits for: awaitables and the places where their outcomes go.

Steps and spots put these on `run.works`; `drive` runs them. An outcome is a value or a `Failed`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from gateway.runtime.spots import ABANDONED, Failed, Pending
from gateway.telemetry.trace import Timing

if TYPE_CHECKING:
    from gateway.runtime.bound import BoundField
    from gateway.runtime.state import Run

Position = tuple[
    "BoundField", list["str | int"]
]  # a field, and a path in the response that it gives


class Work(Protocol):
    """Some awaitables that belong together.

    Attributes:
        awaitables: What to await.
        is_load: Whether it is one call of a loader of ours, which is awaited without a task when it is alone. All
            other awaitables run in a task each.
        may_break: Whether a null or an error in the outcome may null a position above its own.
        timing: The record of the step that they belong to; None when nothing is timed.
    """

    awaitables: Sequence[Awaitable[Any]]
    is_load: bool
    may_break: bool
    timing: Timing | None

    def fill(self, outcomes: Sequence[Any]) -> None:
        """Take the outcomes, in the order of `awaitables`."""
        ...

    def position(self, number: int, /) -> Position | None:
        """Where the outcome of an awaitable belongs; None when that is not one position."""
        ...

    def abandon(self, numbers: Collection[int], /) -> list[Awaitable[Any]]:
        """Wait no longer for the awaitables with these numbers, which are given back."""
        ...


class Cells:
    """Awaitables in some cells of a column."""

    __slots__ = ("awaitables", "column", "field", "indices", "may_break", "run", "timing")
    is_load = False

    def __init__(
        self,
        run: Run,
        field: BoundField,
        column: list[Any],
        indices: Sequence[int],
        timing: Timing | None = None,
    ) -> None:
        self.run = run
        self.field = field
        self.may_break = field.output.non_null
        self.timing = timing
        self.column = column
        self.indices = indices
        self.awaitables: list[Awaitable[Any]] = [column[index] for index in indices]

    def fill(self, outcomes: Sequence[Any]) -> None:
        """Put each outcome where its awaitable was."""
        column = self.column
        for index, outcome in zip(self.indices, outcomes, strict=True):
            column[index] = outcome

    def position(self, number: int) -> Position:
        """The field of one row."""
        return self.field, self.run.path_of(self.field, self.indices[number]).as_list()

    def abandon(self, numbers: Collection[int]) -> list[Awaitable[Any]]:
        """Fill the cells of these awaitables."""
        found = [self.awaitables[number] for number in numbers]
        for number in numbers:
            self.column[self.indices[number]] = ABANDONED
        kept = [number for number in range(len(self.indices)) if number not in numbers]
        self.indices = [self.indices[number] for number in kept]
        self.awaitables = [self.awaitables[number] for number in kept]
        return found


class AwaitedValue:
    """One awaitable whose outcome goes to a function.

    Args:
        awaitable: What to await.
        put: Takes the outcome.
        is_load: Whether it is a call of a loader.
        timing: Of the step.
        find: Finds the outcome's position in the response; None where the outcome is not one position's.
        spot: The spot that waits for it.
    """

    __slots__ = ("awaitables", "find", "is_load", "may_break", "put", "spot", "timing")

    def __init__(
        self,
        awaitable: Awaitable[Any],
        put: Callable[[Any], None],
        is_load: bool,
        timing: Timing | None = None,
        find: Callable[[], Position] | None = None,
        spot: Pending | None = None,
    ) -> None:
        self.timing = timing
        self.awaitables: Sequence[Awaitable[Any]] = (awaitable,)
        self.put = put
        self.is_load = is_load
        self.find = find
        self.spot = spot
        self.may_break = find is not None

    def fill(self, outcomes: Sequence[Any]) -> None:
        """Hand the outcome on."""
        self.put(outcomes[0])

    def position(self, _number: int) -> Position | None:
        """Where the outcome belongs."""
        return self.find() if self.find is not None else None

    def abandon(self, _numbers: Collection[int]) -> list[Awaitable[Any]]:
        """Hand on that nobody waits for it."""
        found = list(self.awaitables)
        self.awaitables = ()
        self.put(ABANDONED)
        return found


def into(column: list[Any], index: int) -> Callable[[Any], None]:
    """Puts an outcome at its place."""
    return lambda outcome: column.__setitem__(index, outcome)


def spread(column: list[Any], wanted: int, coordinate: str) -> Callable[[Any], None]:
    """Puts a loader's outcome into a column: its values, or its error in every cell.

    An exception among the values stays as it is: completion takes one for an error wherever it stands.
    """

    def put(outcome: Any) -> None:
        if isinstance(outcome, Failed):
            column[:] = [outcome] * wanted
        elif len(outcome) == wanted:
            column[:] = outcome
        else:
            message = f"the loader of {coordinate} gave {len(outcome)} values for {wanted} parents"
            column[:] = [Failed(ValueError(message))] * wanted

    return put

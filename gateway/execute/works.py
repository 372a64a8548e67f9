"""What a run waits for: awaitables and the places where their outcomes go.

Steps and spots put these on `run.works`; `drive` runs them. An outcome is a value or a `Failed`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from gateway.execute.spots import Failed
from gateway.telemetry.trace import Timing


class Work(Protocol):
    """Some awaitables that belong together.

    Attributes:
        awaitables: What to await.
        is_load: One loader call of ours: awaited as it is when nothing else has to be awaited. All
            others run in a task each.
        timing: The step that they belong to, when it is timed.
    """

    awaitables: Sequence[Awaitable[Any]]
    is_load: bool
    timing: Timing | None

    def fill(self, outcomes: Sequence[Any]) -> None:
        """Take the outcomes, in the order of `awaitables`."""
        ...


class Cells:
    """Awaitables in some cells of a column."""

    __slots__ = ("awaitables", "column", "indices", "timing")
    is_load = False

    def __init__(
        self, column: list[Any], indices: Sequence[int], timing: Timing | None = None
    ) -> None:
        self.timing = timing
        self.column = column
        self.indices = indices
        self.awaitables: list[Awaitable[Any]] = [column[index] for index in indices]

    def fill(self, outcomes: Sequence[Any]) -> None:
        """Put each outcome where its awaitable was."""
        column = self.column
        for index, outcome in zip(self.indices, outcomes, strict=True):
            column[index] = outcome


class Call:
    """One awaitable whose outcome goes to a function."""

    __slots__ = ("awaitables", "is_load", "put", "timing")

    def __init__(
        self,
        awaitable: Awaitable[Any],
        put: Callable[[Any], None],
        is_load: bool,
        timing: Timing | None = None,
    ) -> None:
        self.timing = timing
        self.awaitables = (awaitable,)
        self.put = put
        self.is_load = is_load

    def fill(self, outcomes: Sequence[Any]) -> None:
        """Hand the outcome on."""
        self.put(outcomes[0])


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

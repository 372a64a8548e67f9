"""What stands in a column or in the response where there is no finished value yet.

The fast path never raises and never builds a path: it leaves one of these where a value is not what it
expected, and `expand` and `complete` deal with them once everything else is shaped.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gateway.execute.bound import BoundField, BoundOutput


class Origin(Enum):
    """Where a value was found, which decides what graphql-core does with it first."""

    PROPERTY = auto()  # read of a parent: called when it can be, then awaited when it can be
    ITEM = auto()  # in a list: awaited when it can be
    RESOLVED = auto()  # what a resolver gave, awaited already: taken as it is


class Failed:
    """An error that belongs to this place: it is located, and nulls what it nulls, in `complete`."""

    __slots__ = ("error",)

    def __init__(self, error: Exception) -> None:
        self.error = error


class BadValueError(Exception):
    """What completing a value raised: it may say the value, which is not for clients.

    Shape: `args` is what was raised, as the reference raises it, and the name of the type that the value was
        completed to. Without an `__init__`, for one response may have thousands.
    """


class AbandonedError(Exception):
    """Nobody waits for a value: an error has nulled what it is below."""


ABANDONED = Failed(AbandonedError())


class FailedList(Failed):
    """An iterable that raised after giving some items, which may hold errors of their own."""

    __slots__ = ("items",)

    def __init__(self, error: Exception, items: list[Any]) -> None:
        super().__init__(error)
        self.items = items


class Pending:
    """A value that the fast path did not expect: to be completed exactly.

    Attributes:
        field: The field that it is below.
        output: What it has to be completed to: the field's output, or an item's.
        raw: The value as found.
        origin: Where it was found.
        value: The completed value, once there is one.
        is_awaited: Whether it had to be awaited.
    """

    __slots__ = ("field", "is_awaited", "origin", "output", "raw", "value")

    def __init__(self, field: BoundField, output: BoundOutput, raw: Any, origin: Origin) -> None:
        self.field = field
        self.output = output
        self.raw = raw
        self.origin = origin
        self.value: Any = self
        self.is_awaited = False

"""What stands in a column or in the response where there is no finished value yet.

The fast path never raises and never builds a path: it leaves one of these where a value is not what it
expected, and `expand` and `complete` deal with them once everything else is shaped.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from enum import Enum, auto
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gateway.runtime.bound import BoundField, BoundOutput
    from gateway.runtime.forms import RowObserver
    from gateway.runtime.state import Run

OWN_FILES = (str(Path(__file__).parent), "<gateway plan", "<gateway shapes")


class ValueOrigin(Enum):
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


class UnreadError(Exception):
    """A value is not what its type allows, and nobody is going to read how."""


ABANDONED = Failed(AbandonedError())
AWAITING = object()
"""In a column or list where the outcome of something awaited will stand: not null, which would null what is above."""
UNREAD = Failed(UnreadError())
"""At a spot whose `raw` is to be completed again, should somebody want to read its error after all."""


def bare(error: Exception) -> Exception:
    """An error without the frame that caught it."""
    traceback = error.__traceback__
    error.__traceback__ = traceback.tb_next if traceback is not None else None
    return error


def untraced(error: BaseException) -> Failed:
    """An error that nobody is going to read, with no frame of where it came from."""
    drop_frames(error)
    return Failed(error)  # type: ignore[arg-type]


def drop_frames(error: BaseException | None) -> None:
    """Take the frames from an error and from what it came of.

    Frames keep their callers, down to those that hold the error among their values: a cycle, which only the collector
    ends, and it sees to large values seldom.
    """
    while error is not None and error.__traceback__ is not None:
        error.__traceback__ = None
        error = error.__cause__ or error.__context__


def clear_frames(run: Run, error: BaseException | None) -> None:
    """Empty the frames of a run that is over which an error keeps; those of users stay, and of other runs."""
    while error is not None and error.__traceback__ is not None:
        traceback = error.__traceback__
        while traceback.tb_next is not None:
            traceback = traceback.tb_next
        for start in (error.__traceback__.tb_frame, traceback.tb_frame):
            frame: FrameType | None = start
            while frame is not None:
                if frame.f_code.co_filename.startswith(OWN_FILES):
                    names = frame.f_locals
                    owner = getattr(names.get("self"), "run", None)
                    if names.get("run", owner) is run:
                        with suppress(RuntimeError):  # it is still running
                            frame.clear()
                frame = frame.f_back
        error = error.__cause__ or error.__context__


def caught(error: Exception) -> Failed:
    """An error at its place, where it was caught."""
    return Failed(bare(error))


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

    def __init__(
        self, field: BoundField, output: BoundOutput, raw: Any, origin: ValueOrigin
    ) -> None:
        self.field = field
        self.output = output
        self.raw = raw
        self.origin = origin
        self.value: Any = self
        self.is_awaited = False


class LargeList:
    """A list of the response that is completed in pieces.

    Attributes:
        done: The completed items, which stand in the response already.
        items: All of them.
        complete: Adds the completed ones of some items.
        field, item: Of the list, for items that have to be completed exactly.
        observer: Is told of rows of another form.
        most: How many items there are in the first piece.
    """

    __slots__ = ("complete", "done", "field", "item", "items", "most", "observer")

    def __init__(
        self,
        items: list[Any],
        complete: Callable[[list[Any], Run, list[Any]], None],
        field: BoundField,
        item: BoundOutput,
        observer: RowObserver | None,
        most: int,
    ) -> None:
        self.most = most
        self.done: list[Any] = []
        self.items = items
        self.complete = complete
        self.field = field
        self.item = item
        self.observer = observer

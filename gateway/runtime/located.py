"""Errors of a run: located in the document and the response, counted, and let go."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType, TracebackType

from graphql import GraphQLError, located_error

from gateway.errors import MoreErrorsError
from gateway.runtime.bound import (
    BoundField,
)
from gateway.runtime.denied import DeniedFieldError
from gateway.runtime.spots import (
    BadValueError,
    clear_frames,
)
from gateway.runtime.state import Run

PathKeys = list[str | int]


MOST_RELEASED = 100
COMPLETE_FILE = str(Path(__file__).with_name("complete.py"))


def take_errors(run: Run) -> list[GraphQLError] | None:
    """The errors of a run that is over, which from then on neither hold it nor are held by it."""
    errors = all_errors(run)
    for error in errors[:MOST_RELEASED]:  # those of one resolver keep the same frames
        clear_frames(run, error.original_error or error)
    run.errors, run.broken = [], ()
    return errors or None


def all_errors(run: Run) -> list[GraphQLError]:
    """The errors of a run; where there are more than it may have, the last says how many."""
    if not run.more_errors:
        return run.errors
    more = MoreErrorsError(run.more_errors, run.limits.max_errors)
    return [*run.errors, GraphQLError(more.message, original_error=more)]


class UnlocatedError(Exception):
    """An error beyond those that an answer may have: it nulls what it nulls, and is counted."""


def note(run: Run, error: GraphQLError | UnlocatedError) -> None:
    """Put an error to those of the response, with the traceback and cause of what was raised, as graphql-core does."""
    if type(error) is UnlocatedError:
        error.__traceback__ = None
        run.more_errors += 1
        return
    assert isinstance(error, GraphQLError)
    original = error.original_error
    error.__traceback__ = _raised_at(original or error)
    if original is not None and original.__cause__ is not None:
        error.__cause__ = original.__cause__
    if type(original) is DeniedFieldError:
        return  # told once, for the whole operation
    run.errors.append(error)
    run.errors_left -= 1


def _raised_at(error: BaseException) -> TracebackType | None:
    """An error's traceback without the frames that it came through on its way to the place that it nulls.

    They hold what is completed, and the run: a cycle.
    """
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_frame.f_code.co_filename == COMPLETE_FILE:
        traceback = traceback.tb_next
    return traceback


def _complete_value() -> Iterator[FrameType]:
    yield sys._getframe()  # nothing raised: the value is not what its field's type allows


_completion = _complete_value()
_frame = next(_completion)  # of a generator that waits: it holds no caller
COMPLETION = TracebackType(None, _frame, _frame.f_lasti, _frame.f_lineno)
"""For errors that nothing raised. Tools that look for a traceback take an error without one for no failure."""


def locate(run: Run, field: BoundField, error: Exception, path: PathKeys) -> GraphQLError:
    """The error with its place in the document and in the response, as graphql-core locates it.

    graphql-core finds line and column anew for each error, by a search through the whole text. Here that
    is done once for each field; the rest is left to its own constructor. Where a value could not be completed,
    the error's `bad_type` names the type, for `response.masking`, which may not show the value.
    """
    bad_type = None
    if type(error) is BadValueError:
        error, bad_type = error.args
    if error.__traceback__ is None and not run.bound.is_fixed:
        error.__traceback__ = COMPLETION
    if (
        getattr(error, "path", None)
        or getattr(error, "nodes", None)
        or getattr(error, "source", None)
        or getattr(error, "positions", None)
    ):  # it brings a place of its own
        located = located_error(error, run.source.nodes(field.plan.nodes), list(path))
    else:
        place = run.places.get(field.id)
        if place is None:
            nodes = run.source.nodes(field.plan.nodes)
            place = run.places[field.id] = GraphQLError("", nodes)
        located = located_error(error, None, list(path))
        located.nodes = place.nodes and list(place.nodes)
        located.source = place.source
        located.positions = place.positions and list(place.positions)
        located.locations = place.locations and list(place.locations)
    if bad_type is not None:
        located.bad_type = bad_type  # type: ignore[attr-defined]
    return located


def fields_above_spots(run: Run) -> set[int]:
    """The fields that a spot is below, and all fields above them."""
    found: set[int] = set()
    for number in run.dirty:
        field: BoundField | None = run.bound.fields[number]
        while field is not None and field.id not in found:
            found.add(field.id)
            field = field.selection.field
    return found

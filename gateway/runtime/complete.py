"""Exact completion, second half: what an error nulls, and the errors of the response.

Goes through the completed response in its order, but only where a spot was left, and does what graphql-core's executor
does with an error: it is located, nulls the nearest nullable place, and what comes after it below is not looked at.
§6.4.4
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, TypeVar

from graphql import GraphQLError

from gateway.runtime import reference
from gateway.runtime.awaited import AwaitedPlaces
from gateway.runtime.bound import (
    BoundComposite,
    BoundField,
    BoundLeaf,
    BoundList,
    BoundOutput,
    BoundSelection,
)
from gateway.runtime.denied import DeniedFieldError
from gateway.runtime.expand import expand_value
from gateway.runtime.located import (
    PathKeys,
    UnlocatedError,
    all_errors,
    fields_above_spots,
    locate,
    note,
)
from gateway.runtime.pauses import pause_alone
from gateway.runtime.spots import ABANDONED, UNREAD, Failed, FailedList, Pending
from gateway.runtime.state import Run
from gateway.runtime.works import Work

T = TypeVar("T")
Steps = Generator[list[Work], None, T]
PLACES = 200
"""So many places are completed before it is looked whether to give the event loop back."""


def complete_root(
    run: Run, selection: BoundSelection, data: dict[str, Any]
) -> Steps[dict[str, Any] | None]:
    """The data of a root selection; None when an error reached it. Errors go to the run."""
    if not run.dirty:
        return data
    try:
        return (yield from _Completion(run).complete_object(selection, data, []))
    except (GraphQLError, UnlocatedError) as error:
        note(run, error)
        return None


def complete_parent(
    run: Run, selection: BoundSelection, data: dict[str, Any], path: PathKeys
) -> Steps[tuple[dict[str, Any] | None, list[GraphQLError]]]:
    """What a deferred plan made of one row that it began with, and the errors below this row.

    Args:
        run: The run of the deferred plan.
        selection: Its root selection.
        data: What is completed, in place.
        path: Of the row in the response.
    """
    run.errors, run.more_errors = [], 0
    completed: dict[str, Any] | None = None
    try:
        completed = yield from _Completion(run).complete_object(selection, data, list(path))
    except (GraphQLError, UnlocatedError) as error:
        note(run, error)
    return completed, all_errors(run)


class _Completion:
    def __init__(self, run: Run) -> None:
        self.run = run
        self.fields = fields_above_spots(run)
        self.known: dict[int, list[BoundField]] = {}
        self.awaited = AwaitedPlaces(run)
        self.immediate: Exception | None = None  # on its way up
        self.places_left = PLACES

    def complete_object(
        self, selection: BoundSelection, data: dict[str, Any], path: PathKeys
    ) -> Steps[dict[str, Any]]:
        for field in self.fields_of(selection):
            key = field.key
            value = data[key]
            # A leaf without a spot is finished, and so is null.
            if value is None or type(value) in _FINISHED:
                continue
            self.places_left -= 1
            if self.places_left < 0:
                yield from self.pause()
            path.append(key)
            try:
                if type(field.output) is BoundLeaf:
                    data[key] = self.complete_leaf(field, field.output, value, path)
                else:
                    data[key] = yield from self.complete_place(field, field.output, value, path)
            except GraphQLError as error:
                path.pop()
                places = [(f.key, f, f.output) for f in selection.fields if f.key in data]
                number = [place[1] for place in places].index(field)
                raise (yield from self.find_error(data, places, number, path, error)) from None
            path.pop()
        return data

    def pause(self) -> Steps[None]:
        """Give the event loop back, if it was kept for long."""
        self.places_left = PLACES
        yield from pause_alone(self.run)

    def fields_of(self, selection: BoundSelection) -> list[BoundField]:
        """The fields of a selection that a spot is below."""
        known = self.known.get(selection.id)
        if known is None:
            known = [field for field in selection.fields if field.id in self.fields]
            self.known[selection.id] = known
        return known

    def complete_leaf(
        self, field: BoundField, output: BoundLeaf, value: Any, path: PathKeys
    ) -> Any:
        """What `complete_place` gives for a leaf, which nothing is below."""
        raw = None
        while type(value) is Pending:
            if value.is_awaited:
                self.awaited.note(path)
            raw, value = value.raw, value.value
        if type(value) is not Failed:
            return value
        if value is ABANDONED:
            return None  # something that is not nulls what this is below
        if value is UNREAD and self.run.errors_left > 0:
            value = expand_value(self.run, field, output, raw)
        # Not raised to be caught right here: that would keep every frame of the way alive.
        error = self.located(field, value.error, path)
        if output.non_null:
            raise error
        note(self.run, error)
        return None

    def complete_place(
        self, field: BoundField, output: BoundOutput, value: Any, path: PathKeys
    ) -> Steps[Any]:
        """A field's value or a list's item: an error below ends here when it may be null."""
        if isinstance(output, BoundLeaf):
            return self.complete_leaf(field, output, value, path)
        while type(value) is Pending:
            if value.is_awaited:
                self.awaited.note(path)
            value = value.value
        if value is ABANDONED:
            return None
        depth = len(path)
        if type(value) is Failed:
            cause = value.error
        else:
            try:
                return (yield from self.complete_value(field, output, value, path))
            except Exception as raised:
                del path[depth:]
                cause = raised
        error = self.located(field, cause, path)
        if output.non_null:
            raise error
        note(self.run, error)
        return None

    def located(
        self, field: BoundField, error: Exception, path: PathKeys
    ) -> GraphQLError | UnlocatedError:
        """The error with its place, as long as the answer may have more."""
        if type(error) is UnlocatedError:
            return error
        if self.run.errors_left > 0 or type(error) is DeniedFieldError:
            return locate(self.run, field, error, path)
        return UnlocatedError()

    def complete_value(
        self, field: BoundField, output: BoundOutput, value: Any, path: PathKeys
    ) -> Steps[Any]:
        if type(value) is FailedList and isinstance(output, BoundList):
            yield from self.complete_items(field, output.item, value.items, path)
            raise value.error
        if value is None:
            return None
        if isinstance(output, BoundList):
            return (yield from self.complete_items(field, output.item, value, path))
        if isinstance(output, BoundComposite):
            selection = output.only or self.run.kinds.get(id(value), (None, None))[1]
            if selection is not None:
                return (yield from self.complete_object(selection, value, path))
        return value

    def complete_items(
        self, field: BoundField, item: BoundOutput, items: list[Any], path: PathKeys
    ) -> Steps[list[Any]]:
        for index, value in enumerate(items):
            if value is None or type(value) in _FINISHED:
                continue
            self.places_left -= 1
            if self.places_left < 0:
                yield from self.pause()
            path.append(index)
            try:
                items[index] = yield from self.complete_place(field, item, value, path)
            except GraphQLError as error:
                path.pop()
                places = [(number, field, item) for number in range(len(items))]
                raise (yield from self.find_error(items, places, index, path, error)) from None
            path.pop()
        return items

    def find_error(
        self,
        values: Any,
        places: list[tuple[Any, BoundField, BoundOutput]],
        number: int,
        path: PathKeys,
        error: GraphQLError,
    ) -> Steps[GraphQLError | UnlocatedError]:
        """Which error nulls an object or list after one of its places gave one.

        graphql-core completes in order what does not have to be awaited, and awaits all the rest together: the
        first error of the former ends it, and then nobody hears of what the latter end with.

        Args:
            values: The object or list.
            places: Keys of its places, with the field and the output of each.
            number: The place with the error.
            path: Of the object or list.
            error: That error.
        """
        is_in_order = self.run.waits and not reference.IS_3_3
        if is_in_order or not self.awaited.look_at_cells():
            return error
        found: GraphQLError | UnlocatedError | None = error
        key = places[number][0]
        for place in places[number + 1 :]:
            if found is not None and self.is_immediate(path, key, found):
                break
            key = place[0]
            found = yield from self.try_place(values, place, path)
        if found is None or not self.is_immediate(path, key, found):
            return error
        self.awaited.forget_errors(path)
        self.immediate = found
        return found

    def is_immediate(self, path: PathKeys, key: Any, error: GraphQLError | UnlocatedError) -> bool:
        """Whether an error of a place comes without waiting: with it, nobody waits for what is below."""
        if self.awaited.is_awaited(path, key):
            return False
        return error is self.immediate or not self.awaited.includes(path, key)

    def try_place(
        self, values: Any, place: tuple[Any, BoundField, BoundOutput], path: PathKeys
    ) -> Steps[GraphQLError | UnlocatedError | None]:
        """Complete one more place: the error that it gives."""
        key, field, output = place
        depth = len(path)
        path.append(key)
        try:
            if field.id in self.fields:
                values[key] = yield from self.complete_place(field, output, values[key], path)
        except (GraphQLError, UnlocatedError) as error:
            return error
        finally:
            del path[depth:]
        return None


_FINISHED = frozenset({str, int, float, bool})

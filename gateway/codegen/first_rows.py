"""When the functions that complete the rows of a selection are made: once they pay.

To write and compile them takes as long as to complete some forty rows without. So the exact path (`runtime.expand`)
completes the first rows of each selection, which needs none, and operations that come once, or whose answers are small,
never have them made. A selection whose rows stand encoded needs none either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import repeat
from typing import Any

from gateway.codegen.functions import FunctionWriter
from gateway.codegen.shapes import PlanShapes
from gateway.graph.loader import DecodedRow
from gateway.plan.nodes import Kind
from gateway.runtime.bound import (
    BoundComposite,
    BoundField,
    BoundLeaf,
    BoundOutput,
    BoundSelection,
)
from gateway.runtime.slow import SettledShape, exact_row
from gateway.runtime.state import Run
from gateway.runtime.variants import client_key

MOST_ROWS = 24
"""So many rows of a settled selection, and of what is below them, are completed before its functions are made."""


def settle(
    shapes: PlanShapes,
    selection: BoundSelection,
    columns: list[BoundField],
    encoded: Sequence[BoundField],
    *,
    is_checked: bool,
) -> SettledShape:
    """How the rows of a settled selection are completed.

    Args:
        shapes: Gets the functions, once they are made.
        selection: The selection.
        columns: Fields whose values come as columns.
        encoded: Those of them that have a column more, of values that are encoded already.
        is_checked: Whether arguments of a property below may be wrong.
    """
    given = {column.id for column in columns}
    reads = any(f.plan.kind is Kind.PROPERTY and f.id not in given for f in selection.fields)
    observer = shapes.observer(selection)
    first = FirstRows(shapes, encoded)
    return SettledShape(selection, observer, columns, first, reads=reads, is_checked=is_checked)


def compile_all(namespace: Iterable[Any]) -> None:
    """Make the functions of the settled selections among the values of a plan's names."""
    for value in namespace:
        if isinstance(value, SettledShape) and isinstance(value.first, FirstRows):
            value.first.compile(value)


class FirstRows:
    """Completes the first rows of a settled selection, then has its function made, which takes its place.

    Args:
        shapes: Has the function made.
        encoded: The columns of the shape that have one more each, of values that are encoded already.
    """

    __slots__ = ("_encoded", "_shapes")

    def __init__(self, shapes: PlanShapes, encoded: Sequence[BoundField]) -> None:
        self._shapes = shapes
        self._encoded = encoded

    def __call__(
        self, shape: SettledShape, done: list[Any], run: Run, rows: list[Any], *columns: list[Any]
    ) -> None:
        """Complete rows, as `shape.complete` does."""
        if shape.complete is not None:  # since who calls has looked
            shape.complete(done, run, rows, *columns)
            return
        number = shape.selection.id
        left = self._shapes.rows_left.get(number, MOST_ROWS)
        for weight in self._weights(shape, rows, columns):
            left -= weight
            if left < 0:
                with self._shapes.growing(client_key(run.context), is_admitted=True):
                    complete = self.compile(shape)
                complete(done, run, rows, *columns)
                return
        self._shapes.rows_left[number] = left
        count, encoded = len(shape.columns), [field.id for field in self._encoded]
        for row, *values in zip(rows, *columns, strict=True):
            if shape.classes is not None:
                self._note_members(shape, row)
            texts = dict(zip(encoded, values[count:], strict=True))
            done.append(exact_row(run, shape, row, values[:count], texts))

    def compile(self, shape: SettledShape) -> Callable[..., None]:
        """The function, which is made where there is none yet."""
        if shape.complete is None:
            shape.complete = self._shapes.compile(
                lambda: FunctionWriter(self._shapes).settled(shape, shape.columns, self._encoded)
            )
        return shape.complete

    def _note_members(self, shape: SettledShape, row: Any) -> None:
        """Have the function made for rows that lack members, where one does."""
        form = self._shapes.form(shape.selection)
        if type(row) is dict and form.has_all and not shape.observer.has_all(row):
            self._shapes.forms[shape.selection.id] = replace(form, has_all=False)

    def _weights(
        self, shape: SettledShape, rows: list[Any], columns: tuple[list[Any], ...]
    ) -> Iterator[int]:
        """How much there is to complete, in rows and items, piece by piece."""
        yield len(rows)
        count = len(shape.columns)
        texts = dict(zip([field.id for field in self._encoded], columns[count:], strict=True))
        for field, column in zip(shape.columns, columns[:count], strict=True):
            if not field.is_completed:
                for value, text in zip(column, texts.get(field.id, repeat(None)), strict=False):
                    if text is None:
                        yield from _weights_below(field.output, value)
        if shape.classes is not None:
            given = {field.id for field in shape.columns}
            fields = [f for f in shape.selection.fields if f.id not in given]
            for row in rows:
                yield from _weights_of_row(fields, row)


def _weights_below(output: BoundOutput, value: Any) -> Iterator[int]:
    if value is None or isinstance(output, BoundLeaf):
        return
    if isinstance(output, BoundComposite):
        selection = output.only
        if selection is None and type(value) is dict:
            selection = output.by_type.get(value.get("__typename", ""))
        yield 1
        if selection is not None:
            yield from _weights_of_row(selection.fields, value)
    elif type(value) is list:
        yield len(value)
        for item in value:
            yield from _weights_below(output.item, item)


def _weights_of_row(fields: Sequence[BoundField], row: Any) -> Iterator[int]:
    for field in fields:
        if isinstance(field.output, BoundLeaf) or field.plan.kind is Kind.TYPENAME:
            continue
        if type(row) is dict:
            yield from _weights_below(field.output, row.get(field.access))
        elif isinstance(row, DecodedRow):
            yield from _weights_below(field.output, getattr(row, field.access, None))
        else:
            yield MOST_ROWS + 1  # to read an attribute may run code of the user: that is done once

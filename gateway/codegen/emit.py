"""Bound plan to source: the function that fetches, wave by wave, and has the rows completed.

`emit_plan` is pure: a bound plan in, source and namespace out. For each part of the plan it writes one generator
function. Wave by wave it starts the steps, yields once when there is something to wait for, and settles what came;
then, from the lowest level up, it has each column of rows completed (`functions`).

Numbers in names are those of the printed plan: `column_5` has the values of field #5, one for each row of its
selection; `rows_3` are the rows of selection 3, `types_3` their Python types, `done_3` the completed ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gateway.codegen.exported import PART_NAMES
from gateway.codegen.fetch import MANY_STEPS, FetchWriter, composite_below, may_share
from gateway.codegen.first_rows import settle
from gateway.codegen.shapes import PlanShapes
from gateway.generated.writer import SourceWriter
from gateway.runtime.bound import (
    BoundField,
    BoundList,
    BoundSelection,
    composite_of,
)
from gateway.runtime.bound_plan import Bound
from gateway.runtime.verbatim import is_verbatim


@dataclass(slots=True)
class Emitted:
    """Generated code before it is compiled.

    Attributes:
        source: The text of the functions of the parts; many plans have the same.
        shown: The same with coordinates and types, for readers.
        namespace: What its names mean.
        parts: Names of the functions of the parts, in order.
    """

    source: str
    shown: str
    namespace: dict[str, Any]
    parts: list[str]


def emit_plan(bound: Bound, shapes: PlanShapes) -> Emitted:
    """Write the functions of a plan's parts; those that complete objects are left to `shapes`."""
    writer = SourceWriter()
    names = []
    for number, part in enumerate(bound.plan.parts):
        names.append(f"part_{number}")
        writer.lines(*["", ""] if number else [])
        PartEmitter(bound, part, bound.roots[number], writer, shapes).emit(names[-1])
    return Emitted(
        writer.text(), writer.text_with_notes(), {**PART_NAMES, **writer.namespace}, names
    )


class PartEmitter(FetchWriter):
    """Writes the function of one part."""

    def emit(self, name: str) -> None:
        """Write the function."""
        writer, root = self.writer, self.root.id
        is_deferred = self.bound.plan.is_deferred
        with writer.block(f"def {name}(run):"):
            writer.line("works = run.works")
            rows, types = "[run.root]", "{type(run.root)}"
            if is_deferred:
                rows, types = "run.parents", f"set(map(type, rows_{root}))"
            writer.line(f"rows_{root} = {rows}")
            writer.line(f"types_{root} = {types}")
            self.keep(self.root)
            for number, wave in enumerate(self.part.waves):
                writer.line(f"# wave {number}")
                self.wave(wave)
            writer.line("# shape")
            self.complete_rows(self.root, self.complete_below(self.root))
            writer.line(f"return done_{root}{'' if is_deferred else '[0]'}")

    def complete_below(self, selection: BoundSelection) -> list[BoundField]:
        """Complete what is below a settled selection; its fields that have a column then."""
        for field in selection.fields:
            if field.is_regrouped:
                self.complete_objects(field)
        return [
            field for field in selection.fields if field.is_regrouped or field.id in self.columns
        ]

    def complete_objects(self, field: BoundField) -> None:
        """Complete the objects of a field, and give each parent its own."""
        selections = list(composite_below(field).by_type.values())
        columns = [self.complete_below(selection) for selection in selections]
        if self.is_verbatim(field):
            self.encode(field, selections[0], columns[0])
            with self.writer.block(f"if encoded_{field.id} is None:"):
                self.regroup(field, selections, columns)
        else:
            self.regroup(field, selections, columns)

    def regroup(
        self,
        field: BoundField,
        selections: list[BoundSelection],
        columns: list[list[BoundField]],
    ) -> None:
        """Complete the rows of each type, and put them together."""
        done = []
        for selection, below in zip(selections, columns, strict=True):
            self.complete_rows(selection, below)
            done.append(f"{self.selection(selection)}: done_{selection.id}")
        given = f"run, {self.field(field)}, settled_{field.id}, {{{', '.join(done)}}}"
        self.writer.line(f"merged_{field.id} = regroup({given})")

    def complete_rows(self, selection: BoundSelection, columns: list[BoundField]) -> None:
        """Complete the rows of one selection."""
        number = selection.id
        encoded = [f for f in columns if self.is_encoded(f)] if selection is self.root else []
        names = [_column(field) for field in columns]
        for field in encoded:
            classes = self.classes(field.composite.only)  # type: ignore[union-attr,arg-type]
            call = f"encode_column(run, {self.field(field)}, column_{field.id}, {classes})"
            names.append(f"encoded_{field.id}")
            self.writer.line(f"{names[-1]} = yield from {call}")
        shape = settle(
            self.shapes, selection, columns, encoded, is_checked=self.is_checked(selection)
        )
        name = self.writer.name(f"shape_{number}", shape)
        shared = [f"shared_{number}"] if may_share(selection) else []
        function = "shape_shared" if shared else "shape_rows"
        given = [name, f"rows_{number}", f"types_{number}", *shared, *names]
        call = f"yield from {function}(run, {', '.join(given)})"
        if number != self.root.id and len(names) >= MANY_STEPS:
            call = f"({call}) if rows_{number} else []"
        self.writer.line(f"done_{number} = {call}", selection.plan.type)

    def is_encoded(self, field: BoundField) -> bool:
        """Whether the objects of a root field, of the form that is expected, are its response as they stand."""
        composite = field.composite
        return (
            not field.is_completed
            and composite is not None
            and composite.only is not None
            and not composite.by_call
            and not (type(field.output) is BoundList and type(field.output.item) is BoundList)
            and is_verbatim(composite.only, self.shapes.form(composite.only).row_class)
        )

    def is_verbatim(self, field: BoundField) -> bool:
        """Whether the settled objects of a field are encoded at once: those of one parent alone are."""
        composite = composite_below(field)
        return (
            field.selection.field is None
            and composite.only is not None
            and not composite.by_call
            and not self.bound.plan.is_deferred
            and not (type(field.output) is BoundList and type(field.output.item) is BoundList)
            and is_verbatim(composite.only, self.shapes.form(composite.only).row_class)
            and not self.is_checked(composite.only)
        )

    def is_checked(self, selection: BoundSelection) -> bool:
        """Whether arguments of a property below may be wrong."""
        return bool(self.bound.checked) and any(
            field in self.bound.checked for field in _below(selection)
        )

    def encode(
        self, field: BoundField, selection: BoundSelection, columns: list[BoundField]
    ) -> None:
        """Encode the rows of a root field at once, where all are as expected and nothing has failed."""
        writer = self.writer
        encoded, settled = f"encoded_{field.id}", f"settled_{field.id}"
        fits = f"types_{selection.id} <= {self.classes(selection)}"
        writer.line(f"{encoded} = None")
        with writer.block(f"if {settled}.clean and not run.pending and {fits}:"):
            if columns:
                names = [f"value_{column.id}" for column in columns]
                targets = [f"row.{column.access}" for column in columns]
                given = ", ".join([f"rows_{selection.id}", *map(_column, columns)])
                with writer.block(f"for row, {', '.join(names)} in zip({given}):"):
                    for target, value in zip(targets, names, strict=True):
                        writer.line(f"{target} = {value}")
            writer.line(f"{encoded} = encode_rows(run, {settled}.values[0])")
            writer.line(f"if type({encoded}) is Generator: {encoded} = yield from {encoded}")
            writer.line(f"merged_{field.id} = [{encoded}]")
            counted = f"run.tally.encoded({self.field(field)}, {settled}.values[0])"
            writer.line(f"if run.tally and {encoded} is not None: {counted}")


def _column(field: BoundField) -> str:
    """The name of the column that a field's parents are completed with."""
    return f"{'merged' if field.is_regrouped else 'column'}_{field.id}"


def _below(selection: BoundSelection) -> list[BoundField]:
    """The fields of a selection and of what is shaped in place below it."""
    found = list(selection.fields)
    for field in found:
        composite = composite_of(field.output)
        if composite is not None and not field.is_regrouped:
            found += [below for s in composite.by_type.values() for below in s.fields]
    return found

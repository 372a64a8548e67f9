"""Bound plan to source: the lines that fetch, wave by wave.

A wave starts its steps, yields once when there is something to wait for, and settles what came: columns of values
become the rows of the next level.
"""

from __future__ import annotations

from itertools import groupby
from operator import attrgetter

from gateway.codegen.shapes import PlanShapes
from gateway.generated.writer import SourceWriter
from gateway.plan.nodes import Kind, Part, Step
from gateway.runtime.bound import (
    BoundComposite,
    BoundField,
    BoundLeaf,
    BoundSelection,
    composite_of,
)
from gateway.runtime.bound_plan import Bound

MANY_STEPS = 4
"""Steps for one selection that stand in a block of their own, which is left out where the selection has no rows."""


class FetchWriter:
    """Writes the lines of one part that fetch.

    Args:
        bound, part, root: What is fetched.
        writer: Where to.
        shapes: The functions that complete objects.

    Attributes:
        columns: The fields that have a column, by id.
    """

    def __init__(
        self,
        bound: Bound,
        part: Part,
        root: BoundSelection,
        writer: SourceWriter,
        shapes: PlanShapes,
    ) -> None:
        self.bound = bound
        self.part = part
        self.root = root
        self.writer = writer
        self.shapes = shapes
        self.columns: set[int] = set()

    def wave(self, steps: tuple[Step, ...]) -> None:
        """Start the steps of a wave, wait for them, and settle what came."""
        for number, group in groupby(steps, attrgetter("selection")):
            together = list(group)
            if number == self.root.id or len(together) < MANY_STEPS:
                for step in together:
                    self.step(step)
                continue
            # What is below nothing costs one look, however much of it the operation selects.
            with self.writer.block(f"if rows_{number}:"):
                for step in together:
                    self.step(step)
            targets = "".join(f"column_{field} = " for step in together for field in step.fields)
            self.writer.line(f"else: {targets}[]")
        self.wait()
        self.settle([self.bound.fields[number] for step in steps for number in step.fields])

    def keep(self, selection: BoundSelection) -> None:
        """Keep the rows for what is deferred: all of them, each at its place."""
        if selection.plan.is_kept:
            self.writer.line(f"run.kept[{selection.id}] = rows_{selection.id}")

    def wait(self) -> None:
        """Yield what has to be awaited before the next line."""
        self.writer.line("if works: yield works")

    def settle(self, fields: list[BoundField]) -> None:
        """Settle columns, then those of properties below them, until steps have to run first."""
        while True:
            fields = [field for field in fields if field.is_regrouped]
            if not fields:
                return
            for field in fields:
                given = f"run, {self.field(field)}, column_{field.id}"
                self.writer.line(f"types_of_{field.id} = normalize({given})")
            self.wait()
            for field in fields:
                given = f"run, {self.field(field)}, column_{field.id}, types_of_{field.id}"
                self.writer.line(f"settled_{field.id} = gather_rows({given})")
            if any(composite_below(field).by_call for field in fields):
                self.wait()
            below = [
                property_
                for field in fields
                for selection in composite_below(field).by_type.values()
                for property_ in self.pick(field, selection)
            ]
            for field in below:
                self.property(field)
            if below:
                self.wait()
            fields = below

    def pick(self, field: BoundField, selection: BoundSelection) -> list[BoundField]:
        """Pick the rows of one type; the properties of them that are settled in turn."""
        rows, types = f"rows_{selection.id}", f"types_{selection.id}"
        name = self.selection(selection)
        self.writer.line(f"{rows}, {types} = pick(settled_{field.id}, {name})")
        self.keep(selection)
        if may_share(selection):
            self.writer.line(f"{rows}, shared_{selection.id} = distinct({rows}, {types})")
        return [f for f in selection.fields if f.plan.kind is Kind.PROPERTY and f.is_regrouped]

    def property(self, field: BoundField) -> None:
        """Read a property of all rows."""
        self.columns.add(field.id)
        number = field.selection.id
        given = f"run, {self.field(field)}, rows_{number}, types_{number}"
        self.writer.line(f"column_{field.id} = read_column({given})", field.plan.coordinate)

    def step(self, step: Step) -> None:
        """Start one step."""
        fields = [self.bound.fields[number] for number in step.fields]
        field = fields[0]
        if step.kind is Kind.PROPERTY:
            self.property(field)
            return
        self.columns |= set(step.fields)
        given = f"run, {self.field(field)}, rows_{step.selection}"
        if step.kind in (Kind.BATCH, Kind.ENTITY):
            self.load(step, fields)
            return
        if step.kind is Kind.INTROSPECTION:
            call = f"introspect({given})"
        else:
            call = f"call_rows({given})"
            if not self.is_one(field.selection):
                many = f"(yield from call_many({given}))"
                call += f" if len(rows_{step.selection}) <= MANY else {many}"
        self.writer.line(f"column_{field.id} = {call}", field.plan.coordinate)

    def load(self, step: Step, fields: list[BoundField]) -> None:
        """Start a loader."""
        made = "".join(
            f"({self.bound.fields[number].name!r}, column_{number}), "
            for number in fields[0].plan.after
        )
        more = f", ({made})" if made else ""
        coordinates = "+".join(field.plan.coordinate for field in fields)
        targets = ", ".join(f"column_{field.id}" for field in fields)
        names = ", ".join(self.field(field) for field in fields)
        rows = f"rows_{step.selection}"
        if step.kind is Kind.BATCH:
            line = f"{targets} = load(run, {names}, {rows}{more})"
        else:
            given = f"run, [{names}], {rows}, types_{step.selection}{more}"
            line = f"[{targets}] = load_entities({given})"
        self.writer.line(line, coordinates)

    def is_one(self, selection: BoundSelection) -> bool:
        """Whether a selection has one row: the root value."""
        return selection is self.root and not self.bound.plan.is_deferred

    # Names

    def field(self, field: BoundField) -> str:
        return self.writer.name(f"field_{field.id}", field)

    def selection(self, selection: BoundSelection) -> str:
        return self.writer.name(f"selection_{selection.id}", selection)

    def classes(self, selection: BoundSelection) -> str:
        """The name of the set of the expected class of a selection's rows."""
        classes = self.shapes.observer(selection).classes
        return self.writer.name(f"classes_{selection.id}", classes)


def may_share(selection: BoundSelection) -> bool:
    """Whether equal rows of different parents may be loaded and completed once.

    Where many parents have one object each, often the same: leaves alone, and no resolver that is called
    with a row's place.
    """
    field = selection.field
    return (
        field is not None
        and isinstance(field.output, BoundComposite)
        and field.output.only is not None
        and not field.output.by_call
        and all(
            isinstance(below.output, BoundLeaf)
            and below.plan.kind in (Kind.PROPERTY, Kind.TYPENAME, Kind.BATCH, Kind.ENTITY)
            for below in selection.fields
        )
    )


def composite_below(field: BoundField) -> BoundComposite:
    """The objects of a field that has some."""
    composite = composite_of(field.output)
    assert composite is not None
    return composite

"""Plan to source, part one: the function that fetches and shapes.

`emit_plan` is pure: a bound plan in, source and namespace out. For each part of the plan it writes one
generator function. Wave by wave it starts the steps, yields once when there is something to wait for,
and settles what came; then, from the lowest level up, it shapes each column of rows in one loop.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from gateway.codegen.emit_values import ValueEmitter
from gateway.codegen.exported import EXPORTED
from gateway.codegen.writer import Writer
from gateway.plan.nodes import Field, Kind, Part, Step, walk_selections
from gateway.runtime.bound import (
    Bound,
    BoundComposite,
    BoundField,
    BoundLeaf,
    BoundSelection,
    composite_of,
)
from gateway.runtime.bounds import PIECE
from gateway.runtime.forms import Form, Observer
from gateway.runtime.slow import SlowRows


@dataclass(slots=True)
class Emitted:
    """Generated code before it is compiled.

    Attributes:
        source: The text.
        namespace: What its names mean.
        parts: Names of the functions of the parts, in order.
        observers: Told of rows that had another form, by selection.
    """

    source: str
    namespace: dict[str, Any]
    parts: list[str]
    observers: dict[int, Observer]


def emit_plan(bound: Bound, forms: dict[int, Form] | None = None) -> Emitted:
    """Write the code of a plan, for rows of the given forms, by selection."""
    writer = Writer()
    observers: dict[int, Observer] = {}
    values = ValueEmitter(writer, forms or {}, observers)
    names = []
    for number, part in enumerate(bound.plan.parts):
        names.append(f"part{number}")
        PartEmitter(bound, part, bound.roots[number], writer, values).emit(names[-1])
    return Emitted(writer.text(), {**EXPORTED, **writer.namespace}, names, observers)


class PartEmitter:
    """Emits one part.

    Variables are named by ids: `c` rows, `y` their types, `g` settled rows, `v` columns, `d` done rows.
    """

    def __init__(
        self,
        bound: Bound,
        part: Part,
        root: BoundSelection,
        writer: Writer,
        values: ValueEmitter,
    ) -> None:
        self.bound = bound
        self.part = part
        self.root = root
        self.writer = writer
        self.values = values
        self.columns: set[int] = set()
        self.fields: dict[int, Field] = {
            field.id: field for s in walk_selections(part.root) for field in s.fields
        }

    def emit(self, name: str) -> None:
        """Write the function."""
        with self.writer.function(f"def {name}(r):"):
            self.writer.line("w = r.works")
            self.writer.line("q = r.pending")
            start = "r.parents" if self.bound.plan.is_deferred else "[r.root]"
            self.writer.line(f"c{self.root.id} = {start}")
            self.writer.line(f"y{self.root.id} = set(map(type, c{self.root.id}))")
            self.keep(self.root)
            for number, wave in enumerate(self.part.waves):
                self.writer.line(f"# wave {number}")
                self.wave(wave)
            self.writer.line("# shape")
            self.shape(self.root)
            which = "" if self.bound.plan.is_deferred else "[0]"
            self.writer.line(f"return d{self.root.id}{which}")
            if not self.part.waves:
                self.writer.line("yield")  # a generator, like all others

    # Fetching

    def wave(self, steps: tuple[Step, ...]) -> None:
        """Start the steps of a wave, wait for them, and settle what came."""
        for step in steps:
            self.step(step)
        self.wait()
        self.settle([self.bound.fields[number] for step in steps for number in step.fields])

    def keep(self, selection: BoundSelection) -> None:
        """Keep the rows for what is deferred: all of them, each at its place."""
        if selection.plan.is_kept:
            self.writer.line(f"r.kept[{selection.id}] = c{selection.id}")

    def wait(self) -> None:
        self.writer.line("if w: yield w")

    def settle(self, fields: list[BoundField]) -> None:
        """Settle columns, then those of properties below them, until steps have to run first."""
        while True:
            fields = [field for field in fields if field.is_regrouped]
            if not fields:
                return
            for field in fields:
                self.writer.line(f"k{field.id} = normalise(r, {self.field(field)}, v{field.id})")
            self.wait()
            for field in fields:
                self.writer.line(
                    f"g{field.id} = gather_rows(r, {self.field(field)}, v{field.id}, k{field.id})"
                )
            if any(_composite(field).by_call for field in fields):
                self.wait()
            below = []
            for field in fields:
                for selection in _composite(field).by_type.values():
                    name = self.selection(selection)
                    rows, kinds = f"c{selection.id}", f"y{selection.id}"
                    self.writer.line(f"{rows}, {kinds} = pick(g{field.id}, {name})")
                    self.keep(selection)
                    if may_share(selection):
                        self.writer.line(f"{rows}, x{selection.id} = distinct({rows}, {kinds})")
                    below += [
                        f
                        for f in selection.fields
                        if f.plan.kind is Kind.PROPERTY and f.is_regrouped
                    ]
            for field in below:
                self.read(field)
            if below:
                self.wait()
            fields = below

    def read(self, field: BoundField) -> None:
        self.columns.add(field.id)
        coordinate = repr(field.plan.coordinate)
        given = f"{self.field(field)}, c{field.selection.id}, y{field.selection.id}"
        self.writer.line(f"v{field.id} = read(r, {given}); {coordinate}")

    def step(self, step: Step) -> None:
        """Start one step."""
        fields = [self.bound.fields[number] for number in step.fields]
        field = fields[0]
        if step.kind is Kind.PROPERTY:
            self.read(field)
            return
        self.columns |= set(step.fields)
        rows = f"c{step.selection}"
        coordinate = repr(field.plan.coordinate)
        if step.kind is Kind.INTROSPECTION:
            self.writer.line(
                f"v{field.id} = introspect(r, {self.field(field)}, {rows}); {coordinate}"
            )
        elif step.kind in (Kind.BATCH, Kind.ENTITY):
            self.load(step, fields, rows)
        else:
            given = f"(r, {self.field(field)}, {rows})"
            call = f"call_rows{given}"
            if not self.is_one(field.selection):
                call += f" if len({rows}) <= MANY else (yield from call_many{given})"
            self.writer.line(f"v{field.id} = {call}; {coordinate}")

    def load(self, step: Step, fields: list[BoundField], rows: str) -> None:
        made = "".join(
            f"({self.fields[number].name!r}, v{number}), "
            for number in self.fields[step.fields[0]].after
        )
        more = f", ({made})" if made else ""
        coordinate = repr("+".join(field.plan.coordinate for field in fields))
        if step.kind is Kind.BATCH:
            name = self.field(fields[0])
            self.writer.line(f"v{fields[0].id} = load(r, {name}, {rows}{more}); {coordinate}")
            return
        targets = ", ".join(f"v{field.id}" for field in fields)
        names = ", ".join(self.field(field) for field in fields)
        given = f"[{names}], {rows}, y{step.selection}{more}"
        self.writer.line(f"[{targets}] = load_entities(r, {given}); {coordinate}")

    # Shaping

    def shape(self, selection: BoundSelection) -> None:
        """Shape the rows of a settled selection, those below it first."""
        self.rows(selection, self.below(selection))

    def below(self, selection: BoundSelection) -> dict[int, str]:
        """Shape what is below a settled selection; the columns of its fields."""
        columns = {}
        for field in selection.fields:
            if field.is_regrouped:
                self.regroup(field)
                columns[field.id] = f"r{field.id}"
            elif field.id in self.columns:
                columns[field.id] = f"v{field.id}"
        return columns

    def regroup(self, field: BoundField) -> None:
        """Shape the objects of a field."""
        selections = list(_composite(field).by_type.values())
        columns = [self.below(selection) for selection in selections]
        if self.is_verbatim(field):
            (selection,), (below,) = selections, columns
            self.encode(field, selection, below)
            with self.writer.block(f"if e{field.id} is None:"):
                self.complete(field, selections, columns)
        else:
            self.complete(field, selections, columns)

    def complete(
        self, field: BoundField, selections: list[BoundSelection], columns: list[dict[int, str]]
    ) -> None:
        completed = []
        for selection, below in zip(selections, columns, strict=True):
            self.rows(selection, below)
            completed.append(f"{self.selection(selection)}: d{selection.id}")
        name = self.field(field)
        rows = "{" + ", ".join(completed) + "}"
        self.writer.line(f"r{field.id} = regroup(r, {name}, g{field.id}, {rows})")

    def is_verbatim(self, field: BoundField) -> bool:
        """Whether the objects of a field are encoded at once: those of one parent alone are."""
        only = _composite(field).only
        return (
            only is not None
            and not self.bound.plan.is_deferred
            and self.values.is_verbatim(field)
            and not self.is_checked(only)
        )

    def is_checked(self, selection: BoundSelection) -> bool:
        """Whether arguments of a property below may be wrong."""
        return any(field in self.bound.checked for field in _below(selection))

    def encode(self, field: BoundField, selection: BoundSelection, below: dict[int, str]) -> None:
        """Encode the rows of a root field at once, where all are as expected and nothing has failed."""
        writer = self.writer
        number, rows = selection.id, f"c{selection.id}"
        classes = writer.name("X", self.values.observer(selection).classes)
        writer.line(f"e{field.id} = None")
        with writer.block(f"if g{field.id}.clean and not q and y{number} <= {classes}:"):
            if below:
                names = [writer.fresh("u") for _ in below]
                sets = [
                    f"p.{self.bound.fields[field_id].access} = {name}"
                    for field_id, name in zip(below, names, strict=True)
                ]
                columns = ", ".join([rows, *below.values()])
                writer.line(f"for p, {', '.join(names)} in zip({columns}): {'; '.join(sets)}")
            self.values.encode(f"e{field.id}", f"g{field.id}.values[0]")
            writer.line(f"r{field.id} = [e{field.id}]")

    def rows(self, selection: BoundSelection, columns: dict[int, str]) -> None:
        """Write the loop that completes the rows of one selection."""
        writer = self.writer
        number = selection.id
        fields = [self.bound.fields[field_id] for field_id in columns]
        slow = writer.name("K", SlowRows(selection, self.values.observer(selection), fields))
        writer.line("m = len(q)")
        writer.line(f"d{number} = []")
        with writer.block("try:"):
            if self.is_checked(selection):
                writer.line("if r.has_wrong_arguments: raise WrongArguments")
            if self.values.is_flat(selection):
                self.expression(selection, columns)
            else:
                self.loop(selection, columns, slow)
        given = _tuple(columns.values())
        with writer.block("except Exception:"):
            writer.line(
                f"d{number} = yield from slow_rows(r, {slow}, m, d{number}, c{number}, {given})"
            )
        if may_share(selection):
            writer.line(
                f"if x{number}: d{number} = yield from share_rows(r, {slow}, m, d{number}, c{number}, {given}, x{number})"
            )

    def expression(self, selection: BoundSelection, columns: dict[int, str]) -> None:
        """Complete all rows by one comprehension: their class is looked at once, for all."""
        writer = self.writer
        number = selection.id
        names = {field_id: writer.fresh("u") for field_id in columns}
        rows = f"c{number}"
        reads = any(
            field.plan.kind is Kind.PROPERTY and field.id not in columns
            for field in selection.fields
        )
        if reads:
            observer = self.values.observer(selection)
            classes, name = writer.name("X", observer.classes), writer.name("O", observer)
            writer.line(f"if not y{number} <= {classes}: raise {name}.saw_others({rows})")
        target = ", ".join(["p", *names.values()])
        with self.pieces([rows, *columns.values()]) as parts:
            source = f"zip({', '.join(parts)})" if columns else parts[0]
            shown = self.values.row_of(selection, "p", names)
            writer.line(f"d{number} += [{shown} for {target} in {source}]")

    def loop(self, selection: BoundSelection, columns: dict[int, str], slow: str) -> None:
        writer = self.writer
        number = selection.id
        names = {field_id: writer.fresh("u") for field_id in columns}
        targets = ", ".join(["p", *names.values()])
        reads = any(
            field.plan.kind is Kind.PROPERTY and field.id not in columns
            for field in selection.fields
        )
        with self.pieces([f"c{number}", *columns.values()]) as parts:
            head = (
                f"for {targets} in zip({', '.join(parts)}):" if columns else f"for p in {parts[0]}:"
            )
            with writer.block(head):
                if not reads:
                    writer.line(f"d{number}.append({self.values.display(selection, 'p', names)})")
                    return
                with writer.block(f"if {self.values.row_test(selection, 'p')}:"):
                    writer.line(f"d{number}.append({self.values.display(selection, 'p', names)})")
                with writer.block("else:"):
                    given = _tuple(names.values())
                    writer.line(f"d{number}.append(slow_row(r, {slow}, p, {given}))")

    @contextmanager
    def pieces(self, columns: list[str]) -> Iterator[list[str]]:
        """Write a loop over pieces of columns, and what is written meanwhile in it; gives their names.

        The one row of a root needs none.
        """
        if columns[0] == f"c{self.root.id}" and self.is_one(self.root):
            yield columns
            return
        parts = [f"{column}_" for column in columns]
        given = ", ".join(columns)
        whole = f"({_tuple(columns)},) if len({columns[0]}) <= {PIECE} else"
        with self.writer.block(f"for {_tuple(parts)} in {whole} pieces(r, {given}):"):
            yield parts
            self.wait()

    def is_one(self, selection: BoundSelection) -> bool:
        """Whether a selection has one row: the root value."""
        return selection is self.root and not self.bound.plan.is_deferred

    def field(self, field: BoundField) -> str:
        return self.writer.name("F", field)

    def selection(self, selection: BoundSelection) -> str:
        return self.writer.name("S", selection)


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


def _tuple(names: Iterable[str]) -> str:
    return "(" + "".join(f"{name}, " for name in names).rstrip() + ")"


def _composite(field: BoundField) -> BoundComposite:
    composite = composite_of(field.output)
    assert composite is not None
    return composite


def _below(selection: BoundSelection) -> list[BoundField]:
    """The fields of a selection and of what is shaped in place below it."""
    found = list(selection.fields)
    for field in found:
        composite = composite_of(field.output)
        if composite is not None and not field.is_regrouped:
            found += [below for s in composite.by_type.values() for below in s.fields]
    return found

"""Plan to source, part two: completing values where they stand.

Emits the straight-line code that turns a raw value in a variable into its completed form: one cheap
exact-type test for each value, and a call of its slow path where the test fails.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from operator import attrgetter
from typing import Any

from gateway.codegen.writer import Writer
from gateway.graph.resolvers import is_attribute
from gateway.plan.nodes import Check, Kind
from gateway.runtime.bound import (
    BoundComposite,
    BoundField,
    BoundLeaf,
    BoundList,
    BoundOutput,
    BoundSelection,
    composite_of,
)
from gateway.runtime.bounds import PIECE
from gateway.runtime.columns import SHORT
from gateway.runtime.forms import DICTS, UNSEEN, Form, Observer, reads_members
from gateway.runtime.slow import slow_leaf, slow_value
from gateway.runtime.spots import Origin
from gateway.runtime.verbatim import is_verbatim

# Python allows 20 nested loops and 100 levels of indentation; deeper values get a function of their own.
MAX_INDENT = 12

TESTS = {
    Check.STRING: "type({v}) is str",
    Check.ID: "type({v}) is str",
    Check.INT: "type({v}) is int and -2147483648 <= {v} <= 2147483647",
    # Neither infinite nor not a number: only a finite float differs from itself by nothing.
    Check.FLOAT: "type({v}) is float and {v} - {v} == 0.0",
    Check.BOOLEAN: "type({v}) is bool",
}


class ValueEmitter:
    """Emits the completion of values.

    Args:
        writer: Where to.
        forms: How the rows of each selection are read, by its id.
        observers: Filled with the observer of each selection.
    """

    def __init__(
        self, writer: Writer, forms: dict[int, Form], observers: dict[int, Observer]
    ) -> None:
        self.writer = writer
        self.forms = forms
        self.observers = observers
        self.is_nested = False

    def observer(self, selection: BoundSelection) -> Observer:
        """The observer of a selection's rows."""
        if selection.id not in self.observers:
            self.observers[selection.id] = Observer(selection, self.form(selection))
        return self.observers[selection.id]

    def form(self, selection: BoundSelection) -> Form:
        """How a selection's rows are expected to be."""
        known = self.forms.get(selection.id)
        if known is not None:
            return known
        return UNSEEN if reads_members(selection) else DICTS

    def value(self, field: BoundField, output: BoundOutput, var: str, origin: Origin) -> str:
        """Emit what completes `var`, and return the expression of the completed value."""
        if isinstance(output, BoundLeaf):
            return self.leaf(field, output, var, origin)
        if origin is Origin.RESOLVED and self.is_verbatim(field):
            return self.verbatim(field, output, var)
        return self.walked(field, output, var, origin)

    def is_verbatim(self, field: BoundField) -> bool:
        """Whether the objects of a root field, of the form that is expected, are its response as they stand."""
        composite = field.composite
        return (
            field.selection.field is None
            and composite is not None
            and composite.only is not None
            and not composite.by_call
            and not (type(field.output) is BoundList and type(field.output.item) is BoundList)
            and is_verbatim(composite.only, self.form(composite.only).row_class)
        )

    def verbatim(self, field: BoundField, output: BoundOutput, var: str) -> str:
        """Emit objects that are encoded at once, where all are as expected."""
        writer = self.writer
        assert field.composite is not None
        assert field.composite.only is not None
        selection = field.composite.only
        if type(output) is BoundList:
            classes = writer.name("X", self.observer(selection).classes)
            test = f"type({var}) is list and {classes}.issuperset(map(type, {var}))"
        else:
            test = self.row_test(selection, var)
        encoded = writer.fresh("e")
        rows = f"counted(r, {var})" if type(output) is BoundList else var
        writer.line(f"{encoded} = None")
        with writer.block(f"if {test}:"):
            self.encode(encoded, rows)
        with writer.block(f"if {encoded} is None:"):
            writer.line(f"{encoded} = {self.walked(field, output, var, Origin.RESOLVED)}")
        return encoded

    def encode(self, encoded: str, rows: str) -> None:
        """Emit the encoding of rows as they stand."""
        self.writer.line(f"{encoded} = encode_rows(r, {rows})")
        self.writer.line(f"if type({encoded}) is Generator: {encoded} = yield from {encoded}")

    def walked(self, field: BoundField, output: BoundOutput, var: str, origin: Origin) -> str:
        """Emit what completes the objects of `var`, one by one."""
        if isinstance(output, BoundList):
            return self.list_of(field, output, var, origin)
        assert isinstance(output, BoundComposite)
        if self.writer.depth > MAX_INDENT:
            return self.function(field, output, var, origin)
        self.composite(field, output, var, origin)
        return var

    def leaf(self, field: BoundField, output: BoundLeaf, var: str, origin: Origin) -> str:
        """The expression of a completed leaf."""
        slow = f"{self.writer.name('s', slow_leaf(field, output, origin))}({var}, r)"
        check = output.plan.check
        null = "" if output.non_null else f" or {var} is None"
        if check is Check.ENUM:
            table = self.writer.name("e", enum_table(output.type))
            return f"{table}[{var}] if type({var}) is str and {var} in {table} else {slow}"
        if check is Check.CUSTOM:
            return slow
        fast = f"{var} if {TESTS[check].format(v=var)}{null}"
        if check is Check.ID:
            fast += f" else str({var}) if type({var}) is int"
        return f"{fast} else {slow}"

    def list_of(self, field: BoundField, output: BoundList, var: str, origin: Origin) -> str:
        """Emit a list; one of leaves is a comprehension."""
        slow = f"{self.writer.name('s', slow_value(field, output, origin, None))}({var}, r)"
        if _is_of_leaves(output):
            item = self.writer.fresh("t")
            below = self.value(field, output.item, item, Origin.ITEM)
            counted = f"({var} if len({var}) <= {SHORT} else counted(r, {var}))"
            return f"[{below} for {item} in {counted}] if type({var}) is list else {slow}"
        if self.writer.depth > MAX_INDENT:
            return self.function(field, output, var, origin)
        writer = self.writer
        objects = composite_of(output.item) if type(output.item) is BoundComposite else None
        if objects is not None and objects.only is not None and self.is_flat(objects.only):
            self.flat_list(field, objects.only, var, slow)
            return var
        with writer.block(f"if type({var}) is list:"):
            self.count(var)
            done, item = writer.fresh("o"), writer.fresh("p")
            writer.line(f"{done} = []")
            with self.pieces(field, var) as part, writer.block(f"for {item} in {part}:"):
                completed = self.value(field, output.item, item, Origin.ITEM)
                writer.line(f"{done}.append({completed})")
            writer.line(f"{var} = {done}")
        with writer.block("else:"):
            writer.line(f"{var} = {slow}")
        return var

    def flat_list(self, field: BoundField, selection: BoundSelection, var: str, slow: str) -> None:
        """Emit a list of objects that are completed by one expression each."""
        writer = self.writer
        observer = self.observer(selection)
        classes = writer.name("X", observer.classes)
        item = writer.fresh("p")
        with writer.block(f"if type({var}) is list and {classes}.issuperset(map(type, {var})):"):
            self.count(var)
            if not self.is_once(field):
                writer.line(f"{var} = [{self.row_of(selection, item, {})} for {item} in {var}]")
            else:
                done = writer.fresh("o")
                writer.line(f"{done} = []")
                with self.pieces(field, var) as part:
                    row = self.row_of(selection, item, {})
                    writer.line(f"{done} += [{row} for {item} in {part}]")
                writer.line(f"{var} = {done}")
        with writer.block("else:"):
            writer.line(f"{writer.name('O', observer)}.saw_others({var})")
            writer.line(f"{var} = {slow}")

    def is_once(self, field: BoundField) -> bool:
        """Whether a field is below no list, and its code below no function: where the event loop can be given back."""
        above: BoundField | None = field
        while above is not None and not self.is_nested:
            above = above.selection.field
            if above is None:
                return True
            if isinstance(above.output, BoundList):
                return False
        return False

    @contextmanager
    def pieces(self, field: BoundField, var: str) -> Iterator[str]:
        """Emit a loop over pieces of a list that is there once, and what is written meanwhile in it."""
        if not self.is_once(field):
            yield var
            return
        part = self.writer.fresh("z")
        whole = f"(({var},),) if len({var}) <= {PIECE} else"
        with self.writer.block(f"for ({part},) in {whole} pieces(r, {var}):"):
            yield part
            self.writer.line("if w: yield w")

    def count(self, var: str) -> None:
        """Emit that the items of a list are nodes of the result, before they are completed."""
        self.writer.line(f"n = r.nodes_left = r.nodes_left - len({var})")
        with self.writer.block("if n < r.mark:"):
            self.writer.line("reached(r)")
            if not self.is_nested:
                self.writer.line("if w: yield w")

    def row_of(self, selection: BoundSelection, row: str, given: dict[int, str]) -> str:
        """The display of a completed object whose properties are read where they are used.

        Args:
            selection: A flat one.
            row, given: As for `display`.
        """
        variables = dict(given)
        for field in selection.fields:
            if field.plan.kind is Kind.PROPERTY and field.id not in given:
                variables[field.id] = self.writer.fresh("t")
        items = []
        for field, text in self.completed(selection, variables, given):
            if field.id in variables and field.id not in given:
                text = _read_once(text, variables[field.id], self.reading(selection, field, row))
            items.append(f"{field.key!r}: {text}")
        return "{" + ", ".join(items) + "}"

    def reading(self, selection: BoundSelection, field: BoundField, row: str) -> str:
        """The expression that reads a property of a row."""
        name = field.access
        if self.form(selection).row_class is dict:
            return f"{row}[{name!r}]"
        if is_attribute(name):
            return f"{row}.{name}"
        return f"{self.writer.name('h', attrgetter(name))}({row})"

    def function(self, field: BoundField, output: BoundOutput, var: str, origin: Origin) -> str:
        """Emit a function for a value that is nested too deep, and return its call."""
        name, inner = self.writer.fresh("f_"), self.writer.fresh("t")
        outer, self.is_nested = self.is_nested, True
        with self.writer.function(f"def {name}({inner}, r):"):
            self.writer.line("q = r.pending")
            self.writer.line(f"return {self.value(field, output, inner, origin)}")
        self.is_nested = outer
        return f"{name}({var}, r)"

    def composite(
        self, field: BoundField, output: BoundComposite, var: str, origin: Origin
    ) -> None:
        """Emit an object in place: afterwards `var` is the completed one."""
        writer = self.writer
        observer = self.observer(output.only) if output.only else None
        slow = writer.name("s", slow_value(field, output, origin, observer))
        if output.only is not None:
            with writer.block(f"if {self.row_test(output.only, var)}:"):
                writer.line(f"{var} = {self.display(output.only, var, {})}")
        else:
            self.abstract(output, var, slow)
        otherwise = "else" if output.non_null else f"elif {var} is not None"
        writer.line(f"{otherwise}: {var} = {slow}({var}, r)")

    def abstract(self, output: BoundComposite, var: str, slow: str) -> None:
        """Emit the choice among the types of an abstract value by its `__typename`."""
        writer = self.writer
        name, mark = writer.fresh("n"), writer.fresh("m")
        with writer.block(f"if type({var}) is dict:"):
            writer.line(f'{name} = {var}.get("__typename")')
            writer.line(f"{mark} = len(q)")
            keyword = "if"
            for type_name, selection in output.by_type.items():
                with writer.block(f"{keyword} {name} == {type_name!r}:"):
                    writer.line(f"{var} = {self.display(selection, var, {})}")
                    with writer.block(f"if len(q) > {mark}:"):
                        chosen = writer.name("S", selection)
                        writer.line(f"r.kinds[id({var})] = ({var}, {chosen})")
                keyword = "elif"
            if output.by_type:
                with writer.block("else:"):
                    writer.line(f"{var} = {slow}({var}, r)")
            else:
                writer.line(f"{var} = {slow}({var}, r)")

    def row_test(self, selection: BoundSelection, var: str) -> str:
        """The test that a row has the expected form."""
        form = self.form(selection)
        if form.row_class is dict:
            return f"type({var}) is dict"
        return f"type({var}) is {self.writer.name('C', form.row_class)}"

    def display(self, selection: BoundSelection, row: str, given: dict[int, str]) -> str:
        """Emit the reading of a row's properties, and return the display of the completed object.

        Args:
            selection: Its fields.
            row: The variable that holds the row.
            given: Variables of fields that are columns, by id; their completion is emitted too.
        """
        properties = [
            field
            for field in selection.fields
            if field.plan.kind is Kind.PROPERTY and field.id not in given
        ]
        variables = dict(given)
        for field in properties:
            variables[field.id] = self.writer.fresh("t")
        self.read_properties(selection, properties, row, variables)
        items = [
            f"{field.key!r}: {text}" for field, text in self.completed(selection, variables, given)
        ]
        return "{" + ", ".join(items) + "}"

    def is_flat(self, selection: BoundSelection) -> bool:
        """Whether rows can be completed by one expression each, read all in the same way."""
        form = self.form(selection)
        return (
            form.has_all
            and not form.is_mixed
            and all(
                field.plan.kind is Kind.TYPENAME
                or field.is_completed
                or _is_of_leaves(field.output)
                for field in selection.fields
            )
        )

    def completed(
        self, selection: BoundSelection, variables: dict[int, str], given: dict[int, str]
    ) -> Iterator[tuple[BoundField, str]]:
        """Each field with the expression of its completed value; `given` as in `display`."""
        form = self.form(selection)
        for field in selection.fields:
            if field.plan.kind is Kind.TYPENAME:
                yield field, repr(selection.plan.type)
            elif field.is_completed:
                yield field, variables[field.id]
            elif field.id not in given and form.takes(field.access, str(field.definition.type)):
                yield field, _as_promised(field.output, variables[field.id])
            else:
                origin = Origin.ITEM if field.member else Origin.PROPERTY
                origin = Origin.RESOLVED if field.id in given else origin
                yield field, self.value(field, field.output, variables[field.id], origin)

    def read_properties(
        self,
        selection: BoundSelection,
        fields: list[BoundField],
        row: str,
        variables: dict[int, str],
    ) -> None:
        """Emit the reads of a row's properties."""
        if not fields:
            return
        form = self.form(selection)
        if form.row_class is dict:
            for field in fields:
                name = repr(field.access)
                read = f"{row}[{name}]" if form.has_all else f"{row}.get({name})"
                self.writer.line(f"{variables[field.id]} = {read}")
        else:
            getter = self.writer.name("h", attrgetter(*(field.access for field in fields)))
            targets = ", ".join(variables[field.id] for field in fields)
            self.writer.line(f"{targets} = {getter}({row})")


def _read_once(text: str, var: str, read: str) -> str:
    """An expression over a variable as one over what is to be read, which happens once.

    Every test of a value begins with its type.
    """
    test = f"type({var})"
    if test in text:
        return text.replace(test, f"type({var} := {read})", 1)
    return re.sub(rf"\b{var}\b", lambda _: read, text)


def _as_promised(output: BoundOutput, var: str) -> str:
    """The expression of a leaf that is known to have a value of its type."""
    assert isinstance(output, BoundLeaf)
    if output.plan.check is not Check.ID:
        return var
    null = "" if output.non_null else f" or {var} is None"
    return f"{var} if type({var}) is str{null} else str({var})"


def _is_of_leaves(output: BoundOutput) -> bool:
    while isinstance(output, BoundList):
        output = output.item
    return isinstance(output, BoundLeaf)


def enum_table(type_: Any) -> dict[str, str]:
    """Internal value to name, for the values of an enum that are strings."""
    return {value.value: name for name, value in type_.values.items() if type(value.value) is str}

"""Selection to source: the expressions that complete values.

One cheap test for each value, and a call of its slow path where the test fails. Where the test needs the value twice
it is named in the test itself: `value if type(value := row['name']) is str else slow(1, value, run)`.

Names of types may end an identifier, when they can; whatever else comes from a schema or a document stands in the text
as a quoted string, or comes in as an argument of `make`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from operator import attrgetter
from typing import Any

from gateway.codegen.shapes import PlanShapes
from gateway.generated.writer import SourceWriter
from gateway.graph.loader import is_attribute
from gateway.plan.nodes import Check, Kind
from gateway.runtime.bound import (
    BoundComposite,
    BoundField,
    BoundLeaf,
    BoundList,
    BoundOutput,
    BoundSelection,
)
from gateway.runtime.columns import SHORT
from gateway.runtime.slow import Site, slow_path
from gateway.runtime.spots import ValueOrigin

# An object of so many leaves stands in place: a call of its own function would cost as much as each of them.
MOST_IN_PLACE = 3

TESTS = {
    Check.STRING: "type({read}) is str",
    Check.ID: "type({read}) is str",
    Check.INT: "type({read}) is int and -2147483648 <= {var} <= 2147483647",
    # Neither infinite nor not a number: only a finite float differs from itself by nothing.
    Check.FLOAT: "type({read}) is float and {var} - {var} == 0.0",
    Check.BOOLEAN: "type({read}) is bool",
}


class ExpressionWriter(ABC):
    """Writes the expressions of one function.

    Args:
        shapes: Gets the functions that are called.

    Attributes:
        writer: Gets the lines.
        name: Of the function.
        values: What its `make` takes, by name.
        sites: The places that have a slow path.
        given: Variables of fields that are columns, by id: of the value, and of what is encoded already.
    """

    def __init__(self, shapes: PlanShapes) -> None:
        self.shapes = shapes
        self.writer = SourceWriter()
        self.name = ""
        self.values: dict[str, Any] = {}
        self.sites: list[Site] = []
        self.given: dict[int, tuple[str, str | None]] = {}
        self._rows = 1

    @abstractmethod
    def item(
        self, field: BoundField, output: BoundComposite, origin: ValueOrigin
    ) -> tuple[str, Any]:
        """What completes one object below, and a name for it."""

    @abstractmethod
    def list(self, field: BoundField, output: BoundList, origin: ValueOrigin) -> tuple[str, Any]:
        """What completes a list of objects, or of lists of them, and a name for it."""

    # Names

    def parameter(self, name: str, value: Any) -> str:
        """A name for a value that `make` takes."""
        if name in self.values or name == self.name:
            name = f"{name}_{len(self.values)}"
        self.values[name] = value
        return name

    def row_class(self, selection: BoundSelection) -> str:
        """The name of the expected class of a selection's rows."""
        row_class = self.shapes.form(selection).row_class
        if row_class is dict:
            return "dict"
        return self.parameter(f"class{suffix(selection)}", row_class)

    def slow(
        self,
        field: BoundField,
        output: BoundOutput,
        var: str,
        origin: ValueOrigin,
        selection: BoundSelection | None = None,
    ) -> str:
        """The call of the slow path of a place."""
        observer = self.shapes.observer(selection) if selection is not None else None
        self.sites.append((field, output, origin, observer))
        return f"slow({len(self.sites) - 1}, {var}, run)"

    # Expressions

    def display(
        self, fields: Sequence[BoundField], selection: BoundSelection, row: str, indent: str
    ) -> str:
        """The dict display of a completed object."""
        form = self.shapes.form(selection)
        items = []
        for field in fields:
            var, encoded = self.given.get(field.id, (None, None))
            if field.plan.kind is Kind.TYPENAME:
                text = repr(selection.plan.type)
            elif var is not None:
                text = (
                    var
                    if field.is_completed
                    else self.value(field, field.output, var, ValueOrigin.RESOLVED, indent)
                )
                if encoded is not None:
                    text = f"{encoded} if {encoded} is not None else {text}"
            else:
                read = self.reading(selection, field, row)
                if form.takes(field.access, str(field.definition.type)):
                    text = _as_promised(field.output, read)
                else:
                    origin = ValueOrigin.ITEM if field.member else ValueOrigin.PROPERTY
                    text = self.value(field, field.output, read, origin, indent)
            items.append(f"{indent}    {field.key!r}: {text},\n")
        return "{\n" + "".join(items) + indent + "}"

    def reading(self, selection: BoundSelection, field: BoundField, row: str) -> str:
        """The expression that reads a property of a row."""
        name = field.access
        form = self.shapes.form(selection)
        if form.row_class is dict:
            return f"{row}[{name!r}]" if form.has_all else f"{row}.get({name!r})"
        if is_attribute(name):
            return f"{row}.{name}"
        return f"{self.parameter('get', attrgetter(name))}({row})"

    def value(
        self, field: BoundField, output: BoundOutput, read: str, origin: ValueOrigin, indent: str
    ) -> str:
        """The expression of a completed value.

        Args:
            field, output: What it is completed to.
            read: The variable that holds it, or the expression that reads it.
            origin: Where it was found.
            indent: Of the line that it is on.
        """
        if isinstance(output, BoundLeaf):
            return self.leaf(field, output, read, origin)
        if isinstance(output, BoundList):
            if _is_of_leaves(output):
                return self.leaves(field, output, read, origin, 1)
            name, made = self.list(field, output, origin)
            return f"{self.parameter(name, made)}({read}, run)"
        return self.object(field, output, read, origin, indent)

    def leaf(self, field: BoundField, output: BoundLeaf, read: str, origin: ValueOrigin) -> str:
        """The expression of a completed leaf."""
        check = output.plan.check
        if check is Check.CUSTOM:
            serialize = self.parameter("serialize", slow_path(field, output, origin, None))
            return f"{serialize}({read}, run)"
        first, var = _named(read)
        slow = self.slow(field, output, var, origin)
        null = "" if output.non_null else f" or {var} is None"
        if check is Check.ENUM:
            table = self.parameter("names", self.shapes.table(output.type))
            return f"{table}[{var}] if type({first}) is str and {var} in {table} else {slow}"
        fast = f"{var} if {TESTS[check].format(read=first, var=var)}{null}"
        if check is Check.ID:
            fast += f" else str({var}) if type({var}) is int"
        return f"{fast} else {slow}"

    def leaves(
        self, field: BoundField, output: BoundList, read: str, origin: ValueOrigin, depth: int
    ) -> str:
        """The expression of a completed list of leaves: a comprehension."""
        first, var = _named(read)
        slow = self.slow(field, output, var, origin)
        item = f"item_{depth}"
        if isinstance(output.item, BoundList):
            below = self.leaves(field, output.item, item, ValueOrigin.ITEM, depth + 1)
        else:
            assert isinstance(output.item, BoundLeaf)
            below = self.leaf(field, output.item, item, ValueOrigin.ITEM)
        counted = f"({var} if len({var}) <= {SHORT} else counted(run, {var}))"
        return f"[{below} for {item} in {counted}] if type({first}) is list else {slow}"

    def object(
        self,
        field: BoundField,
        output: BoundComposite,
        read: str,
        origin: ValueOrigin,
        indent: str,
    ) -> str:
        """The expression of a completed object."""
        selection = output.only
        if selection is not None and self.is_in_place(selection):
            row = read
            if not read.isidentifier():
                self._rows += 1
                row, read = f"row_{self._rows}", f"row_{self._rows} := {read}"
            slow = self.slow(field, output, row, origin, selection)
            test = f"type({read}) is {self.row_class(selection)}"
            null = "" if output.non_null else f"None if {row} is None else "
            shown = self.display(selection.fields, selection, row, indent + "    ")
            return f"{shown} if {test} else {null}{slow}"
        name, made = self.item(field, output, origin)
        called = self.parameter(name, made)
        if output.non_null:
            return f"{called}({read}, run)"
        first, var = _named(read)
        return f"None if ({first}) is None else {called}({var}, run)"

    def is_in_place(self, selection: BoundSelection) -> bool:
        """Whether objects are completed where they stand: those of few leaves."""
        return len(selection.fields) <= MOST_IN_PLACE and all(
            field.plan.kind is Kind.TYPENAME or isinstance(field.output, BoundLeaf)
            for field in selection.fields
        )


def suffix(selection: BoundSelection) -> str:
    """The end of a name: the type's, where it is one in Python."""
    name = str(selection.plan.type)
    return f"_{name}" if name.isascii() and name.isidentifier() else "_object"


def _named(read: str) -> tuple[str, str]:
    """What reads a value and names it, and the name."""
    if read.isidentifier():
        return read, read
    return f"value := {read}", "value"


def _as_promised(output: BoundOutput, read: str) -> str:
    """The expression of a leaf that is known to have a value of its type."""
    assert isinstance(output, BoundLeaf)
    if output.plan.check is not Check.ID:
        return read
    first, var = _named(read)
    null = "" if output.non_null else f" or {var} is None"
    return f"{var} if type({first}) is str{null} else str({var})"


def _is_of_leaves(output: BoundOutput) -> bool:
    while isinstance(output, BoundList):
        output = output.item
    return isinstance(output, BoundLeaf)

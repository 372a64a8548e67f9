"""Selection to source: the functions that complete objects.

For a field `owner: User` below which
`{ id name avatar { url } videos { title } }` stands, this is written:

    def make(other, slow, rows_Video):
        def shape_User(row, run):
            if type(row) is not dict: return other(row, run)
            return {
                'id': value if type(value := row['id']) is str else str(value) if type(value) is int else slow(0, value, run),
                'name': value if type(value := row['name']) is str or value is None else slow(1, value, run),
                'avatar': {
                    'url': value if type(value := row_2['url']) is str else slow(3, value, run),
                } if type(row_2 := row['avatar']) is dict else None if row_2 is None else slow(2, row_2, run),
                'videos': rows_Video(row['videos'], run),
            }
        return shape_User

Objects below have functions of their own, except for those of few leaves, which stand in place.
"""  # noqa: W505 - generated code as it is

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from gateway.codegen.expressions import ExpressionWriter, suffix
from gateway.codegen.shapes import Later, ShapeSource
from gateway.runtime.bound import BoundComposite, BoundField, BoundList, BoundSelection
from gateway.runtime.shapes import choice, each, list_shape, rows_shape
from gateway.runtime.slow import SettledShape, SlowValues, slow_path
from gateway.runtime.spots import ValueOrigin

# Fields of one function, but for objects that stand in place: what Python compiles at once grows more than linearly.
MOST_TOGETHER = 64
# Types of an interface or union that are told apart one after the other; more are looked up.
MOST_TYPES = 8


class FunctionWriter(ExpressionWriter):
    """Writes one function, and those that it calls."""

    def one(
        self,
        selection: BoundSelection,
        field: BoundField,
        output: BoundComposite,
        origin: ValueOrigin,
    ) -> ShapeSource:
        """The function of one object."""
        observer = self.shapes.observer(selection)
        other = self.parameter("other", slow_path(field, output, origin, observer))
        name = self.name = f"shape{suffix(selection)}"
        test = f"type(row) is not {self.row_class(selection)}"
        pieces = self.pieces(selection)
        with self.writer.block(f"def {name}(row, run):"):
            self.writer.line(f"if {test}: return {other}(row, run)")
            self.writer.line(f"return {pieces}")
        return self.finish()

    def many(self, selection: BoundSelection) -> ShapeSource:
        """The function of a list of objects that are all of the expected class."""
        name = self.name = f"rows{suffix(selection)}"
        pieces = self.pieces(selection)
        with (
            self.writer.block(f"def {name}(done, run, rows):"),
            self.writer.block("for row in rows:"),
        ):
            self.writer.line(f"done.append({pieces})")
        return self.finish()

    def chosen(
        self,
        field: BoundField,
        output: BoundComposite,
        origin: ValueOrigin,
        *,
        is_list: bool = False,
    ) -> ShapeSource:
        """The function of an object of an abstract type, or of a list of them, by their `__typename`."""
        other = self.parameter("other", slow_path(field, output, origin, None))
        writer = self.writer
        self.name = "rows_chosen" if is_list else "choose"
        give, end = ("done.append({})", "continue") if is_list else ("return {}", None)

        def leave(value: str) -> None:
            writer.line(give.format(value))
            if end is not None:
                writer.line(end)

        with ExitStack() as stack:
            given = "done, run, rows" if is_list else "row, run"
            stack.enter_context(writer.block(f"def {self.name}({given}):"))
            writer.line("pending = run.pending")
            writer.line("mark = len(pending)")
            if is_list:
                stack.enter_context(writer.block("for row in rows:"))
            with writer.block("if type(row) is not dict:"):
                leave(f"{other}(row, run)")
            writer.line("name = row.get('__typename')")
            left = MOST_TOGETHER
            for number, (name, selection) in enumerate(output.by_type.items()):
                with writer.block(f"{'elif' if number else 'if'} name == {name!r}:"):
                    left -= len(selection.fields)
                    writer.line(f"completed = {self.branch(field, output, selection, left)}")
            with writer.block("else:"):
                leave(f"{other}(row, run)")
            selections = self.parameter("selections", output.by_type)
            # A list that is still to be filled may leave spots.
            with writer.block("if len(pending) > mark or run.large:"):
                writer.line(f"run.kinds[id(completed)] = completed, {selections}[name]")
                if is_list:
                    writer.line("mark = len(pending)")
            writer.line(give.format("completed"))
        return self.finish()

    def branch(
        self, field: BoundField, output: BoundComposite, selection: BoundSelection, left: int
    ) -> str:
        """The expression of a completed object of one type of an abstract one."""
        if left >= 0:
            return self.display(selection.fields, selection, "row", "            ")
        below = FunctionWriter(self.shapes)
        name = self.parameter(
            f"shape{suffix(selection)}", below.one(selection, field, output, ValueOrigin.RESOLVED)
        )
        return f"{name}(row, run)"

    def settled(
        self, shape: SettledShape, columns: list[BoundField], encoded: Sequence[BoundField]
    ) -> ShapeSource:
        """The function of a settled selection."""
        writer, selection = self.writer, shape.selection
        name = self.name = f"rows{suffix(selection)}"
        names = [f"value_{number}" for number, _ in enumerate(columns)]
        more = [f"encoded_{number}" for number, _ in enumerate(encoded)]
        by_id = dict(zip([field.id for field in encoded], more, strict=True))
        self.given = {
            field.id: (var, by_id.get(field.id)) for field, var in zip(columns, names, strict=True)
        }
        given = "".join(f", column_{number}" for number, _ in enumerate([*names, *more]))
        pieces = self.pieces(selection)
        targets = ", ".join(["row", *names, *more])
        source = f"zip(rows{given})" if given else "rows"
        with (
            writer.block(f"def {name}(done, run, rows{given}):"),
            writer.block(f"for {targets} in {source}:"),
        ):
            if shape.observer.expected.is_mixed and shape.classes is not None:
                expected = self.parameter("expected", shape)
                values = "(" + "".join(f"{var}, " for var in names).rstrip() + ")"
                with writer.block(f"if type(row) is not {self.row_class(selection)}:"):
                    writer.line(f"done.append(slow_row(run, {expected}, row, {values}))")
                    writer.line("continue")
            writer.line(f"done.append({pieces})")
        return self.finish()

    def pieces(self, selection: BoundSelection) -> str:
        """The display of the completed row; one of several functions' where it is long."""
        fields = selection.fields
        if len(fields) <= MOST_TOGETHER:
            return self.display(fields, selection, "row", "        ")
        parts = []
        for start in range(0, len(fields), MOST_TOGETHER):
            some = fields[start : start + MOST_TOGETHER]
            given = [name for field in some for name in self.given.get(field.id, ()) if name]
            call = f"fields_{start}({', '.join(['row', 'run', *given])})"
            with self.writer.block(f"def {call}:"):
                self.writer.line(f"return {self.display(some, selection, 'row', '        ')}")
            parts.append(f"**{call}")
        return "{" + ", ".join(parts) + "}"

    def finish(self) -> ShapeSource:
        """The whole text, as a function that makes the function."""
        if self.sites:
            self.values["slow"] = SlowValues(self.sites)
        body = self.writer.text().replace("\n", "\n    ").rstrip()
        text = f"def make({', '.join(self.values)}):\n    {body}\n    return {self.name}\n"
        return self.shapes.add(ShapeSource(text, list(self.values.values())))

    # Functions below

    def item(
        self, field: BoundField, output: BoundComposite, origin: ValueOrigin
    ) -> tuple[str, Any]:
        below = FunctionWriter(self.shapes)
        if output.only is not None:
            return f"shape{suffix(output.only)}", below.one(output.only, field, output, origin)
        if 0 < len(output.by_type) <= MOST_TYPES:
            return "choose", below.chosen(field, output, origin)
        slow = slow_path(field, output, origin, None)
        sources = {
            name: (FunctionWriter(self.shapes).one(selection, field, output, origin), selection)
            for name, selection in output.by_type.items()
        }

        def make(made: Any) -> Any:
            shapes = {name: (made(source), of) for name, (source, of) in sources.items()}
            return choice(shapes, slow)

        return "choose", Later(make)

    def list(self, field: BoundField, output: BoundList, origin: ValueOrigin) -> tuple[str, Any]:
        item = output.item
        slow = slow_path(field, output, origin, None)
        below = FunctionWriter(self.shapes)
        if isinstance(item, BoundList):
            name, inner = self.list(field, item, ValueOrigin.ITEM)
            return name, Later(lambda made: list_shape(each(made(inner)), field, item, slow))
        assert isinstance(item, BoundComposite)
        if item.only is not None and not self.shapes.form(item.only).is_mixed:
            rows = below.many(item.only)
            observer = self.shapes.observer(item.only)
            return f"rows{suffix(item.only)}", Later(
                lambda made: rows_shape(made(rows), field, item, observer, slow)
            )
        if item.only is None and 0 < len(item.by_type) <= MOST_TYPES:
            chosen = below.chosen(field, item, ValueOrigin.ITEM, is_list=True)
            return "rows_chosen", Later(lambda made: list_shape(made(chosen), field, item, slow))
        name, one = self.item(field, item, ValueOrigin.ITEM)
        return f"each_{name}", Later(lambda made: list_shape(each(made(one)), field, item, slow))

"""An answer's bytes straight to the rows that an operation asks for: no JSON object that nobody reads.

For mappings that only take values from places. msgspec structs say which those are; it skips the rest of the text
without making Python objects of it. An *exact* decoder also asks of each leaf the type that its scalar gives without
a conversion, so that nobody has to look at the value again; any other lets every value have whatever type it has in
the answer. An answer of another shape than the mapping and the schema say makes it refuse; the caller then reads it
by `json_bytes.read_json`, which says what bytes mean, and the mapping.

Of `posts: [Post]` with the selection `id user: { id: userId } city: address.city`, all of which is asked for, msgspec
decodes a list of structs with the members `id`, `userId` and `address`, a struct of `city`; and this is generated:

    def decode_rows(b):
        g2 = {}
        v = d(b)
        v = [R1(i0.__0__,
                (g2.get(k3 := (i0.__1__)) or g2.setdefault(k3, R4(i0.__1__))),
                (None if (v5 := i0.__2__) is None else v5.__0__)) for i0 in v]
        return v

Equal groups of one answer are one object, for they are rows of the same entity. Where every field is one member of the
object around it, the struct is the row and nothing is generated. Names of GraphQL and JSON are handed to msgspec as
data; only that of a group stands in text, as an attribute (`r.user = …`), when it can (`resolver.is_attribute`).

`places` holds what is decoded, `rows` what is made of it; this module writes what makes it.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import msgspec
from graphql import GraphQLOutputType

from gateway.connectors.mapping.analyse import PlainShape
from gateway.connectors.response.places import AnswerPlace, NotPlainError, row_class
from gateway.connectors.response.rows import RowMember, RowPlan, note_output
from gateway.generated.functions import Generated
from gateway.generated.writer import SourceWriter
from gateway.graph.field_tree import FieldTree
from gateway.graph.loader import RowClasses

__all__ = ["NotPlainError", "TypedDecoder", "typed_decoder"]


class TypedDecoder:
    """A decoder of answers into rows.

    Rows are structs with GraphQL field names as attributes, None where the answer has null or nothing.

    Attributes:
        decode: From bytes to rows. Errors: those of `json_bytes.UNREADABLE`.
        classes: Of the rows, and of those in them; None where the answer is a leaf.
    """

    __slots__ = ("_generated", "classes", "decode")

    def __init__(
        self,
        decode: Callable[[bytes], Any],
        classes: RowClasses | None,
        generated: Generated | None = None,
    ) -> None:
        self.decode = decode
        self.classes = classes
        self._generated = generated

    @property
    def source(self) -> str:
        """The generated Python; "" where there is none."""
        return self._generated.source if self._generated is not None else ""

    @property
    def filename(self) -> str:
        """Under which a traceback shows the source."""
        return self._generated.filename if self._generated is not None else ""


def typed_decoder(
    shape: PlainShape,
    kind: GraphQLOutputType,
    wanted: FieldTree,
    *,
    is_exact: bool = False,
    name: str = "",
) -> TypedDecoder:
    """What decodes an answer into rows that hold the wanted fields.

    Args:
        shape: Of the mapping.
        kind: The GraphQL type of what the mapping makes, with its lists.
        wanted: Which fields are read of it; names that the mapping does not supply are left out.
        is_exact: Refuse answers with a leaf of another type than its scalar's own.
        name: Of the connector, for tracebacks.

    Errors: NotPlainError where answers have to be mapped.
    """
    root = AnswerPlace()
    place = root.at(shape.path)
    row = note_output(place, shape, kind, wanted, is_exact=is_exact)
    if row is not None:
        row.settle(is_root=True)
    decode = msgspec.json.Decoder(root.type()).decode
    if not shape.path and (row is None or row.is_decoded):
        return TypedDecoder(decode, row.classes() if row is not None else None)
    writer = _DecoderWriter(decode)
    source = writer.function(root, shape.path, row)
    generated = Generated(source, f"rows {name}", writer.namespace)
    return TypedDecoder(
        generated.take("decode_rows"), row.classes() if row is not None else None, generated
    )


class _DecoderWriter:
    """Writes what makes rows of decoded objects.

    Attributes:
        namespace: All that the text may name.
    """

    def __init__(self, decode: Callable[[bytes], Any]) -> None:
        self.namespace: dict[str, Any] = {"d": decode}
        self._names = count()
        self._shared: list[str] = []

    def function(self, root: AnswerPlace, path: tuple[str, ...], row: RowPlan | None) -> str:
        """The text of the function from bytes to rows."""
        text = self._at(root, path, "v")
        after = []
        if row is not None and row.place.added:
            groups = row.groups.items()
            added = "; ".join(
                f"r.{name} = {self._shared_group(group, 'r')}" for name, group in groups
            )
            values = "v" if row.depth else "(v,)"
            after = [
                f"for r in {values if not path else f'() if v is None else {values}'}: {added}"
            ]
        elif row is not None and not row.is_decoded:
            text = self._rows(row, text, row.depth)
        writer = SourceWriter()
        with writer.block("def decode_rows(b):"):
            writer.lines(*[f"{name} = {{}}" for name in self._shared], "v = d(b)")
            if text != "v":
                writer.line(f"v = {text}")
            writer.lines(*after, "return v")
        return writer.text()

    def _rows(self, row: RowPlan, text: str, depth: int) -> str:
        """A value of rows, in so many lists."""
        var, bound = self._bound(text)
        if depth == 0:
            made = self._row(row, var)
        else:
            item = f"i{next(self._names)}"
            made = f"[{self._rows(row, item, depth - 1)} for {item} in {var}]"
        if row.place.refuses_null and var == text:
            return made  # an item, or the answer, is there then
        return f"(None if {bound} is None else {made})"

    def _row(self, row: RowPlan, var: str) -> str:
        """A row of a decoded object that is not null."""
        name = f"R{next(self._names)}"
        row.made = row_class([(n, Any, None) for n in row.members], row.exact)
        self.namespace[name] = row.made
        return f"{name}({', '.join(self._value(row, m, var) for m in row.members.values())})"

    def _value(self, row: RowPlan, member: RowMember, var: str) -> str:
        if member.row is not None and member.row.is_group:
            return self._shared_group(member.row, var)
        value = self._at(row.place, member.path, var)
        if member.row is None or member.row.is_decoded:
            return value
        return self._rows(member.row, value, member.row.depth)

    def _shared_group(self, row: RowPlan, var: str) -> str:
        """Equal groups of one answer are one object: they are rows of the same entity."""
        members = row.members.values()
        if not members or any(not m.path or m.place.leaf is None for m in members):
            return self._row(row, var)
        table, key = f"g{next(self._names)}", f"k{next(self._names)}"
        self._shared.append(table)
        # One value alone is its own key: a tuple around each costs an eighth of decoding posts.
        values = ", ".join(self._at(row.place, m.path, var) for m in members)
        made = self._row(row, var)
        return f"({table}.get({key} := ({values})) or {table}.setdefault({key}, {made}))"

    def _at(self, place: AnswerPlace, path: tuple[str, ...], text: str) -> str:
        """The text of the value at a path of the decoded value `text`; null where anything above is null."""
        for key in path:
            attribute = place.attribute(key)
            if place.is_row and text.isidentifier():
                text = f"{text}.{attribute}"  # a row's own object, which is there
            else:
                var, bound = self._bound(text)
                text = f"(None if {bound} is None else {var}.{attribute})"
            place = place.at((key,))
        return text

    def _bound(self, text: str) -> tuple[str, str]:
        """A name for a value, and the text that gives the value that name the first time."""
        if text.isidentifier():
            return text, text
        var = f"v{next(self._names)}"
        return var, f"({var} := {text})"

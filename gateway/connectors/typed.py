"""An answer's bytes straight to the rows that an operation asks for: no JSON object that nobody reads.

For mappings that only take values from places. What JSON fields are needed makes a tree of msgspec structs;
msgspec skips the rest of the text without making Python objects of it. Values keep whatever type they
have in the answer: completing them is the executor's business. An answer of another shape than the mapping
and the schema say makes msgspec refuse; the caller then reads it generically.

Attribute names of structs are handed to msgspec and `attrgetter` as data and never stand in generated text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from graphql import (
    GraphQLObjectType,
    GraphQLOutputType,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
)

from gateway.connectors.mapping.analyse import PlainShape
from gateway.resolver import Wanted

Build = Callable[[Any], Any]
Decode = Callable[[bytes], Any]


class NotPlainError(Exception):
    """The mapping asks one JSON value for two things at once, or for something that structs cannot say."""


def typed_decoder(shape: PlainShape, kind: GraphQLOutputType, wanted: Wanted) -> Decode | None:
    """What decodes an answer into rows that hold the wanted fields; None where it has to be mapped.

    Args:
        shape: Of the mapping.
        kind: The GraphQL type of what the mapping makes, with its lists.
        wanted: Which fields are read of it; names that the mapping does not supply are left out.

    Shape: rows are structs with GraphQL field names as attributes, None where the answer has null or
        nothing.
    Errors: of the decoder: msgspec.DecodeError.
    """
    try:
        root = _Raw()
        spot = root.below(shape.path)
        build = _output(spot, shape, kind, wanted)
        type_ = root.type()
    except NotPlainError:
        return None
    decode = msgspec.json.Decoder(type_).decode
    if not shape.path and build is None:
        return decode
    names = [root.name_at(shape.path[: depth + 1]) for depth in range(len(shape.path))]

    def decode_rows(body: bytes) -> Any:
        value = decode(body)
        for name in names:
            if value is None:
                return None
            value = getattr(value, name)
        return value if build is None else build(value)

    return decode_rows


@dataclass(slots=True)
class _Raw:
    """A JSON value as it is decoded: a leaf (anything), or an object of which some members are needed.

    Attributes:
        members: By JSON key; None for a leaf.
        names: Attribute by JSON key, where the row itself is the struct that is decoded.
        depth: How many lists are around it.
    """

    members: dict[str, _Raw] | None = None
    names: dict[str, str] = field(default_factory=dict)
    depth: int = 0
    is_used: bool = False

    def below(self, path: tuple[str, ...]) -> _Raw:
        """The value at a path, made where it is not there yet. Errors: NotPlainError."""
        spot = self
        for key in path:
            if spot.is_used and spot.members is None:
                raise NotPlainError
            if spot.members is None:
                spot.members = {}
            spot = spot.members.setdefault(key, _Raw())
        return spot

    def take_leaf(self) -> None:
        """Use the value as it stands. Errors: NotPlainError where its members are needed too."""
        if self.members is not None:
            raise NotPlainError
        self.is_used = True

    def attribute(self, key: str) -> str:
        """The attribute of a member: made up, unless the row is the struct itself."""
        assert self.members is not None
        return self.names.get(key) or f"f{list(self.members).index(key)}"

    def name_at(self, path: tuple[str, ...]) -> str:
        """The attribute of the last key of a path."""
        return self.below(path[:-1]).attribute(path[-1])

    def type(self) -> Any:
        """The msgspec type."""
        if self.members is None:
            return Any
        fields = [(self.attribute(key), raw.type(), None) for key, raw in self.members.items()]
        rename = {self.attribute(key): key for key in self.members}
        made: Any = msgspec.defstruct("Row", fields, rename=rename, gc=False)
        for _ in range(self.depth):
            made = list[made | None]
        return made | None


def _output(raw: _Raw, shape: PlainShape, kind: GraphQLOutputType, wanted: Wanted) -> Build | None:
    """Note in `raw` what is needed for a value of a GraphQL type; what makes it of the decoded value.

    None: the decoded value is the value.
    """
    nullable: Any = get_nullable_type(kind)
    depth = 0
    while is_list_type(nullable):
        depth += 1
        nullable = get_nullable_type(nullable.of_type)
    if shape.members is None:
        if not is_leaf_type(nullable):
            raise NotPlainError  # the backend's object as it stands
        raw.take_leaf()
        return None
    if not isinstance(nullable, GraphQLObjectType):
        raise NotPlainError
    if raw.members is not None or raw.is_used:
        raise NotPlainError  # another field takes the same value, or from inside it
    raw.depth = depth
    build = _row(raw, shape.members, nullable, wanted)
    return _in_lists(build, depth) if build is not None else None


def _row(
    raw: _Raw,
    members: Mapping[str, PlainShape],
    kind: GraphQLObjectType,
    wanted: Wanted,
    *,
    is_group: bool = False,
) -> Build | None:
    """The fields of one object; a group's are members of the object around it."""
    if raw.members is None:
        raw.members = {}
    chosen = {
        name: shape for name, shape in members.items() if name in wanted and name in kind.fields
    }
    makers: dict[str, tuple[tuple[str, ...], Build | None]] = {}
    for name, shape in chosen.items():
        spot = raw.below(shape.path) if shape.path else raw
        if shape.path:
            inner = _output(spot, shape, kind.fields[name].type, wanted[name])
        else:
            inner = _group(raw, shape, kind.fields[name].type, wanted[name])
        makers[name] = (shape.path, inner)
    keys = [path[0] for path, _ in makers.values() if path]
    is_direct = (
        all(len(path) == 1 and inner is None for path, inner in makers.values())
        and len(set(keys)) == len(keys)
        and set(keys) == set(raw.members)
        and not is_group
    )
    if is_direct:
        raw.names = {path[0]: name for name, (path, _) in makers.items()}
        return None
    return _builder(raw, makers)


def _group(raw: _Raw, shape: PlainShape, kind: GraphQLOutputType, wanted: Wanted) -> Build:
    """`user: { id: userId }`: an object made of members of the one around it."""
    nullable: Any = get_nullable_type(kind)
    if shape.members is None or not isinstance(nullable, GraphQLObjectType):
        raise NotPlainError
    build = _row(raw, shape.members, nullable, wanted, is_group=True)
    assert build is not None, "a group's rows are made, never decoded"
    return build


def _builder(raw: _Raw, makers: dict[str, tuple[tuple[str, ...], Build | None]]) -> Build:
    """What makes a row of a decoded struct."""
    row: Any = msgspec.defstruct("Row", [(name, Any, None) for name in makers], gc=False)
    assert raw.members is not None
    lines, namespace = [], {"Row": row}
    for number, (path, inner) in enumerate(makers.values()):
        text, spot = "r", raw
        for key in path:
            attribute = f"f{list(spot.members or {}).index(key)}"
            text = (
                f"{text}.{attribute}"
                if text == "r"
                else f"(None if (t := {text}) is None else t.{attribute})"
            )
            spot = spot.below((key,))
        if inner is not None:
            namespace[f"b{number}"] = inner
            text = f"b{number}({text})"
        lines.append(text)
    # Braces on null are null, but with a group in them they are an object (connectors.md §6.7): rare
    # enough to be left to the mapping.
    has_group = any(not path for path, _ in makers.values())
    namespace["null"] = _refuse_null if has_group else _nothing
    source = f"def build(r): return null() if r is None else Row({', '.join(lines)})"
    exec(compile(source, "<gateway rows>", "exec"), namespace)  # noqa: S102 - only names made up here
    build: Build = namespace["build"]
    return build


def _in_lists(build: Build, depth: int) -> Build:
    for _ in range(depth):
        build = _over_items(build)
    return build


def _over_items(build: Build) -> Build:
    def over(values: Any) -> Any:
        return build(None) if values is None else [build(value) for value in values]

    return over


def _nothing() -> None:
    return None


def _refuse_null() -> None:
    raise msgspec.ValidationError("null where a group is made")

"""An answer's bytes straight to the rows that an operation asks for: no JSON object that nobody reads.

For mappings that only take values from places. What JSON fields are needed makes a tree of msgspec structs;
msgspec skips the rest of the text without making Python objects of it. An *exact* decoder also asks of each
leaf the type that its scalar gives without a conversion, so that nobody has to look at the value again; any
other lets every value have whatever type it has in the answer. An answer of another shape than the mapping
and the schema say makes msgspec refuse; the caller then reads it more generally.

Attribute names of structs are handed to msgspec and `attrgetter` as data and never stand in generated text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Annotated, Any, NamedTuple

import msgspec
from graphql import (
    GraphQLObjectType,
    GraphQLOutputType,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_specified_scalar_type,
)

from gateway.connectors.mapping.analyse import PlainShape
from gateway.resolver import DecodedRow, Wanted, is_attribute

Decode = Callable[[bytes], Any]
Expression = Callable[[str], str]
"""From the text that gives a decoded value to the text that gives the row."""

# What JSON values graphql-core's scalars take as they are; a Float may be an integer there, which is
# another text in the answer, so its values are looked at one by one.
KINDS: dict[str, set[type]] = {"String": {str}, "ID": {str, int}, "Int": {int}, "Boolean": {bool}}
INT = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]


class NotPlainError(Exception):
    """The mapping asks one JSON value for two things at once, or for something that structs cannot say."""


def typed_decoder(
    shape: PlainShape, kind: GraphQLOutputType, wanted: Wanted, *, is_exact: bool = False
) -> Decode | None:
    """What decodes an answer into rows that hold the wanted fields; None where it has to be mapped.

    Args:
        shape: Of the mapping.
        kind: The GraphQL type of what the mapping makes, with its lists.
        wanted: Which fields are read of it; names that the mapping does not supply are left out.
        is_exact: Refuse answers with a leaf of another type than its scalar's own.

    Shape: rows are structs with GraphQL field names as attributes, None where the answer has null or
        nothing.
    Errors: of the decoder: msgspec.DecodeError.
    """
    try:
        root = _Raw()
        rows = _Rows(is_exact)
        spot = root.below(shape.path)
        build = rows.output(spot, shape, kind, wanted, is_root=True)
        type_ = root.type()
        if not shape.path and build is None and not rows.added:
            return msgspec.json.Decoder(type_).decode
        return rows.compile(root, spot, shape.path, build, msgspec.json.Decoder(type_).decode)
    except NotPlainError:
        return None


class _Leaf(NamedTuple):
    """What JSON values a leaf may have.

    Attributes:
        kinds: Their Python types.
        is_32_bit: Whether integers have to be GraphQL's.
        is_nullable: Whether null is one, and absence.
    """

    kinds: frozenset[type]
    is_32_bit: bool
    is_nullable: bool

    def joined(self, other: _Leaf) -> _Leaf | None:
        """What is right for both; None when nothing is."""
        kinds = self.kinds & other.kinds
        if not kinds:
            return None
        is_nullable = self.is_nullable and other.is_nullable
        return _Leaf(kinds, self.is_32_bit or other.is_32_bit, is_nullable)

    def type(self) -> Any:
        """The msgspec type."""
        made: Any = None
        for kind in sorted(self.kinds, key=lambda kind: kind.__name__):
            part: Any = INT if kind is int and self.is_32_bit else kind
            made = part if made is None else made | part
        return made | None if self.is_nullable else made


def leaf_of(kind: GraphQLOutputType) -> _Leaf | None:
    """What may stand for a leaf of a GraphQL type without a conversion; None when that is not known."""
    nullable: Any = get_nullable_type(kind)
    if not is_leaf_type(nullable) or not is_specified_scalar_type(nullable):
        return None
    if nullable.name not in KINDS:
        return None
    return _Leaf(
        frozenset(KINDS[nullable.name]), nullable.name == "Int", not is_non_null_type(kind)
    )


@dataclass(slots=True)
class _Raw:
    """A JSON value as it is decoded: a leaf, or an object of which some members are needed.

    Attributes:
        members: By JSON key; None for a leaf.
        names: Attribute by JSON key, where the row itself is the struct that is decoded.
        exact: `__exact__` of such a row.
        added: Attributes of such a row that are set when it has been decoded.
        order: Of such a row's attributes.
        depth: How many lists are around it.
        leaf: What a leaf may be; None for anything.
    """

    members: dict[str, _Raw] | None = None
    names: dict[str, str] = field(default_factory=dict)
    exact: dict[str, str] = field(default_factory=dict)
    added: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    depth: int = 0
    is_used: bool = False
    leaf: _Leaf | None = None

    def below(self, path: tuple[str, ...]) -> _Raw:
        """The value at a path, made where it is not there yet. Errors: NotPlainError."""
        spot = self
        for key in path:
            if spot.is_used and spot.members is None:
                raise NotPlainError
            if spot is not self and spot.depth:
                raise NotPlainError  # a list of rows that another field takes
            if spot.members is None:
                spot.members = {}
            spot = spot.members.setdefault(key, _Raw())
        return spot

    def take_leaf(self, leaf: _Leaf | None) -> None:
        """Use the value as it stands. Errors: NotPlainError where its members are needed too."""
        if self.members is not None:
            raise NotPlainError
        if self.is_used:
            leaf = self.leaf.joined(leaf) if self.leaf and leaf else None
        self.leaf = leaf
        self.is_used = True

    def attribute(self, key: str) -> str:
        """The attribute of a member: made up, unless the row is the struct itself."""
        assert self.members is not None
        # No GraphQL field has a name with two underscores at its begin.
        return self.names.get(key) or f"__{list(self.members).index(key)}__"

    def type(self) -> Any:
        """The msgspec type."""
        if self.members is None:
            return Any if self.leaf is None else self.leaf.type()
        fields: list[Any] = []
        for key, raw in self.members.items():
            is_needed = raw.leaf is not None and not raw.leaf.is_nullable
            fields.append((self.attribute(key), raw.type(), *(() if is_needed else (None,))))
        rename = {self.attribute(key): key for key in self.members}
        for name in self.added:
            # What an answer has there is not looked at, and overwritten.
            fields.append((name, msgspec.Raw, None))
            if name in self.members:
                rename[name] = f"{name} is made here"
        if self.order:
            fields.sort(
                key=lambda field: (
                    self.order.index(field[0]) if field[0] in self.order else len(self.order)
                )
            )
        made: Any = msgspec.defstruct(
            "Row",
            fields,
            bases=(DecodedRow,),
            namespace={"__exact__": self.exact},
            rename=rename,
            kw_only=True,
            gc=False,
        )
        for _ in range(self.depth):
            made = list[made | None]
        return made | None


class _Member(NamedTuple):
    """How a field of a row is made.

    Attributes:
        path: From the JSON object around it; empty for a group of that object's own members.
        spot: The value at the path.
        kind: The field's GraphQL type.
        inner: What makes it of the decoded value; None where that is the value.
    """

    path: tuple[str, ...]
    spot: _Raw
    kind: GraphQLOutputType
    inner: Expression | None

    @property
    def is_exact(self) -> bool:
        """Whether the decoder has asked for the field's own type."""
        wanted = leaf_of(self.kind)
        if wanted is None or self.spot.leaf is None or self.inner is not None:
            return False
        return wanted.is_nullable or not (self.spot.leaf.is_nullable or len(self.path) > 1)


class _Rows:
    """Finds out what JSON fields rows are made of, and writes what makes them.

    Args:
        is_exact: As for `typed_decoder`.

    Attributes:
        added: What makes the groups of the outermost rows, by field: set on the decoded rows themselves.
    """

    def __init__(self, is_exact: bool) -> None:
        self.is_exact = is_exact
        self.added: dict[str, Expression] = {}
        self._names = count()
        self._namespace: dict[str, Any] = {"refuse": _refuse_null}
        self._shared: list[str] = []

    def compile(
        self,
        root: _Raw,
        spot: _Raw,
        path: tuple[str, ...],
        build: Expression | None,
        decode: Decode,
    ) -> Decode:
        """The function from bytes to rows."""
        text = self._at(root, path, "d(b)")
        if build is not None:
            text = build(text)
        added = "; ".join(f"r.{name} = {make('r')}" for name, make in self.added.items())
        lines = [f"{name} = {{}}" for name in self._shared]
        lines.append(f"v = {text}")
        if added:
            lines.append("if v is None: refuse()")
            lines.append(f"for r in {'v' if spot.depth else '(v,)'}:")
            lines += ["    if r is None: refuse()", f"    {added}"]
        source = "\n    ".join(["def decode_rows(b):", *lines, "return v"])
        self._namespace["d"] = decode
        exec(compile(source, "<gateway rows>", "exec"), self._namespace)  # noqa: S102 - only made-up names
        decode_rows: Decode = self._namespace["decode_rows"]
        return decode_rows

    def output(
        self,
        raw: _Raw,
        shape: PlainShape,
        kind: GraphQLOutputType,
        wanted: Wanted,
        *,
        is_root: bool = False,
    ) -> Expression | None:
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
            raw.take_leaf(leaf_of(kind) if self.is_exact else None)
            return None
        if not isinstance(nullable, GraphQLObjectType):
            raise NotPlainError
        if raw.members is not None or raw.is_used:
            raise NotPlainError  # another field takes the same value, or from inside it
        raw.depth = depth
        members = self._members(raw, shape.members, nullable, wanted)
        if _is_direct(raw, members):
            raw.names = {member.path[0]: name for name, member in members.items()}
            raw.exact, raw.order = _exact(members), tuple(members)
            return None
        if is_root and depth <= 1 and _is_extended(members):
            raw.names = {member.path[0]: name for name, member in members.items() if member.path}
            raw.exact, raw.order = _exact(members), tuple(members)
            self.added = {n: m.inner for n, m in members.items() if not m.path and m.inner}
            raw.added = tuple(self.added)
            return None
        build = self._row(raw, members)
        for _ in range(depth):
            build = self._over_items(build, _null(members))
        return build

    def _members(
        self,
        raw: _Raw,
        members: Mapping[str, PlainShape],
        kind: GraphQLObjectType,
        wanted: Wanted,
        *,
        in_group: bool = False,
    ) -> dict[str, _Member]:
        """The fields of one object; a group's are members of the object around it."""
        if raw.members is None:
            raw.members = {}
        made: dict[str, _Member] = {}
        for name in wanted:
            shape = members.get(name)
            if shape is None or name not in kind.fields:
                continue
            type_ = kind.fields[name].type
            if not shape.path:
                made[name] = _Member((), raw, type_, self._group(raw, shape, type_, wanted[name]))
                continue
            spot = raw.below(shape.path)
            # A foreign key may be null where the key itself may not: that is no reason to refuse the answer.
            expected: Any = get_nullable_type(type_) if in_group else type_
            made[name] = _Member(
                shape.path, spot, type_, self.output(spot, shape, expected, wanted[name])
            )
        return made

    def _group(
        self, raw: _Raw, shape: PlainShape, kind: GraphQLOutputType, wanted: Wanted
    ) -> Expression:
        """`user: { id: userId }`: an object made of members of the one around it."""
        nullable: Any = get_nullable_type(kind)
        if shape.members is None or not isinstance(nullable, GraphQLObjectType):
            raise NotPlainError
        members = self._members(raw, shape.members, nullable, wanted, in_group=True)
        make = self._row(raw, members, in_group=True)

        def shared(text: str) -> str:
            """Equal groups of one answer are one object: they are rows of the same entity."""
            if not members or any(not m.path or m.spot.leaf is None for m in members.values()):
                return make(text)
            table, key = f"g{next(self._names)}", f"k{next(self._names)}"
            self._shared.append(table)
            values = ", ".join(self._at(raw, m.path, text) for m in members.values())
            return f"({table}.get({key} := ({values})) or {table}.setdefault({key}, {make(text)}))"

        return shared

    def _row(self, raw: _Raw, members: dict[str, _Member], *, in_group: bool = False) -> Expression:
        """What makes a row of a decoded struct that is not null, or of null unless it is in a group."""

        def write(text: str) -> str:
            row = f"R{next(self._names)}"
            self._namespace[row] = msgspec.defstruct(
                "Row",
                [(name, Any, None) for name in members],
                bases=(DecodedRow,),
                namespace={"__exact__": _exact(members)},
                gc=False,
            )
            var = text if in_group else f"r{next(self._names)}"
            values = []
            for member in members.values():
                value = self._at(raw, member.path, var)
                values.append(value if member.inner is None else member.inner(value))
            made = f"{row}({', '.join(values)})"
            if in_group:
                return made
            return f"({_null(members)} if ({var} := {text}) is None else {made})"

        return write

    def _over_items(self, build: Expression, null: str) -> Expression:
        def over(text: str) -> str:
            values, item = f"v{next(self._names)}", f"i{next(self._names)}"
            return (
                f"({null} if ({values} := {text}) is None"
                f" else [{build(item)} for {item} in {values}])"
            )

        return over

    def _at(self, raw: _Raw, path: tuple[str, ...], text: str) -> str:
        """The text of the value at a path of the decoded value `text`; null where anything above is null."""
        spot = raw
        for depth, key in enumerate(path):
            attribute = spot.attribute(key)
            if depth == 0 and text.isidentifier():
                text = f"{text}.{attribute}"
            else:
                value = f"t{next(self._names)}"
                text = f"(None if ({value} := {text}) is None else {value}.{attribute})"
            spot = spot.below((key,))
        return text


def _is_direct(raw: _Raw, members: dict[str, _Member]) -> bool:
    """Whether the decoded struct itself is the row."""
    keys = [member.path[0] for member in members.values() if member.path]
    return (
        all(len(member.path) == 1 and member.inner is None for member in members.values())
        and len(set(keys)) == len(keys)
        and set(keys) == set(raw.members or ())
    )


def _is_extended(members: dict[str, _Member]) -> bool:
    """Whether the decoded struct is the row but for groups, which can be set on it."""
    direct = [member for member in members.values() if member.path]
    keys = {member.path[0] for member in direct}
    return (
        all(len(member.path) == 1 and member.inner is None for member in direct)
        and len(keys) == len(direct)
        and all(is_attribute(name) for name, member in members.items() if not member.path)
    )


def _null(members: dict[str, _Member]) -> str:
    """What null makes. With a group in them, braces on null are an object (connectors.md §6.7): rare

    enough to be left to the mapping.
    """
    return "refuse()" if any(not member.path for member in members.values()) else "None"


def _exact(members: dict[str, _Member]) -> dict[str, str]:
    return {name: str(member.kind) for name, member in members.items() if member.is_exact}


def _refuse_null() -> None:
    raise msgspec.ValidationError("null where a group is made")

"""Random schemas with resolvers. A world is made from a seed alone, and gives the same answers each time.

Every value is drawn from the seed and the place where it stands (`Query.a/b.0(x=1)`), never from a running
generator: leaving out one part of a document changes nothing in the rest, and two executions of one
document see equal data. `calm=True` makes the same world with every awaitable taken out of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import Enum
from random import Random
from typing import Any, NamedTuple

from graphql import (
    GraphQLArgument,
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLEnumValue,
    GraphQLError,
    GraphQLField,
    GraphQLFloat,
    GraphQLID,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInt,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLString,
    GraphQLUnionType,
    Undefined,
    get_named_type,
    is_leaf_type,
    value_from_ast_untyped,
)

from tests.differential.values import Values

BUILT_IN: list[Any] = [GraphQLInt, GraphQLFloat, GraphQLString, GraphQLID, GraphQLBoolean]
# Legal names in GraphQL that generated Python must not stumble over.
FIELD_NAMES = [
    "a",
    "b",
    "c",
    "d",
    "class",
    "None",
    "from",
    "constructor",
    "run",
    "self",
    "v0",
    "items",
    "keys",
]


class World:
    """A schema, its data, and what the resolvers do.

    Attributes:
        seed: What it was made from.
        schema: With resolvers.
        values: Draws values.
        calm: Whether nothing in it is awaitable.
        faults: How often a value is wrong.
    """

    def __init__(self, seed: int, *, calm: bool = False) -> None:
        self.seed = seed
        self.calm = calm
        rng = self.rng = Random(f"world {seed}")
        self.faults = rng.choice([0.0, 0.0, 0.02, 0.1, 0.3])
        self.values = Values(self)
        self.scalars = [self._scalar("Own", literal=True), self._scalar("Plain", literal=False)]
        self.enums = [self._enum(f"E{n}") for n in range(2)]
        self.inputs: list[GraphQLInputObjectType] = []
        for n in range(3):
            self.inputs.append(self._input(f"I{n}", one_of=n == 2))
        self.interfaces = [self._interface(f"N{n}") for n in range(rng.randint(0, 2))]
        self.objects = [self._object(f"T{n}") for n in range(rng.randint(2, 4))]
        self.unions = [self._union("U")] if rng.random() < 0.7 else []
        query = self._object("Query")
        mutation = self._object("Mutation") if rng.random() < 0.3 else None
        self.schema = GraphQLSchema(
            query, mutation, types=[*self.objects, *self.enums, *self.scalars, *self.inputs]
        )

    def root_value(self) -> Any:
        """The parent of root fields: made anew for each execution."""
        query = self.schema.query_type
        assert query is not None
        return self.values.make_object(query, "root", 0)

    # Types

    def _scalar(self, name: str, *, literal: bool) -> GraphQLScalarType:
        def serialize(value: Any) -> Any:
            if isinstance(value, (dict, list)) or value == "bad":
                raise ValueError(f"{name} cannot serialize {value!r}")
            return f"{name}:{value}"

        raised = self.rng.choice([ValueError, KeyError, RuntimeError, GraphQLError])

        def parse_value(value: Any) -> Any:
            if "bad" in repr(value) or value == 13:
                raise raised(f"{name} cannot parse {value!r}")
            return (name, value)

        def parse_literal(node: Any, variables: Any = None) -> Any:
            value = value_from_ast_untyped(node, variables)
            if "bad" in repr(value):
                raise raised(f"{name} cannot parse {value!r}")
            return (name, type(node).__name__, value)

        return GraphQLScalarType(
            name,
            serialize=serialize,
            parse_value=parse_value,
            parse_literal=parse_literal if literal else None,
        )

    def _enum(self, name: str) -> GraphQLEnumType:
        values: list[Any] = self.rng.choice(
            [[1, 2, 3], ["x", "y", "z"], [(1, 2), 0, "RED"], list(Color), [[1], [2], [3]]]
        )
        names = ["RED", "GREEN", "BLUE"]
        return self.rng.choice([GraphQLEnumType, GraphQLEnumType, OwnEnumType])(
            name, {n: GraphQLEnumValue(v) for n, v in zip(names, values, strict=True)}
        )

    def _input_type(self, depth: int = 2) -> Any:
        rng = self.rng
        named = rng.choice([*BUILT_IN, *BUILT_IN, *self.enums, *self.scalars, *self.inputs])
        return self._wrap(named, depth)

    def _wrap(self, type_: Any, depth: int = 2) -> Any:
        rng = self.rng
        while depth and rng.random() < 0.35:
            depth -= 1
            if rng.random() < 0.4:
                type_ = GraphQLNonNull(type_)
            type_ = GraphQLList(type_)
        return GraphQLNonNull(type_) if rng.random() < 0.3 else type_

    def _input(self, name: str, *, one_of: bool) -> GraphQLInputObjectType:
        fields = {}
        for key in "xyz":
            type_ = self._input_type(1)
            if one_of:
                type_ = type_.of_type if isinstance(type_, GraphQLNonNull) else type_
                fields[key] = GraphQLInputField(type_)
            else:
                fields[key] = GraphQLInputField(
                    type_,
                    default_value=self._default(type_),
                    out_name=f"out_{key}" if self.rng.random() < 0.2 else None,
                )
        out_type: Any = Out if self.rng.random() < 0.3 else None
        return GraphQLInputObjectType(name, fields, is_one_of=one_of, out_type=out_type)

    def _default(self, type_: Any) -> Any:
        if self.rng.random() < 0.6:
            return Undefined
        simple = {GraphQLInt: 7, GraphQLString: "def", GraphQLFloat: 1.5, GraphQLBoolean: True}
        if isinstance(type_, GraphQLList) and type_.of_type in simple:
            return [simple[type_.of_type]]
        if isinstance(type_, GraphQLEnumType):
            return self.rng.choice(list(type_.values.values())).value
        return simple.get(type_, Undefined)

    def _interface(self, name: str) -> GraphQLInterfaceType:
        fields = {key: self._field(name, key, leaf=True) for key in (f"a{name}", f"n{name}")}
        return GraphQLInterfaceType(name, fields, resolve_type=self._type_resolver(name))

    def _union(self, name: str) -> GraphQLUnionType:
        members = self.rng.sample(self.objects, self.rng.randint(1, len(self.objects)))
        return GraphQLUnionType(name, members, resolve_type=self._type_resolver(name))

    def _type_resolver(self, name: str) -> Any:
        kind = self.rng.choice(["default", "default", "sync", "async", "wrong"])
        if kind == "default":
            return None

        def resolve_type(value: Any, _info: Any, _type: Any) -> Any:
            found = typename_of(value)
            draw = self.values.draw(f"{name}?{key_of(value)}")
            return "Nowhere" if kind == "wrong" and draw.random() < self.faults else found

        if kind != "async" or self.calm:
            return resolve_type

        async def resolve_type_later(value: Any, info: Any, type_: Any) -> Any:
            await asyncio.sleep(0)
            return resolve_type(value, info, type_)

        return resolve_type_later

    def _object(self, name: str) -> GraphQLObjectType:
        rng = self.rng
        interfaces = [n for n in self.interfaces if rng.random() < 0.6]
        own = {key: self._field(name, key) for key in rng.sample(FIELD_NAMES, rng.randint(2, 5))}
        if name == "Query":
            own |= {f"q{n}": self._field(name, f"q{n}", composite=True) for n in range(3)}
        for interface in interfaces:
            for key, field in interface.fields.items():
                own[key] = GraphQLField(
                    field.type, args=field.args, resolve=self._resolver(name, key, field.type)
                )
        return GraphQLObjectType(
            name,
            # Read late: fields name types that do not exist yet.
            lambda: {key: self._bind(field) for key, field in own.items()},
            interfaces=interfaces,
            is_type_of=self._is_type_of(name) if name.startswith("T") else None,
        )

    def _is_type_of(self, name: str) -> Any:
        kind = self.rng.choice([None, None, None, "sync", "async"])
        if kind is None:
            return None

        def is_type_of(value: Any, _info: Any) -> bool:
            return bool(typename_of(value) == name)

        if kind == "sync" or self.calm:
            return is_type_of

        async def is_type_of_later(value: Any, info: Any) -> bool:
            return is_type_of(value, info)

        return is_type_of_later

    def _field(
        self, parent: str, name: str, *, leaf: bool = False, composite: bool = False
    ) -> GraphQLField:
        rng = self.rng
        named: Any = rng.choice([*BUILT_IN, *BUILT_IN, *self.enums, *self.scalars])
        if composite or (not leaf and rng.random() < 0.45):
            named = Later(rng.random())
        type_ = self._wrap(named) if is_leaf_type(named) else ("wrap", named, rng.random())
        args = {
            key: self._argument()
            for key in ("x", "y", "z")[: rng.choice([0, 0, 1, 2, 3])]
        }  # fmt: skip
        field = GraphQLField(GraphQLString, args=args)
        field.type = type_  # type: ignore[assignment]
        field.resolve = self._resolver(parent, name, type_)
        return field

    def _argument(self) -> GraphQLArgument:
        type_ = self._input_type()
        return GraphQLArgument(type_, default_value=self._default(type_))

    def _bind(self, field: GraphQLField) -> GraphQLField:
        """The field with its type, now that all types are there."""
        type_: Any = field.type
        if isinstance(type_, tuple):
            _, later, draw = type_
            choices = [*self.objects, *self.objects, *self.interfaces, *self.unions]
            named = choices[int(later.draw * len(choices))]
            rng, self.rng = self.rng, Random(draw)
            field.type = self._wrap(named)
            self.rng = rng
        return field

    # Resolvers

    def _resolver(self, parent: str, name: str, type_: Any) -> Callable[..., Any] | None:
        kind = self.rng.choice(
            ["property", "property", "sync", "sync", "async", "slow", "mixed", "info"]
        )
        coordinate = f"{parent}.{name}"
        if kind == "property":
            return None

        def resolve(value: Any, info: Any, **arguments: Any) -> Any:
            place = f"{key_of(value)}/{name}({arguments!r})"
            draw = self.values.draw(place + "!")
            if draw.random() < self.faults:
                raise draw.choice([ValueError, RuntimeError, KeyError])(f"{coordinate} failed")
            returns = info.return_type
            if get_named_type(returns) is GraphQLString and not hasattr(returns, "of_type"):
                if kind == "info":
                    return describe(info, arguments)
                if arguments:
                    return repr(arguments)
            return self.values.make(returns, place, depth_of(value) + 1)

        if kind in ("sync", "info") or self.calm:
            return resolve

        async def resolve_later(value: Any, info: Any, **arguments: Any) -> Any:
            if kind == "slow":
                for _ in range(self.values.draw(f"{key_of(value)}{name}").randint(1, 3)):
                    await asyncio.sleep(0)
            return resolve(value, info, **arguments)

        def resolve_mixed(value: Any, info: Any, **arguments: Any) -> Any:
            if self.values.draw(f"{key_of(value)}{name}").random() < 0.5:
                return resolve_later(value, info, **arguments)
            return resolve(value, info, **arguments)

        return resolve_mixed if kind == "mixed" else resolve_later


class Color(Enum):
    """Python's own kind of enum."""

    RED = 1
    GREEN = 2
    BLUE = "3"


class Member(NamedTuple):
    """What an enum type of an integration makes of a value."""

    value: Any


class OwnEnumType(GraphQLEnumType):
    """An enum type that coerces in its own way, as integrations make them."""

    def parse_value(self, input_value: Any, hide_suggestions: bool = False) -> Any:
        return Member(GraphQLEnumType.parse_value(self, input_value, hide_suggestions))

    def parse_literal(self, value_node: Any, *arguments: Any, **options: Any) -> Any:
        return Member(super().parse_literal(value_node, *arguments, **options))

    def coerce_input_value(self, input_value: Any, hide_suggestions: bool = False) -> Any:
        return Member(super().coerce_input_value(input_value, hide_suggestions))

    def coerce_input_literal(self, value_node: Any, *arguments: Any, **options: Any) -> Any:
        return Member(super().coerce_input_literal(value_node, *arguments, **options))


class Out:
    """What an input object's `out_type` makes of it."""

    def __init__(self, fields: dict[str, Any]) -> None:
        self.fields = fields

    def __repr__(self) -> str:
        return f"Out({self.fields!r})"


class Later:
    """A composite type that does not exist yet."""

    def __init__(self, draw: float) -> None:
        self.draw = draw


def describe(info: Any, arguments: dict[str, Any]) -> str:
    """What a resolver sees of its place."""
    variables = getattr(info.variable_values, "coerced", info.variable_values)
    nodes = [(node.loc.start_token.line, node.loc.start_token.column) for node in info.field_nodes]
    return (
        f"{info.field_name} {info.path.as_list()} {arguments!r} {sorted(variables.items())!r} {nodes}"
        f" {info.parent_type} {info.return_type} {sorted(info.fragments)} {info.path.typename}"
        f" {info.operation.operation.value}"
    )


def key_of(value: Any) -> str:
    """The place that an object was made for."""
    if isinstance(value, dict):
        return str(value.get("_key", "?"))
    return str(getattr(value, "_key", "?"))


def depth_of(value: Any) -> int:
    depth = value.get("_depth", 9) if isinstance(value, dict) else getattr(value, "_depth", 9)
    return int(depth)


def typename_of(value: Any) -> Any:
    if isinstance(value, dict):
        return value.get("__typename")
    return getattr(value, "_Thing__typename", None)

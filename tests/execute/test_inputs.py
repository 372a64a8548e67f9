"""What a client sends, coerced by the user's own types: as graphql-core coerces it, value for value and word for
word.
"""

from __future__ import annotations

import enum
from decimal import Decimal
from typing import Any

import graphql
import pytest
from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLError,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInt,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLString,
)

from gateway.integrations import graphql_core as dropin
from gateway.runtime import reference
from tests.execute.reference import compare, make_schema


def show(_root: Any, _info: Any, **arguments: Any) -> str:
    return repr(arguments)


SHAPED = """
enum E { A B } input I { b: Boolean }
type Query { a: Int b(l: [Int], i: I, e: E, f: Boolean): String }
"""
SEVERAL = [
    "query A($v: Boolean = false) { a @skip(if: $v) b } query B($v: [Int]) { b(l: $v) }",
    "query A($v: Boolean!) { a @include(if: $v) ...F } query B($v: I) { b(i: $v) a } fragment F on Query { b @skip(if: $v) }",
    "query A($v: Boolean!) { a ...F } query B($v: E) { b(e: $v) a } fragment F on Query { ...G } fragment G on Query { b @skip(if: $v) }",
    "".join(f"query A{n}($v{n}: Boolean!) {{ a @include(if: $v{n}) }} " for n in range(12))
    + "query A($v: Boolean) { b(f: $v) } query B($v: [Int]) { b(l: $v) }",
    "query A($v: Boolean) { a @skip(if: $v) ...F } query B($v: Boolean) { ...F } fragment F on Query { b(f: $v) }",
    "query A($v: [Int]) { a b(l: $v) } query B($v: Boolean! = true) { ...F ...F } fragment F on Query { b(f: $v) a @skip(if: $v) }",
]


@pytest.mark.parametrize("text", SEVERAL)
@pytest.mark.parametrize("value", [[1], {"b": True}, "A", True, False, None, 1])
async def test_what_shapes_one_operation_is_not_what_shapes_another(text: str, value: Any) -> None:
    schema = make_schema(SHAPED, {"Query.b": show})
    before = dropin.fallbacks.copy()
    for name in ("A", "B"):
        for variables in ({"v": value}, {}):
            document = graphql.parse(text)
            expected = graphql.execute(
                schema, document, {"a": 4}, variable_values=variables, operation_name=name
            )
            for _ in range(2):
                found = dropin.execute(
                    schema, document, {"a": 4}, variable_values=variables, operation_name=name
                )
                assert found == expected
    # A nullable variable in @skip has no boolean when it is null or absent.
    assert set(dropin.fallbacks - before) <= {"@skip without a boolean"}


@pytest.mark.parametrize("directive", ["@experimental_disableErrorPropagation", "@defer"])
async def test_what_no_plan_expresses_in_one_operation_leaves_the_other_its_plan(
    directive: str,
) -> None:
    schema = make_schema(SHAPED, {"Query.b": show})
    head = directive if directive != "@defer" else ""
    text = f"query A {head} {{ ... {directive if not head else ''} {{ a }} }} query B {{ a b }}"
    await compare(schema, text, root={"a": 1}, operation_name="B")


class Color(enum.Enum):
    RED = 1
    GREEN = 2


class Out:
    """What an input object's `out_type` makes."""

    def __init__(self, fields: dict[str, Any]) -> None:
        self.fields = fields

    def __repr__(self) -> str:
        return f"Out({self.fields})"


class EnumWithMembers(GraphQLEnumType):
    """An enum type as Strawberry makes it: names in the schema, Python's members for resolvers."""

    def parse_value(self, input_value: Any, hide_suggestions: bool = False) -> Any:
        if not reference.IS_3_3:
            return Color(super().parse_value(input_value))
        return self.coerce_input_value(input_value)

    def coerce_input_value(self, input_value: Any, hide_suggestions: bool = False) -> Any:
        return Color(super().coerce_input_value(input_value))

    def parse_literal(self, value_node: Any, *arguments: Any, **options: Any) -> Any:
        return Color(super().parse_literal(value_node, *arguments, **options))

    def coerce_input_literal(self, value_node: Any, *arguments: Any, **options: Any) -> Any:
        return Color(super().coerce_input_literal(value_node, *arguments, **options))


class EnumOfLists(EnumWithMembers):
    """An enum whose values are made anew each time."""

    def coerce_input_value(self, input_value: Any, hide_suggestions: bool = False) -> Any:
        return [super().coerce_input_value(input_value)]

    def parse_value(self, input_value: Any, hide_suggestions: bool = False) -> Any:
        return [super().parse_value(input_value)]

    def parse_literal(self, value_node: Any, *arguments: Any, **options: Any) -> Any:
        return [super().parse_literal(value_node, *arguments, **options)]

    def coerce_input_literal(self, value_node: Any, *arguments: Any, **options: Any) -> Any:
        return [super().coerce_input_literal(value_node, *arguments, **options)]


MEMBERS = EnumWithMembers("Members", {"RED": 1, "GREEN": 2})
LISTS = EnumOfLists("Lists", {"RED": 1, "GREEN": 2})
PYTHON = GraphQLEnumType("Python", Color)
DECIMAL = GraphQLScalarType("Decimal", parse_value=Decimal, serialize=str)
BOXED = GraphQLScalarType("Boxed", parse_value=lambda value: [value], serialize=str)
IN: Any = GraphQLInputObjectType(
    "In",
    lambda: {
        "c": GraphQLInputField(MEMBERS),
        "p": GraphQLInputField(PYTHON, out_name="renamed"),
        "l": GraphQLInputField(GraphQLList(MEMBERS)),
        "d": GraphQLInputField(DECIMAL),
        "n": GraphQLInputField(GraphQLNonNull(GraphQLInt), default_value=3),
        "i": GraphQLInputField(IN),
    },
    out_type=Out,
)
ONE = GraphQLInputObjectType(
    "One",
    {"c": GraphQLInputField(MEMBERS), "d": GraphQLInputField(DECIMAL)},
    is_one_of=True,
    out_type=Out,
)
TYPES: dict[str, Any] = {
    "c": MEMBERS, "p": PYTHON, "l": GraphQLList(GraphQLNonNull(MEMBERS)), "i": IN, "d": DECIMAL, "x": BOXED, "o": ONE, "m": LISTS,
}  # fmt: skip


def own_types(resolve: Any = show) -> GraphQLSchema:
    arguments = {name: GraphQLArgument(type_) for name, type_ in TYPES.items()}
    field = GraphQLField(GraphQLString, args=arguments, resolve=resolve)
    return GraphQLSchema(GraphQLObjectType("Query", {"f": field}))


SENT: list[tuple[str, list[Any]]] = [
    ("c", ["RED", "NO", 1, None, Color.RED]),
    ("p", ["RED", 3]),
    ("l", [["RED"], "RED", ["RED", "X"], [None], [[]]]),
    ("i", [{"c": "RED", "p": "GREEN", "l": ["RED"], "d": "1.5", "i": {"c": "RED"}}, {"d": "x"}, {"zz": 1}, 5, {"n": None}]),
    ("d", ["1.5", 3, "x", {}]),
    ("x", [1, [2]]),
    ("o", [{"c": "RED"}, {"c": None}, {"c": "RED", "d": "1"}, {}, {"d": "2"}]),
    ("m", ["RED", "NO"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), [(name, v) for name, values in SENT for v in values])
async def test_types_with_functions_of_their_own(name: str, value: Any) -> None:
    schema = own_types()
    type_ = TYPES[name]
    for text in (
        f"query ($v: {type_}) {{ f({name}: $v) g: f({name}: $v) }}",
        f"query ($v: {type_}! = null) {{ f({name}: $v) }}",
        f"query ($v: {type_}) {{ f(i: {{i: {{c: $v}}}}) }}",
    ):
        await compare(schema, text, variable_values={"v": value})


@pytest.mark.parametrize("type_name", ["c", "m", "p"])
async def test_an_enums_literal_is_its_own_value(type_name: str) -> None:
    def change(_root: Any, _info: Any, **arguments: Any) -> str:
        shown = repr(arguments)
        for value in arguments.values():
            if isinstance(value, list):
                value.append("changed")  # must reach no other call
        return shown

    text = f"query ($v: {TYPES[type_name]} = GREEN) {{ f({type_name}: RED) g: f({type_name}: RED) h: f({type_name}: $v) }}"
    await compare(own_types(change), text)


RAISING = """
scalar Value scalar Literal enum E { A B } input I { v: Value e: E l: [Value] n: Int! = 3 } input O @oneOf { v: Value e: E }
type Query { f(v: Value, i: I, l: [Value], e: E, o: O, x: Literal): String v: Value }
"""
REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("query ($v: Value) { f(v: $v) }", {"v": "abc"}),
    ("query ($v: Value = 4) { f(v: $v) }", {}),
    ("query ($l: [Value]) { f(l: $l) }", {"l": ["abc", 3]}),
    ("query ($i: I) { f(i: $i) }", {"i": {"v": 3}}),
    ("query ($i: I) { f(i: $i) }", {"i": {"e": "C", "l": [3, None]}}),
    ("query ($v: Value) { f(i: {v: $v}) }", {"v": "abc"}),
    ("query ($o: O) { f(o: $o) }", {"o": {"v": 1}}),
    ("query ($e: E) { f(e: $e) }", {"e": 5}),
    ("query ($x: Literal = 3) { f(x: $x) }", {}),
    ("query ($x: Literal) { f(x: [$x]) }", {"x": 1}),
    ("{ f(v: 3) }", {}),
    ("{ f(x: 3) }", {}),
    ("{ f(i: {v: 3, l: [4]}) }", {}),
    ("{ v }", {}),
]


@pytest.mark.parametrize("raised", [ValueError, GraphQLError, KeyError, RuntimeError])
@pytest.mark.parametrize(("text", "variables"), REFUSED)
async def test_what_a_scalars_function_raises_is_told_in_graphql_cores_words(
    text: str, variables: dict[str, Any], raised: Any
) -> None:
    def refuse(value: Any, *_more: Any) -> Any:
        raise raised("refused")

    schema: Any = make_schema(RAISING, {"Query.f": show})
    value, literal = schema.type_map["Value"], schema.type_map["Literal"]
    for name in ("parse_value", "coerce_input_value", "serialize", "coerce_output_value"):
        setattr(value, name, refuse)
    literal.parse_literal = literal.coerce_input_literal = refuse
    result = await compare(schema, text, root={"v": 4}, variable_values=variables)
    assert result.errors

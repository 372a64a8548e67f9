"""What the quick check calls valid has no error by the reference's rules; and it knows most of what is valid."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from graphql import (
    DirectiveLocation,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLArgument,
    GraphQLDirective,
    GraphQLField,
    GraphQLInt,
    GraphQLList,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    SelectionSetNode,
    build_schema,
    parse,
    validate,
)

from gateway.language.quick import is_certainly_valid
from gateway.language.quick.doubt import MAX_NESTING
from tests.language.test_rules import SCHEMA, SEEDS

TYPES = ("Dog", "Cat", "Node", "Pet", "Query")
VALID = (
    "{ pet { ... on Dog { name } ... on Cat { name } ...P } } fragment P on Pet { __typename ... on Node { id } }",
    "{ node(id: 1) { id ... on Dog { a: friends(first: 1) { ...F } } ...N } }"
    " fragment N on Node { ... on Dog { a: friends(first: 1) { ... on Dog { barks } } } } fragment F on Dog { barks id }",
    "query Q($f: Int!, $c: Color = RED, $list: [Float!], $on: Boolean! = true) { dog { friends(first: $f) { __typename }"
    ' name(style: $c) @skip(if: $on) } pets(in: {s: "a", list: $list, in: {s: "b", n: $f}}, n: [$f, 1]) { __typename } }',
    "query A { ...Q } query B($x: ID!) { ...Q node(id: $x) { id } } fragment Q on Query { dog { id } }",
    "mutation { a: rename(id: 1, name: null) { id } b: rename(id: \"2\") @note(text: \"t\") { name } }",
    "{ dog { id @many(n: 1) @many ...D @include(if: true) } } fragment D on Dog { id name(style: GREEN) name(style: GREEN) }",
)  # fmt: skip
# Valid, and left to the rules: what is more than plain.
DOUBTED = (
    "{ __schema { queryType { name } } }",
    "subscription { named { id } }",
    "{ dog { ...D @defer } } fragment D on Dog { id }",
    "{ pet { ... on Dog { x: barks } ... on Cat { y: id x: meows } } }",
    "{ pet { ... on Dog { name(style: RED) } ... on Cat { name } } }",
    "{ pets(one: {a: 1}) { __typename } }",
    "{ dog { " + "... { " * (MAX_NESTING + 1) + "id" + " }" * (MAX_NESTING + 1) + " } }",
)


def sets_of(node: Any) -> Iterator[SelectionSetNode]:
    for part in (*getattr(node, "definitions", ()), *getattr(node, "selections", ())):
        if getattr(part, "selection_set", None) is not None:
            yield part.selection_set
            yield from sets_of(part.selection_set)


def written(text: str, *nodes: Any) -> str:
    """What stands there of nodes that follow each other; nothing for none."""
    return text[nodes[0].loc.start : nodes[-1].loc.end] if nodes and nodes[0] is not None else ""


def changed(text: str, rng: Random) -> str:
    """The document after one change that leaves it one: a selection moved, repeated, renamed, wrapped or left out."""
    document = parse(text)
    sets: list[Any] = list(sets_of(document))
    selections = [selection for one in sets for selection in one.selections]
    fields = [one for one in selections if isinstance(one, FieldNode)]
    names = [
        one.name.value for one in document.definitions if isinstance(one, FragmentDefinitionNode)
    ]
    if not fields:
        return text
    taken, field, other = rng.choice(selections), rng.choice(fields), rng.choice(fields)
    if rng.random() < 0.15:
        return text[: taken.loc.start] + text[taken.loc.end :]
    arguments, inner = written(text, *other.arguments or ()), written(text, field.selection_set)
    added = rng.choice(
        (
            written(text, taken),
            f"... on {rng.choice(TYPES)} {{ {written(text, taken)} }}",
            f"{(other.alias or other.name).value}: {written(text, field.name)} {inner}",
            f"{field.name.value}({arguments}) {inner}"
            if arguments
            else f"{field.name.value} {inner}",
            f"x: {other.name.value} {inner}",
            f"...{rng.choice(names)}" if names else "__typename",
        )
    )
    at = rng.choice(sets).loc.end - 1
    return f"{text[:at]} {added} {text[at:]}"


def compare(text: str, schema: GraphQLSchema, seen: Counter[tuple[bool, bool]]) -> None:
    document = parse(text)
    is_valid = not validate(schema, document)
    is_certain = is_certainly_valid(schema, document)
    assert is_valid or not is_certain, text
    seen[is_certain, is_valid] += 1


@pytest.mark.parametrize("text", VALID)
def test_plain_documents_are_certain(text: str) -> None:
    document = parse(text)
    assert validate(SCHEMA, document) == []
    assert is_certainly_valid(SCHEMA, document)


@pytest.mark.parametrize("text", DOUBTED, ids=lambda text: text[:40])
def test_what_is_not_plain_is_left_to_the_rules(text: str) -> None:
    assert not is_certainly_valid(SCHEMA, parse(text))


def test_a_check_ends() -> None:
    assert is_certainly_valid(SCHEMA, parse("{ dog { id } }"), 20)
    assert not is_certainly_valid(SCHEMA, parse("{ " + "dog { id } " * 20 + "}"), 20)


OWN_LIST = GraphQLSchema(
    GraphQLObjectType(
        "Query",
        {"a": GraphQLField(GraphQLInt, {"x": GraphQLArgument(type("L", (GraphQLList,), {})(GraphQLInt))})},
    )
)  # fmt: skip
TWO_OF_A_NAME = GraphQLSchema(
    GraphQLObjectType("Query", {"a": GraphQLField(GraphQLInt)}),
    directives=[
        GraphQLDirective("d", [DirectiveLocation.FIELD], is_repeatable=True),
        GraphQLDirective("d", [DirectiveLocation.QUERY]),
    ],
)
OWN_TYPENAME = build_schema("type Query { __typename: Query a: Int }", assume_valid=True)


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        (OWN_LIST, "query ($v: [Int]) { a(x: [$v]) }"),
        (TWO_OF_A_NAME, "{ a @d }"),
        (OWN_TYPENAME, "{ __typename { a } }"),
    ],
)
def test_schemas_that_only_python_can_make(schema: GraphQLSchema, text: str) -> None:
    assert validate(schema, parse(text))
    assert not is_certainly_valid(schema, parse(text))


def test_one_node_in_two_places_is_left_to_the_rules() -> None:
    (query,) = parse("{ dog { id } pet { ... on Dog { x: id } } }").definitions
    assert isinstance(query, OperationDefinitionNode)
    selections = query.selection_set.selections
    doubled = OperationDefinitionNode(
        operation=query.operation,
        selection_set=SelectionSetNode(selections=(*selections, selections[0])),
    )
    assert not is_certainly_valid(SCHEMA, DocumentNode(definitions=(doubled,)))


def test_what_nests_through_fragments_counts_together() -> None:
    def chain(count: int) -> DocumentNode:
        parts = [f"fragment F{n} on Dog {{ ...F{n + 1} }}" for n in range(count)]
        return parse(f"{{ dog {{ ...F0 }} }} {' '.join(parts)} fragment F{count} on Dog {{ id }}")

    assert is_certainly_valid(SCHEMA, chain(MAX_NESTING - 5))
    assert not is_certainly_valid(SCHEMA, chain(MAX_NESTING + 5))


def test_literals_that_nest_beyond_the_stack_are_left_to_the_rules() -> None:
    schema = build_schema(
        "type Query { f(l: [[[In!]!]!]! = []): Int } input In { a: Int l: [[[In!]!]!] }"
    )
    document = parse("{ f(l: " + "{l: " * 150 + "{a: 1}" + "}" * 150 + ") }")
    assert not is_certainly_valid(schema, document)


def test_comparing_literals_takes_steps_and_each_pair_is_compared_once() -> None:
    field = f"pets(n: [{'1 ' * 50}]) {{ __typename }}"
    document = parse(f"{{ {field} {field} ...Q }} fragment Q on Query {{ {field} }}")
    assert is_certainly_valid(SCHEMA, document, 150)
    assert not is_certainly_valid(SCHEMA, document, 90)
    repeated = parse(
        f"{{ ...Q ...R }} fragment Q on Query {{ {field} }} fragment R on Query {{ {field} }}"
    )
    several = parse(
        "query A { ...Q ...R } query B { ...Q ...R id: __typename } query C { ...R ...Q }"
        f" fragment Q on Query {{ {field} }} fragment R on Query {{ {field} }}"
    )
    assert is_certainly_valid(SCHEMA, repeated, 140)
    assert is_certainly_valid(SCHEMA, several, 140)


def test_nothing_wrong_is_certain() -> None:
    rng, seen = Random("quick"), Counter[tuple[bool, bool]]()
    for seed in (*VALID, *SEEDS):
        for _ in range(15):
            text = seed
            for _ in range(3):
                text = changed(text, rng)
                compare(text, SCHEMA, seen)
    assert seen[False, False] > 150, seen
    assert seen[True, True] > 2 * seen[False, True] > 0, seen

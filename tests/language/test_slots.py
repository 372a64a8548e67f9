"""Which literals are free: what may vary without changing whether, or how, the document is executed."""

from __future__ import annotations

import pytest
from graphql import GraphQLScalarType, GraphQLSchema, build_schema, parse, validate

from gateway.language.normalize import normalize
from gateway.language.slots import Slots, find_slots

SCHEMA = build_schema("""
    directive @note(text: String) on FIELD | QUERY | VARIABLE_DEFINITION
    scalar Own
    enum Color { RED }
    input In { s: String = "x", own: Own, list: [[Int!]], in: In }
    interface Node { id(own: Own, n: Int): ID }
    type A implements Node { id(own: Own, n: Int): ID, b(f: Float): A }
    type Query {
        a(s: String, i: Int, f: Float, id: ID, list: [Int], own: Own, color: Color, in: In): A
        node: Node
    }
""")


def slots_of(text: str, schema: GraphQLSchema = SCHEMA) -> Slots:
    document = parse(text)
    assert validate(schema, document) == []
    normalized = normalize(text)
    assert normalized is not None
    return find_slots(schema, document, normalized)


@pytest.mark.parametrize(
    ("text", "pinned"),
    [
        ('{ a(s: "x", i: 1, f: 1, id: 5) { id } }', ()),
        ('{ a(id: "x", f: 1.5, list: [1, 2]) { id } }', ()),
        ("{ a(list: 1) { id } }", ()),
        ('{ a(own: "x", i: 1) { id } }', (0,)),
        ('{ a(own: {k: "x", l: [1]}, i: 1) { id } }', (0, 1)),
        ('{ a(in: {s: "x", own: 5, list: [[1], [2]], in: {s: "y", own: {k: 1}}}) { id } }', (1, 5)),
        ('{ a(i: 1) { id @note(text: "x") } }', (1,)),
        ('query ($n: Int = 5 @note(text: "d")) @note(text: "x") { a(i: $n, s: "y") { id } }', (0, 1, 2)),
        ('{ node { ...F ... on A { b(f: 2) { id } } } } fragment F on Node { id(own: 1, n: 2) }', (1,)),
        ('{ __type(name: "A") { name } }', ()),
    ],
)  # fmt: skip
def test_literals_of_built_in_scalars_in_arguments_are_free(
    text: str, pinned: tuple[int, ...]
) -> None:
    slots = slots_of(text)
    assert slots.pinned == pinned
    normalized = normalize(text)
    assert normalized is not None
    assert sorted([*slots.free.values(), *pinned]) == list(range(len(normalized.raws)))
    for offset, slot in slots.free.items():
        assert text.startswith(normalized.raws[slot], offset)


def test_a_scalar_that_only_has_a_built_in_name_is_pinned() -> None:
    schema = build_schema("type Query { a(n: Int): String }")
    own = GraphQLScalarType("Other")
    own.name = "Int"
    schema.query_type.fields["a"].args["n"].type = own  # type: ignore[union-attr]
    text = "{ a(n: 1) }"
    normalized = normalize(text)
    assert normalized is not None
    assert find_slots(schema, parse(text), normalized).pinned == (0,)


@pytest.mark.parametrize(
    ("text", "raw", "doubtful"),
    [
        ("{ a(i: 1) { id } }", "2147483647", False),
        ("{ a(i: 1) { id } }", "2147483648", True),
        ("{ a(i: 1) { id } }", "-2147483648", False),
        ("{ a(i: 1) { id } }", "-2147483649", True),
        ("{ a(i: 1) { id } }", "9" * 5000, True),
        ("{ a(id: 1) { id } }", "9" * 5000, False),
        ("{ a(f: 1.0) { id } }", "1e999", True),
        ("{ a(f: 1.0) { id } }", "1e9", False),
        ("{ a(f: 1) { id } }", "9" * 399, True),
        ("{ a(f: 1) { id } }", "9" * 5000, True),
        ("{ a(list: [1]) { id } }", "3000000000", True),
    ],
)
def test_values_that_may_be_invalid_are_doubtful(text: str, raw: str, doubtful: bool) -> None:
    assert slots_of(text).is_doubtful([raw]) is doubtful

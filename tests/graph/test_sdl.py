"""Schema texts: every node knows its place, as graphql-core has it, and its rules find what they find elsewhere."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from graphql import GraphQLError, Node, parse
from graphql.validation.validate import validate_sdl

from gateway.graph import schema
from gateway.graph.sdl import parse_sdl, place_of

TEXT = '''"""What is
asked."""
type Query implements A & B @deprecated(reason: "Zo\u00eb's") {\r
  # a comment
  "each" a(first: Int! = 3, of: [[In!]!] = [[{b: "x", c: [A, null]}]]): [Query!]!\r  b: String @x
}
scalar Date @specifiedBy(url: "https://\U0001f600.example")
enum E { "an A" A B @deprecated }
union U = | Query | Other
extend input In @oneOf { b: String c: [E] }
directive @x(a: Int = 1) repeatable on FIELD_DEFINITION | OBJECT
schema { query: Query }
'''


def nodes_of(value: Any) -> Iterator[Node]:
    if isinstance(value, Node):
        yield value
        for key in value.keys:
            if key != "loc":
                yield from nodes_of(getattr(value, key))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from nodes_of(item)


def test_every_node_knows_its_place() -> None:
    ours, theirs = list(nodes_of(parse_sdl(TEXT, "s.graphql"))), list(nodes_of(parse(TEXT)))
    assert len(ours) == len(theirs)
    for own, node in zip(ours, theirs, strict=True):
        assert own.loc is not None
        assert node.loc is not None
        assert type(own) is type(node)
        assert own.loc.start == node.loc.start
        assert own.loc.end == node.loc.end
        token, expected = own.loc.start_token, node.loc.start_token
        assert (token.line, token.column) == (expected.line or 1, expected.column or 1)
        assert place_of(own) == ("s.graphql", token.line, token.column)


def test_a_document_can_be_copied_and_pickled() -> None:
    document = parse_sdl(TEXT, "s.graphql")
    for made in (copy.deepcopy(document), pickle.loads(pickle.dumps(document))):
        assert made == document
        assert place_of(made.definitions[1]) == place_of(document.definitions[1])


def test_nodes_share_names_and_places_where_they_are_the_same() -> None:
    document = parse_sdl("type A { b: B c: B }", "s.graphql")
    first, second = (field.type for field in document.definitions[0].fields)  # type: ignore[attr-defined]
    assert first.name.value is second.name.value
    assert first.loc is first.name.loc


WRONG = [
    "type A { a: B } type A { a: Int }",
    "type Q { a: Int a: Int } enum E { A A } input I { a: Int a: Int }",
    "type Q @nope(a: 1) { a(b: Int @nope): Missing @deprecated @deprecated }",
    "extend type Nobody { a: Int } schema { query: Q } schema { query: Q query: Q }",
    "directive @d(a: Int! b: Int) on OBJECT type Q @d(b: 1, c: 2) { a: Int } enum E @d(a: 1) { A }",
    'type Q @deprecated(reason: 3) { a(b: In = {x: 1, x: 2}): Int } input In { x: Int } union U = Nope',
    "query { a } type Q { a: Int a: Int }",
]  # fmt: skip


@pytest.mark.parametrize("text", WRONG)
def test_the_rules_find_what_graphql_core_finds(text: str) -> None:
    def told(errors: list[GraphQLError]) -> list[tuple[str, Any]]:
        return [(error.message, error.locations) for error in errors]

    document = parse_sdl(text, "s.graphql")
    expected = told(validate_sdl(document))
    assert expected
    assert told(schema._sdl_errors(document)) == expected


def test_a_gateway_without_certificates_does_not_load_what_reads_them() -> None:
    script = "import gateway.app.gateway, sys; print('cryptography' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert found.stdout == b"False\n"

"""A document's verdict is carried to another schema only where all that it names means the same there."""

from __future__ import annotations

import pytest
from graphql import build_schema, parse, validate

from gateway.language.verdict import SameNames

SDL = """
directive @shown(how: How = SHORT) on FIELD
schema { query: Query }
type Query { video(id: ID!, filter: Filter): Video, search(text: String = "a"): [Found!], node: Node }
type Video implements Node { id: ID!, title: String, owner: User, likes: Int }
type User implements Node { id: ID!, name: String }
type Other { id: ID }
union Found = Video | User
interface Node { id: ID! }
enum How { SHORT LONG }
input Filter { text: String, more: More, how: How }
input More { deep: Int = 1, back: Filter }
"""
DOCUMENTS = {
    "fields": "query Q($id: ID!) { video(id: $id) { id title } }",
    "input": 'query Q($f: Filter) { video(id: "1", filter: $f) { owner { name } } }',
    "inline": 'query { video(id: "1", filter: {more: {deep: 2}}) { likes } }',
    "union": "query { search { ... on Video { ...V } ... on User { name } } } fragment V on Video { title @shown }",
    "interface": "query { node { id ... on User { name } } }",
    "typename": "query { __typename search { __typename } }",
}
# What is changed to what, and which of the documents name it.
CHANGES = [
    ("likes: Int }", "likes: Int, extra: String }", set()),
    ("type Other { id: ID }", "type Other { id: Int, x: Int }", set()),
    ("title: String", "title: Int", {"fields", "union"}),
    ("owner: User, ", "", {"input"}),
    ("name: String }", "name: [String] }", {"input", "union", "interface"}),
    ("likes: Int }", "likes(in: Int!): Int }", {"inline"}),
    ("filter: Filter", "filter: Filter!", {"fields", "input", "inline"}),
    ("deep: Int = 1", "deep: Int! = 1", {"fields", "input", "inline"}),
    ("deep: Int = 1", "deep: Int", {"fields", "input", "inline"}),
    ("union Found = Video | User", "union Found = Video", {"union", "typename"}),
    ("type User implements Node", "type User", {"input", "union", "interface"}),
    ("enum How { SHORT LONG }", "enum How { SHORT }", {"fields", "input", "inline", "union"}),
    ("on FIELD", "on FIELD | QUERY", {"union"}),
    ("schema { query: Query }", "schema { query: Other }", set(DOCUMENTS)),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "named"), CHANGES)
def test_a_verdict_is_carried_where_what_is_named_is_the_same(
    old: str, new: str, named: set[str]
) -> None:
    assert SDL.count(old) == 1
    before, after = build_schema(SDL), build_schema(SDL.replace(old, new))
    names = SameNames(before, after)
    changed = set()
    for name, text in DOCUMENTS.items():
        document = parse(text)
        assert not validate(before, document)
        if names.are_same(document):
            assert not validate(after, document), name
        else:
            changed.add(name)
    assert changed == named


def test_an_input_type_that_holds_itself_is_compared_as_a_whole() -> None:
    before, after = build_schema(SDL), build_schema(SDL.replace("deep: Int = 1", "deep: Float = 1"))
    names = SameNames(before, after)
    for _ in range(2):
        assert not names.are_same(parse("query Q($f: Filter, $m: More) { node { id } }"))
        assert not names.are_same(parse("query Q($m: More) { node { id } }"))


def test_a_document_that_asks_for_the_schema_is_validated_again() -> None:
    schema = build_schema(SDL)
    assert not SameNames(schema, schema).are_same(parse("{ __schema { types { name } } }"))

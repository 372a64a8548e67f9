"""Real operations: the answers that are made up are small, of the kind that is asked for, and equal on both sides."""

from __future__ import annotations

import json
from pathlib import Path

import graphql
import pytest

from benchmarks.micro.real import FILLS, MOST_VALUES, Corpus, load_corpus, values_of

SDL = """
interface Node { id: ID! }
type Query { items(first: Int!): [Item] node: Node one: Item! }
type Item implements Node { id: ID! name: String tags: [String!]! parent: Item parts: [Item!]! }
type Other implements Node { id: ID! kind: Kind }
enum Kind { A B }
"""
TEXT = """query Q($n: Int!) {
  items(first: $n) { id name tags parts { id tags parts { id tags parts { id name } } } }
  node { __typename id ... on Other { kind } } one { parent { name } }
}"""


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    (tmp_path / "s.graphql").write_text(SDL)
    (tmp_path / "f.json").write_text(json.dumps([["Q", TEXT]]))
    return load_corpus(tmp_path / "s.graphql", tmp_path / "f.json")


@pytest.mark.parametrize("kind", FILLS)
def test_an_answer_is_small_and_the_same_each_time(corpus: Corpus, kind: str) -> None:
    document = graphql.parse(corpus.operations[0][1])
    rows = corpus.rows_of(document, {"n": 3}, FILLS[kind])
    assert rows == corpus.rows_of(document, {"n": 3}, FILLS[kind])
    answers = [
        graphql.execute_sync(corpus.plain, document, rows, None, {"n": 3}),
        graphql.execute_sync(corpus.making, document, rows, None, {"n": 3}),
    ]
    assert answers[0] == answers[1]
    assert not answers[0].errors
    assert 0 < values_of(answers[0].data) < MOST_VALUES
    if kind == "null":
        assert answers[0].data == {"items": None, "node": None, "one": {"parent": None}}

"""The tree of a plain document is the reference's, places included; whatever the reference refuses has none here."""

from __future__ import annotations

import pickle
from random import Random
from typing import Any

import pytest
from graphql import DocumentNode, GraphQLError, Visitor, parse, visit
from graphql.language import Location
from graphql.language.ast import Node

from gateway.language.quick.parse import MAX_LEVELS, parse_plain
from tests.language.test_quick import DOUBTED, VALID

MOST = 10_000
PLAIN = (
    *VALID,
    *DOUBTED[:-1],
    "query Q($a: [[Int!]!]! = [1, -2, 3.5e-7, {a: {}, b: []}] @a(b: true), $on: On = null) @x { on: on(on: on) @on on }",
    'mutation{a(b:"" c:"é # ☃ \'" d:$d e:E f:false g:-0 h:0.0 i:1E5){b}}subscription S{c}',
    "#first\n{ # two\r\n  ...fragment @include(if: $x) ... on on { a } ... { b } ... @skip(if: true) { c }\r}#last",
    "fragment fragment on query { query mutation subscription fragment true false null }",
    "\ufeff, { a,,b\t:c }",
    "{ a " * (MAX_LEVELS - 1) + " }" * (MAX_LEVELS - 1),
)
LEFT = (
    "", "{", "}", "{ }", "{ a(b: 1a) }", "{ a(b: 01) }", "{ a(b: 1.) }", "{ a(b: .5) }", "{ a(b: 1..2) }", "{ a(b: 1-2) }", "{ a(b: 1+) }", "{ a(b: 1e) }", "{ a(b: --1) }", "{ a(b: 1.e1) }", "{ 1 }", "{ a(b: -) }", "query { a } a", "{ a } }",
    "{ a(b: \"\"\"x\"\"\") }", '{ a(b: "\\n") }', '{ a(b: "x) }', '{ a(b: "\t") }', '{ a(b: "\ud800") }', "{ a() }", "{ a(b) }", "{ a(b:) }", "{ a: }",
    "query ($a: Int = $b) { a }", "query ($a: Int @x(b: $c)) { a }", "query () { a }", "fragment on on A { a }", "fragment F { a }", "{ ...on }", "{ ... on { a } }",
    "{ a..b }", "{ a ... }", "{ é }", "{ a? }", "type A { a: B }", '"x" query A { a }', "{ a(b: [1) }", "{ a(b: {c: 1]) }", "query A A { a }", "{ a @ }", "{ a(b: $) }",
    "query ($a: [Int) { a }", "query ($a Int) { a }", "query (a: Int) { a }", "{ a(b: & | c) }", "{ a } #\ud800", "extend type A { a: B }", "{ a\x00 }", "{ a\xa0}",
    "{ a " * MAX_LEVELS + " }" * MAX_LEVELS, "{ a(b: " + "[" * MAX_LEVELS + "]" * MAX_LEVELS + ") }", "query ($a: " + "[" * MAX_LEVELS + "A" + "]" * MAX_LEVELS + ") { a }",
)  # fmt: skip
PIECES = ("{", "}", "(", ")", "[", "]", ":", "=", "!", "$", "@", "...", "|", "&", "a", "on", "fragment", "query", "true", "null", "1", "-1", "0.5", "1e9", "01", '"s"', '"', "\\", "#", "\n", ",", " ", "\t", "é", ".", "$a", "...F", "... on A")  # fmt: skip


def nodes_of(document: Any) -> list[Node]:
    found: list[Node] = []

    class Visited(Visitor):
        def enter(self, node: Node, *_: Any) -> None:
            found.append(node)

    visit(document, Visited())
    return found


def assert_same(ours: Any, theirs: Any, tokens: bool = False) -> None:
    if isinstance(theirs, Location):
        assert (ours.start, ours.end, ours.source) == (theirs.start, theirs.end, theirs.source)
        assert repr(ours) == repr(theirs)
        if tokens:
            assert (ours.start_token, ours.end_token) == (theirs.start_token, theirs.end_token)
            assert ours.start_token.next == theirs.start_token.next
        return
    assert type(ours) is type(theirs)
    if isinstance(theirs, Node):
        assert vars(ours).keys() == vars(theirs).keys()
        for name, value in vars(theirs).items():
            assert_same(getattr(ours, name), value, tokens)
    elif isinstance(theirs, tuple):
        assert len(ours) == len(theirs)
        for one, other in zip(ours, theirs, strict=True):
            assert_same(one, other, tokens)
    else:
        assert ours == theirs


def by_reference(text: str) -> DocumentNode | None:
    try:
        return parse(text)
    except (GraphQLError, RecursionError):
        return None


@pytest.mark.parametrize("text", PLAIN)
def test_a_plain_document_has_the_tree_of_the_reference(text: str) -> None:
    document = parse_plain(text, MOST)
    assert document is not None
    assert_same(document, parse(text), tokens=True)
    assert document.loc is not None
    source: Any = document.loc.source
    assert source.node_count == len(nodes_of(document))
    assert document == parse(text)
    assert_same(pickle.loads(pickle.dumps(document)), parse(text))


@pytest.mark.parametrize("text", LEFT)
def test_what_is_not_plain_is_left_to_the_reference(text: str) -> None:
    assert parse_plain(text, MOST) is None


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "text",
    [
        *(f"{{ a(b: {start * 32_000}{end}) }}" for start in ("1", "-", ".", "+", "e", '"', '"a', "1.", "1e", "1-", "...", "[", "{", "$", "a:") for end in ("", "a", '"', "\0")),
        *(char * 64_000 for char in ("1", '"', "#", ".", "-", ",", "\ufeff", "\0", "a", "(", "{a", "#\n", "#\ud800", '"\n', "1a", "1.1", "1e1", "-1")),
        *("1" * 9_000 + middle + "1" * 9_000 + end for middle in (".", "e", "e+", ".1e", "-", "..") for end in ("", "a", ".")),
    ],
)  # fmt: skip
def test_no_text_takes_more_than_its_length(text: str) -> None:
    """What takes steps by the square of a text's length takes minutes for these, else milliseconds."""
    document = parse_plain(text, 1_000_000)
    assert (document is None) == (by_reference(text) is None)


def test_tokens_are_counted_with_comments() -> None:
    text = "{ a #b\n c }"
    assert parse_plain(text, 4) is None
    document = parse_plain(text, 5)
    assert document is not None
    assert document.token_count == 5


@pytest.mark.parametrize("seed", range(6))
def test_changed_documents_have_the_tree_of_the_reference_or_none(seed: int) -> None:
    rng = Random(seed)
    trees = 0
    for _ in range(400):
        text = rng.choice(PLAIN[:-1])
        for _ in range(rng.randint(1, 3)):
            at = rng.randrange(len(text) + 1)
            cut = at + rng.choice((0, 0, 1, 2, 5))
            text = text[:at] + rng.choice((*PIECES, "")) + text[cut:]
        ours, theirs = parse_plain(text, MOST), by_reference(text)
        if ours is not None:
            assert theirs is not None, text
            assert_same(ours, theirs)
            trees += 1
    assert trees > 20

"""The pass that takes literals out of a text cuts tokens exactly as the lexer does."""

from __future__ import annotations

import re

import pytest
from graphql import (
    GraphQLSyntaxError,
    Lexer,
    Source,
    Token,
    TokenKind,
    parse,
    print_ast,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import json_bytes
from gateway.language import normalize as normalize_module
from gateway.language.fingerprint import fingerprint
from gateway.language.normalize import DocumentLiterals, literal_node, normalize, string_value

LITERALS = (TokenKind.INT, TokenKind.FLOAT, TokenKind.STRING, TokenKind.BLOCK_STRING)


def lex(text: str) -> list[Token]:
    lexer = Lexer(Source(text))
    tokens = []
    while (token := lexer.advance()).kind is not TokenKind.EOF:
        tokens.append(token)
    return tokens


def same_plan(one: str, other: str) -> bool:
    first, second = normalize(one), normalize(other)
    assert first is not None
    assert second is not None
    return (first.key, first.pattern) == (second.key, second.pattern)


PIECES = [
    "a", "b1", "_0", "$a", " ", ",", "\n", "\r\n", "{", "}", "(", ")", "[", "]", ":", "!", "=", "@d", "...", "|", "&",
    "0", "1", "-1", "-", "12", "1.5", "1e3", "-1.5E-3", "0.0", "00", "1.", "e1", ".", "\ufeff",
    '"', '""', '"""', '"x"', '"\\""', '"\\u0061"', '"\\u{1F600}"', '"\\q"', "\\", '\\"""', '"#"', '"é日"', "#", "# 5 \"x", "é",
    "\x01", "\x03", "\ud800",
]  # fmt: skip


@settings(max_examples=3000, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
def test_slots_are_the_lexers_literals(text: str) -> None:
    """Of every text that the lexer accepts. A text that it refuses only must not look like one that it accepts."""
    normalized = normalize(text)
    try:
        tokens = lex(text)
    except (GraphQLSyntaxError, UnicodeError):
        return
    literals = [token for token in tokens if token.kind in LITERALS]
    assert normalized is not None
    assert normalized.raws == [text[token.start : token.end] for token in literals]
    assert normalized.offsets() == [token.start for token in literals]
    assert "".join(normalized.parts) == text
    assert '"' not in normalized.key


@settings(max_examples=3000, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=10).map("".join))
def test_a_text_with_the_key_of_a_valid_document_is_valid(text: str) -> None:
    """What normalizing loses never makes a bad text look like a good one: their keys differ."""
    document = "{a(x:" + text + ")}"
    normalized = normalize(document)
    if normalized is None:
        return
    # The key with the plainest literal of each kind back in its place.
    plain = normalized.key.replace("\x02", "1.5").replace("\x01", "1")
    plain = plain.replace("\x04", '""""""').replace("\x03", '""')
    again = normalize(plain)
    if again is None or again.key != normalized.key or len(again.raws) != len(normalized.raws):
        return
    try:
        parse(plain)
    except (GraphQLSyntaxError, UnicodeError):
        return
    parse(document)


@pytest.mark.parametrize(
    "other",
    [
        '{ a(id: "y", n: 7, f: 2.5) }',
        '{ a(id: "", n: -7, f: -2.5e3) }',
        '{ a(id: "\\u0061\\"", n: 0, f: 0.0) }',
        '{ a(id: ")}#{(", n: 0, f: 0.0) }',
    ],
)
def test_documents_that_differ_in_literals_share_a_key(other: str) -> None:
    assert same_plan('{ a(id: "x", n: 1, f: 1.5) }', other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("{ a(n: 1) }", "{ a(n: 1.0) }"),
        ("{ a(n: 1) }", '{ a(n: "1") }'),
        ('{ a(n: "1") }', '{ a(n: """1""") }'),
        ("{ a(n: 1) }", "{ a(n: null) }"),
        ("{ a(n: 1) }", "{ a(n: true) }"),
        ("{ a(n: RED) }", "{ a(n: BLUE) }"),
        ("{ a(n: [1]) }", "{ a(n: [1, 2]) }"),
        ("{ a(n: {x: 1}) }", "{ a(n: {y: 1}) }"),
        ("{ a(n: 1) }", "{ a(n: $n) }"),
        # Which values are equal is part of the key: fields may merge or not.
        ('{ a(id: "a") a(id: "a") }', '{ a(id: "a") a(id: "b") }'),
        ('{ a(id: "a") a(id: "\\u0061") }', '{ a(id: "a") a(id: "b") }'),
        ("{ a(x: 1) b(x: 2) c(x: 1) }", "{ a(x: 1) b(x: 2) c(x: 2) }"),
    ],
)
def test_what_changes_the_meaning_changes_the_key(one: str, other: str) -> None:
    assert not same_plan(one, other)


def test_equal_values_are_equal_however_they_are_written() -> None:
    assert same_plan('{ a(id: "a") a(id: "a") }', '{ a(id: "b") a(id: "\\u0062") }')
    assert same_plan('{ a(id: "a") a(id: """a""") }', '{ a(id: "c") a(id: """d""") }')


def test_comments_lose_their_words_but_not_their_lines() -> None:
    assert same_plan("{ a # trace 1\n}", '{ a # "other" 2.5\n}')
    assert not same_plan("{ a # x\n}", "{ a }")


@pytest.mark.parametrize(
    "token", ["0", "-0", "12", "1.50", "-1e9", '""', '"é\\n"', '"""\n  a\n   b\n"""']
)
def test_a_literals_node_is_the_parsers(token: str) -> None:
    document = parse("{ a(x: " + token + ") }", no_location=True)
    expected = document.definitions[0].selection_set.selections[0].arguments[0].value  # type: ignore
    assert literal_node(token) == expected
    assert print_ast(literal_node(token)) == print_ast(expected)


def test_literals_give_nodes_and_the_text_itself() -> None:
    literals = DocumentLiterals('{ a(id: "x", n: 5) }', ['"x"', "5"])
    assert print_ast(literals.node(0)) == '"x"'
    assert print_ast(literals.node(1)) == "5"
    assert literals.document().loc is not None


def test_a_string_that_is_none_has_no_value() -> None:
    assert string_value('"\\q"') is None
    assert string_value('"""a') is None
    assert string_value('"a\\"') is None


def test_a_fingerprint_holds_no_literal() -> None:
    assert fingerprint('{ a(id: "secret") }') == fingerprint('{ a(id: "other") }')
    assert fingerprint("{ a }") != fingerprint("{ b }")


@pytest.mark.parametrize(
    "text",
    ['"' + '\\"' * 9999, '"""' + '\\"""' * 4999, '"' * 20_000, '""" ' * 5000, "-" * 20_000, "1." * 10_000,
     "a1" * 10_000, "1e" * 10_000, '"\\' * 9999, "#" * 20_000, '"\ud800' * 9999],
)  # fmt: skip
def test_hostile_texts_are_refused_or_keyed_as_they_are(text: str) -> None:
    normalized = normalize(text)
    assert normalized is None or "".join(normalized.parts) == text


def test_no_repeat_of_a_group_is_possessive() -> None:
    """Python before 3.11.5 goes on behind what the last, failed round of such a repeat has read."""
    for expression in (normalize_module._TOKENS, json_bytes._TOKEN):
        assert not re.search(r"\)[*+?]\+", expression.pattern)

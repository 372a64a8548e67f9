"""Schema texts: every node knows its place, as graphql-core has it, and its rules find what they find elsewhere."""

from __future__ import annotations

import copy
import pickle
import random
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import ANY

import pytest
from graphql import DocumentNode, GraphQLError, GraphQLSyntaxError, Node, parse
from graphql.validation.validate import validate_sdl

from gateway.errors import ConfigError
from gateway.graph import schema, sdl_parser
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


def parse_reference(text: str, _name: str) -> DocumentNode:
    return parse(text)


def told_of(read: Callable[[str, str], DocumentNode], text: str) -> tuple[Any, ...]:
    """What comes of a text: its nodes, each with its place, or the first error and where it is."""
    try:
        return (
            "read",
            *(
                (type(n), n.loc.start, n.loc.end, str(getattr(n, "value", None)))
                for n in nodes_of(read(text, "s"))
                if n.loc
            ),
        )
    except GraphQLSyntaxError as exc:
        place = exc.locations[0]  # type: ignore[index]
        return "refused", exc.message, (place.line, place.column)
    except ConfigError as exc:
        return "refused", exc.problem, (exc.line, exc.column)


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


STRINGS = [
    '"""one line"""', '"""\n  a\n    b\r\n\r  c\n"""', '"""  """', '""""""', '""', '"a # b"', '"\\u{1F600}\\""',
    '"""a \\""" b"""', '"""a "quoted" b"""', '"""\U0001f600 # no comment"""', '"""\ttab\x01"""',
]  # fmt: skip


@pytest.mark.parametrize("text", STRINGS)
def test_a_string_is_what_it_is_for_graphql_core(text: str) -> None:
    whole = f"# first\n\ufeff{text} type A {{ {text} b(c: D = {text}): E @d(e: [{text}, 1.5e3]) }} # last"
    assert told_of(parse_sdl, whole) == told_of(parse_reference, whole)


BROKEN = [
    '"', '"""', '"a\nb"', "\x00", "\ud800", "# \ud800", '"\ud800"', '"""\ud800"""', '"\\x"', "...", "..", "00", "1a",
    "$a", "%", "{", '"""a""""', "type A { b: C", "\u00e9", "type A { é: B }", "enum E { true }", "extend type A",
]  # fmt: skip


@pytest.mark.parametrize("text", BROKEN)
def test_what_is_no_text_of_a_schema_is_refused_in_graphql_core_s_words(text: str) -> None:
    for whole in (text, f"type A {{ b: C }} {text}", f'"""d"""\n{text}\ntype A {{ b: C }}'):
        assert told_of(parse_sdl, whole) == told_of(parse_reference, whole)


def test_changed_texts_are_read_as_graphql_core_reads_them() -> None:
    chance, pieces = (
        random.Random(7),
        [*STRINGS, *BROKEN, *TEXT.split(), "\r\n", ",", "&", "|", "implements"],
    )
    kinds = set()
    for _ in range(1500):
        at = chance.randrange(len(TEXT))
        text = TEXT[:at] + chance.choice(pieces) + TEXT[at + chance.randrange(4) :]
        found = told_of(parse_sdl, text)
        assert found == told_of(parse_reference, text), text
        kinds.add(found[0])
    assert kinds == {"read", "refused"}


def test_a_row_of_blanks_and_comments_is_looked_at_once() -> None:
    """By the square of their number, or worse, this would take hours."""
    for blanks in ("# c \t,\n \t,\n" * 20_000, " , " * 100_000, "#" * 200_000 + "\n"):
        text = f"type A {{ b: C }} {blanks} %"
        assert told_of(parse_sdl, text) == (
            "refused",
            "Syntax Error: Unexpected character: '%'.",
            ANY,
        )


def test_a_text_of_too_many_tokens_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sdl_parser, "MAX_SCHEMA_TOKENS", 7)
    assert len(parse_sdl("type A { b: C } # seven", "s.graphql").definitions) == 1
    with pytest.raises(ConfigError, match="Document contains more than 7 tokens"):
        parse_sdl("type A { b: C! }", "s.graphql")


WRONG = [
    "type A { a: B } type A { a: Int }",
    "type Q { a: Int a: Int } enum E { A A } input I { a: Int a: Int }",
    "type Q @nope(a: 1) { a(b: Int @nope): Missing @deprecated @deprecated }",
    "extend type Nobody { a: Int } schema { query: Q } schema { query: Q query: Q }",
    "directive @d(a: Int! b: Int) on OBJECT type Q @d(b: 1, c: 2) { a: Int } enum E @d(a: 1) { A }",
    'type Q @deprecated(reason: 3) { a(b: In = {x: 1, x: 2}): Int } input In { x: Int } union U = Nope',
    "query { a } type Q { a: Int a: Int }",
    "query ($a: Nope) { a } type Q { a: Int }",
    "type Q { a(b: [Nope!]!): Int }",
    "type Q implements Nope { a: __Type } extend type Q { b: [Qu] }",
    "directive @d(a: [Nope]) on OBJECT type Q { a: Int }",
    "extend input I { a: Nope } input I { b: Float }",
    "schema { query: Q mutation: M } type Q { a: Int }",
    "schema { query: Q } extend schema { mutation: M } type Q { a: Int }",
]  # fmt: skip


@pytest.mark.parametrize("text", WRONG)
def test_the_rules_find_what_graphql_core_finds(text: str) -> None:
    def told(errors: list[GraphQLError]) -> list[tuple[str, Any]]:
        return [(error.message, error.locations) for error in errors]

    document = parse_sdl(text, "s.graphql")
    expected = told(validate_sdl(document))
    assert expected
    assert told(schema._sdl_errors(document)) == expected

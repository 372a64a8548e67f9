"""Syntax errors of a schema: each definition's is told, and each once."""

from __future__ import annotations

import pytest

from gateway.errors import ConfigError
from gateway.graph.sdl import parse_sdl


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("type Me {{", [(1, 10)]),
        ("type Query { a: Int }\ntype Me {{\n  a: Int\n}\n", [(2, 10)]),
        ("type A {{\ntype B {{\ntype C { a: Int }\n", [(1, 9), (2, 9)]),
        ("type A {\n  a: Int\ntype B {\n  b: Int\n", [(3, 6), (4, 9)]),
        # Line ends of Unicode are none of GraphQL's, and neither are its blanks.
        (
            '"\u2028 \x85"\ntype A { a: }\n#\x0b\x0c\ntype B { b: }\r\ntype C {{',
            [(2, 13), (4, 13), (5, 9)],
        ),
        ("\xa0", [(1, 1)]),
    ],
)
def test_each_mistake_is_told_once(text: str, places: list[tuple[int, int]]) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_sdl(text, "s.graphql")
    told = (caught.value, *caught.value.others)
    assert [(one.line, one.column) for one in told] == places


@pytest.mark.parametrize("text", ["", " \t\r\n", "\ufeff"])
def test_a_file_of_nothing_is_no_mistake(text: str) -> None:
    assert parse_sdl(text, "s.graphql").definitions == ()

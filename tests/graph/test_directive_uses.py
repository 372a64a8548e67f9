"""Values that directives are given in a schema: each is of the type that the directive's definition names."""

from __future__ import annotations

import pytest

from gateway.graph.schema import build_schema
from gateway.graph.sdl import parse_sdl

SCHEMA = """
directive @own(size: Size, of: [Int!]) repeatable on FIELD_DEFINITION | ARGUMENT_DEFINITION | ENUM_VALUE
  | INPUT_FIELD_DEFINITION | SCHEMA | SCALAR | UNION
enum Size { SMALL LARGE @own(size: SMALL) }
scalar S
input In { a: Int }
type Query { a(b: Int, in: In): Size }
union U = Query
"""


@pytest.mark.parametrize(
    ("before", "use", "message"),
    [
        ("a(b: Int, in: In): Size", "@own(size: small)", 'Value "small" does not exist in "Size" enum'),
        ("a(b: Int", '@own(of: [1, "2"])', "Int cannot represent"),
        ("LARGE", '@own(size: "LARGE")', 'Enum "Size" cannot represent non-enum value'),
        ("input In { a: Int", "@own(of: null, size: 1)", 'Enum "Size" cannot represent'),
        ("scalar S", "@own(of: [null])", "Expected value of"),
        ("union U", "@own(of: 1.5)", "Int cannot represent"),
        ("type Query", "@tag(name: INTERNAL)", "String cannot represent a non string value"),
        ("type Query", "@cacheControl(scope: private)", 'Value "private" does not exist in'),
        ("type Query", "@cacheControl(maxAge: 1.5)", "Int cannot represent non-integer value"),
        ("a(b: Int, in: In): Size", '@shadow(percent: "50")', "Float cannot represent"),
        ("a(b: Int, in: In): Size", '@override(from: "s", label: L)', "String cannot represent"),
        ("a(b: Int", '@range(min: "1")', "Int cannot represent"),
    ],
)  # fmt: skip
def test_a_value_of_another_type_is_an_error_at_its_place(
    before: str, use: str, message: str
) -> None:
    text = SCHEMA.replace(before, f"{before} {use}", 1)
    schema, found = build_schema(parse_sdl(text, "s.graphql"))
    assert schema is None
    (wrong,) = found
    assert (wrong.severity, wrong.file) == ("error", "s.graphql")
    assert wrong.message.replace("'", '"').startswith(message)
    line = next(i for i, one in enumerate(text.splitlines(), 1) if use in one)
    assert wrong.line == line


def test_values_of_the_right_types_are_none() -> None:
    text = SCHEMA.replace(
        "a(b: Int",
        'c: Int @own(of: 1) @own(size: null) @tag(name: "x") @cost(weight: 2) '
        '@cacheControl(maxAge: 2, scope: PRIVATE) @listSize(slicingArguments: "a")\n'
        "a(b: Int @own(size: LARGE, of: [1, 2])",
    )
    schema, found = build_schema(parse_sdl(text, "s.graphql"))
    assert schema is not None
    assert found == []


def test_a_value_that_is_wrong_twice_is_told_twice() -> None:
    text = SCHEMA.replace("LARGE", "LARGE @own(size: small)\n MIDDLE @own(size: small)", 1)
    schema, found = build_schema(parse_sdl(text, "s.graphql"))
    assert schema is None
    assert [one.line for one in found] == [4, 5]

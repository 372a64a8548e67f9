"""What parses in which version, and what a text that does not is told."""

from __future__ import annotations

import pytest

from gateway.connectors.mapping import parse_mapping
from gateway.connectors.mapping.nodes import Constant, Group, Inline, MappedField, Path, Wrapped
from gateway.connectors.mapping.scanner import MAX_DEPTH, MappingSyntaxError
from tests.connectors.mapping.table import BEFORE, EVERY

VALID = [
    "",
    "  # nothing but a comment\n",
    "a b c",
    "a { b } c",
    "x: a.b  y: $args.z",
    "'odd key' { k: v }",
    '"also odd"',
    "g: { a b }",
    "g: { h: { a } }",
    "a->first { b }",
    "$.list { id }",
    "$([1, 2,])->last",
    "$([])",
    "$({})",
    "$({ a: 1, 'b c': [2], })",
    "$.a",
    "$",
    "@",
    "@.a",
    "$args",
    "$(1)",
    "$(-1)",
    "$(- 1)",
    "$(007)",
    "$(1.)",
    "$(.5)",
    "$(-.5)",
    "$(true)",
    "$('a')",
    "$('line\nbreak')",
    "x: true",
    "x: 'a b'",
    "x: $",
    "x: @",
    "x: $->echo(1)",
    "x: $ { a }",
    "x: { }",
    "a { }",
    "a # comment\n { b # another\n }",
    "a\t.\r\nb",
    "a -> first",
    "a->slice ( 1 , 2 )",
    "x : y",
    "a->echo()",
    "a->echo($.b)",
    "a->echo(@, $.b,)",
    "a.b { c } d",
    "$.a { b } $.c { d } e",
    "_ _a a1",
    "$(@.x)",
    "$('abc'->slice(1))",
    "$({ a: 1 }.a)",
    "$([1, 2]->last)",
    "$($args.a.b { c })",
    "a->nosuchmethod(1)",
    "$args.a->as($x)->echo($x)",
]

NEW_ONLY = [
    "a?",
    "a? { b }",
    "n: x?",
    "u?.name",
    "u.name?",
    "u->first?",
    "$?.a",
    "$(a)",
    "$(a ?? b)",
    "$(a ?! b)",
    "$(a ?? b ?? 'c')",
    "$(a ?? $(b ?! c))",
    "$(a? ?? b)",
    "sum: x->add(b)",
    "a->echo(b)",
    "$({ a: b })",
    "$([a, b])",
    "$(a { b })",
    "u { $.n }",
    "u { $args.x }",
]

# text, offset, a word of the advice
INVALID = [
    ("a..b", 2, "after '.'"),
    (".a", 0, "`$.key`"),
    ("x: .a", 3, "`$.key`"),
    ("->first", 0, "`$->method`"),
    ("a.1", 2, "->get(0)"),
    ("a.[0]", 2, "->get(0)"),
    ("a[0]", 1, "->get(0)"),
    ("$args a", 0, "`name: $args`"),
    ("id $.x", 3, "`name: $.x`"),
    ("a { id $.x }", 7, "`name: $.x`"),
    ("a.b c", 0, "`name: a.b`"),
    ("a *", 2, "no `*`"),
    ("*", 0, "no `*`"),
    ("a(x: 1)", 1, "parentheses"),
    ("(a)", 0, "parentheses"),
    ("a->", 3, "name of a method"),
    ("a->1", 3, "name of a method"),
    ("a->'x'", 3, "name of a method"),
    ("a {", 3, "found the end"),
    ("a }", 2, "not opened"),
    ("a { b } }", 8, "not opened"),
    ("a: b: c", 4, "one name"),
    ("x:", 2, "found the end"),
    ("'open", 0, "no closing"),
    ("$('open)", 2, "no closing"),
    ("$(1", 3, "')'"),
    ("$()", 2, "Expected"),
    ("$ (1)", 2, "parentheses"),
    ("$ args.x", 0, "alone"),
    ("$(1 2)", 4, "')'"),
    ("$([1 2])", 5, "','"),
    ("$([,])", 3, "Expected"),
    ("$({ 1: 2 })", 4, "key of a member"),
    ("a->echo(1 2)", 10, "','"),
    ("a->echo(1", 9, "','"),
    ("a == b", 2, "->eq"),
    ("a & b", 2, "methods"),
    ("a @skip", 2, "alone"),
    ("é", 0, "Expected"),
    ("a\u00a0b", 1, "Expected"),
    ("a { b }.c", 7, "`$.key`"),
    ("a { b }->first", 7, "`$->method`"),
    ("a??", 1, "Expected"),
    ("a ?? b", 2, "Expected"),
    ("a { b }?", 7, "Expected"),
    ("$(a.b ?? )", None, ""),
]

# What v0.4 takes.
INVALID_BEFORE_V04 = [
    ("a, b", 1, "without commas"),
    ("a { b, c }", 5, "without commas"),
    ("x: 1", 3, "`$(1)`"),
    ("x: -1", 3, "`$(1)`"),
    ("...a", 0, "no spread"),
    ("a { ...b }", 4, "no spread"),
    ("a ...b", 3, "no spread"),
    ("$(1e5)", 3, "')'"),
    ("$({ a })", 6, "':'"),
    ("$({ a: 1 b: 2 })", 9, "','"),
]

INVALID_NEW = [
    ("a? ?", 3, "cannot follow"),
    ("$(a ?? b ?! c)", 9, "do not mix"),
    ("$(a ?! b ?? c)", 9, "do not mix"),
    ("$(a ??)", 6, "Expected"),
    ("$(?? a)", 2, "Expected"),
    ("a???b", 1, "Expected"),
]

INVALID_OLD = [
    ("a?", 1, "v0.3"),
    ("a? { b }", 1, "v0.3"),
    ("u?.name", 1, "v0.3"),
    ("$($.a ?? $.b)", 6, "v0.3"),
    ("$($.a ?! $.b)", 6, "v0.3"),
    ("$(a)", 2, "`$.a`"),
    ("$(a { b })", 2, "`$.a { b }`"),
    ("sum: x->add(b)", 12, "`$.b`"),
    ("$({ k: a })", 7, "`$.a`"),
    ("$([a])", 3, "`$.a`"),
    ("u { $.n }", 4, "`name: $.n`"),
    ("u { a.b }", 4, "`name: a.b`"),
]


@pytest.mark.parametrize("spec", EVERY)
@pytest.mark.parametrize("text", VALID)
def test_valid_in_every_version(text: str, spec: str) -> None:
    assert parse_mapping(text, spec).text == text


@pytest.mark.parametrize("text", NEW_ONLY)
def test_valid_from_v03(text: str) -> None:
    parse_mapping(text, "0.3")
    for spec in ("0.1", "0.2"):
        with pytest.raises(MappingSyntaxError):
            parse_mapping(text, spec)


def refused(text: str, spec: str, offset: int | None, advice: str) -> None:
    with pytest.raises(MappingSyntaxError) as raised:
        parse_mapping(text, spec)
    assert advice in raised.value.message
    assert offset is None or raised.value.offset == offset
    assert f"(at character {raised.value.offset})" in str(raised.value)


@pytest.mark.parametrize("spec", EVERY)
@pytest.mark.parametrize(("text", "offset", "advice"), INVALID)
def test_invalid_in_every_version(text: str, offset: int | None, advice: str, spec: str) -> None:
    refused(text, spec, offset, "" if "?" in text else advice)


@pytest.mark.parametrize("spec", BEFORE)
@pytest.mark.parametrize(("text", "offset", "advice"), INVALID_BEFORE_V04)
def test_invalid_before_v04(text: str, offset: int, advice: str, spec: str) -> None:
    refused(text, spec, offset, advice)
    parse_mapping(text, "0.4")


def test_words_are_keys_before_v04() -> None:
    parse_mapping("true false null", "0.3")
    refused("true false null", "0.4", 0, "must be alone")


@pytest.mark.parametrize(("text", "offset", "advice"), INVALID_NEW)
def test_invalid_in_v03(text: str, offset: int, advice: str) -> None:
    refused(text, "0.3", offset, advice)


@pytest.mark.parametrize("spec", ["0.1", "0.2"])
@pytest.mark.parametrize(("text", "offset", "advice"), INVALID_OLD)
def test_invalid_before_v03(text: str, offset: int, advice: str, spec: str) -> None:
    refused(text, spec, offset, advice)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("007", 7),
        ("1.", 1.0),
        (".5", 0.5),
        ("- 1", -1),
        ("-1.50", -1.5),
        ("true", True),
        ("null", None),
        (r"'it\'s'", "it's"),
        (r"'a\nb\tc'", "a\nbtc"),
        (r'"\"\\"', '"\\'),
        ("'a # b'", "a # b"),
    ],
)
def test_literals(text: str, value: object) -> None:
    (item,) = parse_mapping(f"$({text})").items
    assert isinstance(item, Inline)
    assert isinstance(item.path.origin, Wrapped)
    inner = item.path.origin.expression
    assert isinstance(inner, Path)
    assert isinstance(inner.origin, Constant)
    assert (inner.origin.value, type(inner.origin.value)) == (value, type(value))


def test_kinds_of_items_and_offsets() -> None:
    text = "id n: a.b g: { c } $.d { e }"
    field, named, group, inline = parse_mapping(text).items
    assert isinstance(field, MappedField)
    assert isinstance(named, MappedField)
    assert isinstance(group, Group)
    assert isinstance(inline, Inline)
    spans = [text[item.start : item.end] for item in (field, named, group, inline)]
    assert spans == ["id", "n: a.b", "g: { c }", "$.d { e }"]
    assert [text[step.start : step.end] for step in named.path.steps] == ["a", ".b"]


@pytest.mark.parametrize(
    "deep",
    [
        "a {" * 5000,
        "$(" * 5000,
        "$([" + "[" * 5000,
        "$({a:" * 5000,
        "a->echo(" * 5000,
        "g: {" * 5000,
    ],
)
def test_depth_is_bounded(deep: str) -> None:
    refused(deep, "0.3", None, f"more than {MAX_DEPTH} levels")


def test_depth_within_the_bound() -> None:
    parse_mapping("a {" * MAX_DEPTH + "}" * MAX_DEPTH)


@pytest.mark.parametrize("digits", ["9" * 5000, "9" * 350 + ".0"])
def test_numbers_are_bounded(digits: str) -> None:
    refused(f"$({digits})", "0.3", 2, "Number")


def test_versions() -> None:
    assert parse_mapping("a", "v0.2").spec == "0.2"
    with pytest.raises(ValueError, match=r"Unknown version '0\.5'"):
        parse_mapping("a", "0.5")

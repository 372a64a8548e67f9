"""Schemas that others published: what GraphQL's rules alone would refuse loads, and says so."""

from __future__ import annotations

from pathlib import Path

import pytest
from graphql import GraphQLObjectType, Source, parse

from gateway.app.build import build_graph
from gateway.app.config import Config
from gateway.app.settings import GraphSettings
from gateway.errors import Diagnostic
from gateway.graph.accepted import accepted
from gateway.graph.schema import build_schema

FEDERATION = (
    'extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key"])\n'
)
DEPRECATED = """type Query implements Node { id: ID! @deprecated }
interface Node { id: ID! }"""


def built(sdl: str, **options: bool) -> tuple[object, list[Diagnostic]]:
    document, found = accepted(parse(Source(sdl, "s.graphql")))
    schema, more = build_schema(document, **options)
    return schema, found + more


@pytest.mark.parametrize(
    "sdl",
    [
        'type Query { p: P } extend type P @key(fields: "id") { id: ID }',
        "extend type Query { p: P } extend type P @extends { id: ID }",
        FEDERATION + "extend type Query { p: P } extend type P { id: ID }",
        FEDERATION
        + "type Query { p: P e: E } extend union P = A type A { x: Int } extend enum E { X }",
        FEDERATION
        + "type Query { p(i: I): P } extend interface P { x: S } extend input I { x: S } extend scalar S @tag(name: \"a\")",
    ],
)  # fmt: skip
def test_a_type_that_is_only_extended_has_a_base(sdl: str) -> None:
    schema, found = built(sdl)
    assert schema is not None
    assert found == []


def test_several_extensions_of_a_type_without_a_base_are_one_type() -> None:
    sdl = (
        'type Query { p: P } extend type P @key(fields: "id") { id: ID } extend type P { name: ID }'
    )
    schema, _ = built(sdl)
    kind = schema.type_map["P"]  # type: ignore[attr-defined]
    assert isinstance(kind, GraphQLObjectType)
    assert list(kind.fields) == ["id", "name"]


def test_an_extension_of_a_misspelt_type_is_still_an_error() -> None:
    schema, (finding,) = built(
        "type Query { p: Post } type Post { id: ID } extend type Pots { a: ID }"
    )
    assert schema is None
    assert "Did you mean 'Post'?" in finding.message


def test_a_field_that_stands_twice_is_a_warning() -> None:
    schema, (finding,) = built('type Query { a: Int\n  "other words"\n  a: Int b: Int }')
    assert (finding.code, finding.line, finding.severity) == ("RepeatedField", 2, "warning")
    assert schema is not None


def test_two_fields_of_one_name_and_two_meanings_are_an_error() -> None:
    schema, found = built("type Query { a: Int\n  a: Float }")
    assert schema is None
    assert found[0].line == 1


def test_the_rule_of_2025_is_a_warning_and_has_a_switch() -> None:
    schema, (finding,) = built(DEPRECATED)
    assert schema is not None
    assert (finding.severity, finding.line) == ("warning", 1)
    schema, (finding,) = built(DEPRECATED, strict_deprecation=True)
    assert schema is None
    assert finding.severity == "error"


@pytest.mark.parametrize("sdl", ["type Mutation { a: Int }", "\n\ntype T { a: Int }", ""])
def test_a_missing_query_type_says_where_and_what_to_do(sdl: str, tmp_path: Path) -> None:
    file = tmp_path / "s.graphql"
    file.write_text(sdl)
    graph = build_graph(Config(graph=GraphSettings(schema=(str(file),))), tmp_path, {})
    (finding,) = graph.errors
    assert finding.file == str(file)
    assert "type Query" in (finding.hint or "")

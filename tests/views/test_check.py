"""What a view may not be: each mistake is told with file and line, and ends the start."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from graphql import build_schema, lexicographic_sort_schema, print_schema
from typer.testing import CliRunner

from gateway.app.config import build_config
from gateway.app.gateway import Gateway
from gateway.cli.app import app
from gateway.errors import ConfigError, Diagnostic
from gateway.graph.builtin import view_names
from gateway.graph.schema import build_schema as build_checked
from gateway.graph.sdl import parse_sdl
from gateway.graph.views.check import check_views, unnamed_tags
from gateway.graph.views.settings import ViewSettings
from gateway.graph.views.view import SchemaView

LINK = """extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: [{name: "@tag", as: "@label"}])
"""


def findings(sdl: str, **settings: object) -> list[Diagnostic]:
    document = parse_sdl(sdl, "shop.graphql")
    schema, found = build_checked(document)
    assert schema is not None, found
    views = {"partner": ViewSettings(**settings)}  # type: ignore[arg-type]
    return check_views(schema, views, view_names(document))


def seen(sdl: str, **settings: object) -> str:
    document = parse_sdl(sdl, "shop.graphql")
    schema, found = build_checked(document)
    assert schema is not None, found
    given = ViewSettings(**settings)  # type: ignore[arg-type]
    view = SchemaView("partner", schema, given, view_names(document))
    return print_schema(lexicographic_sort_schema(view.schema))


def expected(sdl: str) -> str:
    return print_schema(lexicographic_sort_schema(build_schema(sdl)))


@pytest.mark.parametrize(
    ("sdl", "message", "line"),
    [
        (
            "type Query {\n a(\n  n: Int! @inaccessible\n ): Int\n}",
            "the view partner hides the required argument Query.a(n:)",
            3,
        ),
        (
            "type Query { a(i: I): Int }\ninput I {\n n: Int! @inaccessible\n m: Int }",
            "the view partner hides the required input field I.n",
            3,
        ),
        (
            "type Query { a(e: E!): Int }\nenum E @inaccessible { A }",
            "the view partner hides the required argument Query.a(e:)",
            1,
        ),
        (
            "type Query {\n a: A\n b: Int }\ntype A {\n n: Int @inaccessible }",
            "the view partner has Query.a, and nothing of its type A",
            2,
        ),
        (
            "type Query {\n a: U\n b: Int }\nunion U = A\ntype A @inaccessible { n: Int }",
            "the view partner has Query.a, and nothing of its type U",
            2,
        ),
        (
            "type Query { a(\n e: E! = B): Int }\nenum E { A B @inaccessible }",
            "the view partner hides what the default of Query.a(e:) names",
            2,
        ),
        (
            "type Query {\n a: Int @inaccessible }",
            "the view partner has no field of the query type",
            1,
        ),
        (
            "interface N { id: ID }\ntype Query implements N {\n id: ID @inaccessible\n a: Int }",
            "the view partner: Interface field N.id expected but Query does not provide it.",
            1,
        ),
    ],
)
def test_a_mistake_is_told_with_its_place(sdl: str, message: str, line: int) -> None:
    (found,) = findings(sdl)
    assert (found.message, found.line, found.severity) == (message, line, "error")
    assert (found.file, found.code) == ("shop.graphql", "InvalidView")


HIDDEN = "type Query { a: Int }\ntype T {\n g: Secret n: Int }\n"


@pytest.mark.parametrize(
    ("sdl", "message"),
    [
        (
            HIDDEN + "type Secret { x: Int @inaccessible }",
            "the view partner has T.g, and nothing of its type Secret",
        ),
        (
            "type Query { a: Int }\ninput I {\n n: Int\n h: J }\ninput J { k: K! }\nenum K @inaccessible { A }",
            "the view partner has I.h, and nothing of its type J",
        ),
    ],
)
def test_types_that_nothing_leads_to_are_looked_at_where_they_are_shown(
    sdl: str, message: str
) -> None:
    assert [one.message for one in findings(sdl, hide_unreachable_types=False)] == [message]
    assert findings(sdl) == []
    with pytest.raises(TypeError):
        seen(sdl, hide_unreachable_types=False)


def test_a_tag_that_stands_nowhere_is_told() -> None:
    (found,) = findings('type Query { a: Int b: Int @tag(name: "x") }', exclude_tags=("x", "y"))
    assert (found.message, found.severity) == (
        "the view partner: nothing has the tag 'y'",
        "warning",
    )


@pytest.mark.parametrize(
    ("sdl", "lines"),
    [
        (
            'type Query {\n a: Int @tag(name: "")\n b(\n c: Int @tag(name: " ")): Int @tag(name: "x") }',
            [2, 4],
        ),
        (LINK + 'type Query { a: Int\n @label(name: "") }', [3]),
        ('directive @own(name: String) on OBJECT type Query @own(name: "") { a: Int }', []),
    ],
)
def test_a_tag_without_a_name_is_told(sdl: str, lines: list[int]) -> None:
    document = parse_sdl(sdl, "shop.graphql")
    found = unnamed_tags(document, view_names(document))
    assert [(one.code, one.severity, one.line) for one in found] == [
        ("UnknownTag", "warning", line) for line in lines
    ]


def test_only_fields_with_a_tag_that_is_included_are_seen() -> None:
    sdl = """
    type Query { a(n: Int, f: F): A @tag(name: "p") b: Int c: A @tag(name: "q") }
    type A @tag(name: "p") { x: Int y: Int @tag(name: "no") z: B }
    type B { u: Int v: D @tag(name: "p") }
    input F { e: E }
    enum E { ONE TWO }
    scalar D
    type Unrelated @tag(name: "p") { n: Int }
    """
    found = seen(sdl, include_tags=("p",), exclude_tags=("no",))
    assert found == expected("""
    type Query { a(n: Int, f: F): A }
    type A { x: Int z: B }
    type B { v: D }
    input F { e: E }
    enum E { ONE TWO }
    scalar D
    """)
    shown = seen(sdl, include_tags=("p",), exclude_tags=("no",), hide_unreachable_types=False)
    assert "type Unrelated" in shown


def test_what_needs_an_excluded_type_goes_with_it() -> None:
    found = seen(
        """
        type Query { a(i: I, j: J): Int b: [B!]! u: U n: N }
        input I @tag(name: "x") { n: Int }
        input J { i: I n: Int }
        type B @tag(name: "x") { n: Int }
        type C implements N { n: Int }
        union U = B | C
        interface N { n: Int }
        interface M @tag(name: "x") { n: Int }
        """,
        exclude_tags=("x",),
    )
    assert found == expected("""
        type Query { a(j: J): Int u: U n: N }
        input J { n: Int }
        type C implements N { n: Int }
        union U = C
        interface N { n: Int }
        """)


def test_renamed_directives_hide_too() -> None:
    sdl = LINK + 'type Query { a: Int b: Int @label(name: "x") c: Int @federation__inaccessible }'
    assert "b: Int" not in (found := seen(sdl, exclude_tags=("x",)))
    assert "c: Int" not in found


def project(folder: Path, toml: str = "") -> Path:
    (folder / "schema.graphql").write_text(
        'type Query {\n  a: Int\n  b(\n    n: Int! @inaccessible\n  ): Int @tag(name: "own")\n}\n'
    )
    path = folder / "gateway.toml"
    path.write_text('[graph]\nschema = "schema.graphql"\n[views.partner]\n' + toml)
    return path


def test_check_and_start_say_what_is_wrong(tmp_path: Path) -> None:
    path = project(tmp_path)
    result = CliRunner().invoke(app, ["check", str(path), "--format", "json"])
    found = next(f for f in json.loads(result.stdout)["findings"] if f["code"] == "InvalidView")
    assert (found["line"], found["message"]) == (
        4,
        "the view partner hides the required argument Query.b(n:)",
    )
    assert result.exit_code == 1
    config = build_config({"graph": {"schema": "schema.graphql"}, "views": {"partner": {}}})
    with pytest.raises(ConfigError, match=r"required argument Query\.b"):
        Gateway(config, tmp_path, {}, mock=True)


def test_schema_prints_a_view(tmp_path: Path) -> None:
    path = project(tmp_path, 'exclude_tags = ["own"]\n')
    result = CliRunner().invoke(app, ["schema", "--config", str(path), "--view", "partner"])
    assert result.stdout.strip() == "type Query {\n  a: Int\n}"
    result = CliRunner().invoke(app, ["schema", "--config", str(path), "--view", "other"])
    assert (result.exit_code, "configured: partner" in result.stderr) == (2, True)


@pytest.mark.parametrize("table", ["clients.acme.view", "authorization.default_views.user"])
def test_a_view_that_is_not_configured_is_refused(tmp_path: Path, table: str) -> None:
    first, _, rest = table.partition(".")
    name, _, key = rest.partition(".")
    config = build_config({"graph": {"schema": "schema.graphql"}, first: {name: {key: "other"}}})
    project(tmp_path)
    with pytest.raises(ConfigError) as caught:
        Gateway(config, tmp_path, {}, mock=True)
    assert (caught.value.key, caught.value.hint) == (table, "configured: none")

"""What `@key` and `@requires` name: fragments in it, what is no set, and other names of these directives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from graphql import parse
from typer.testing import CliRunner

from gateway.cli.app import app
from gateway.graph.federation import entities_of
from gateway.graph.subgraph_sdl import IMPORTED, subgraph_sdl
from gateway.testing import GatewayClient

LINK = 'extend schema @link(url: "https://specs.apollo.dev/federation/v2.7", import: ["@key", "@external", "@requires"])'
SDL = """
type Query { a: Int }
type Book @key(fields: "id") KEY { id: ID! w: W @external parent: String @requires(fields: "REQUIRED") }
interface W { x: Int }
type A implements W { x: Int a: Int }
type B implements W { x: Int b: Int }
"""
RESOLVERS = """
import json
from gateway import resolver


@resolver("Query.a", vary=())
def a(parent, context):
    return 1


@resolver("Book.parent", vary=())
def parent(parent, context):
    return json.dumps(parent, sort_keys=True)
"""
ENTITIES = "query ($r: [_Any!]!) { _entities(representations: $r) { ... on Book { parent } } }"
BOOK: dict[str, Any] = {"__typename": "Book", "id": "1"}
OF_A = {"__typename": "A", "x": 1, "a": 2, "forged": 9}


def write(folder: Path, sdl: str = SDL, link: str = LINK, **words: str) -> Path:
    for word, text in {"REQUIRED": "w { x }", "KEY": ""}.items():
        sdl = sdl.replace(word, words.get(word, text))
    (folder / "schema.graphql").write_text(link + sdl)
    (folder / "field_set_resolvers.py").write_text(RESOLVERS)
    config = folder / "gateway.toml"
    config.write_text(
        '[graph]\nschema = "schema.graphql"\nresolvers = "field_set_resolvers"\n[federation]\nenabled = true\n'
    )
    return config


async def parents(config: Path, *sent: Any) -> list[Any]:
    async with GatewayClient(config) as client:
        result = await client.execute(ENTITIES, {"r": list(sent)})
    return [one and json.loads(one["parent"]) for one in result.data["_entities"]]


@pytest.mark.parametrize(
    ("required", "kept"),
    [
        ("w { x }", {"__typename": "A", "x": 1}),
        ("w { x ... on A { a } }", {"__typename": "A", "x": 1, "a": 2}),
        ("w { ... on A { a } ... on B { b } }", {"__typename": "A", "a": 2}),
        ("w { ... { x } } ... on Book { w { ... on A { a } } }", {"__typename": "A", "x": 1, "a": 2}),
    ],
)  # fmt: skip
async def test_members_of_fragments_are_kept_and_no_others(
    tmp_path: Path, required: str, kept: Any
) -> None:
    config = write(tmp_path, REQUIRED=required)
    assert await parents(config, {**BOOK, "w": OF_A, "forged": 1}) == [{**BOOK, "w": kept}]


async def test_a_key_with_fragments_needs_the_members_of_its_own_type(tmp_path: Path) -> None:
    key = "... on Book { id } w { ... on A { a } ... on B { b } }"
    sdl = SDL.replace('@key(fields: "id")', f'@key(fields: "{key}")')
    config = write(tmp_path, sdl)
    whole = {**BOOK, "w": {"__typename": "A", "a": 2}}
    found = await parents(
        config,
        whole,
        {"__typename": "Book", "w": whole["w"]},
        {**BOOK, "w": {"__typename": "B", "a": 2}},
        {**BOOK, "w": {"a": 2}},
        {**BOOK, "w": {"__typename": "B", "b": 3}},
    )
    assert [one is not None for one in found] == [True, False, False, False, True]


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ('fields: "idd"', "Cannot query field 'idd' on type 'Book'."),
        ('fields: ""', "`fields` names none"),
        ('fields: "id {"', "Syntax Error: Expected Name, found <EOF>."),
        ('fields: "id } { w { x }"', "`fields` is one set of fields"),
        ('fields: ["id"]', "`fields` is a text with names of fields"),
        ('fields: "w"', "Field 'w' of type 'W' must have a selection of subfields"),
        ('fields: "id { x }"', "Field 'id' must not have a selection"),
        ('fields: "id(a: 1)"', "id has an alias or arguments"),
        ('fields: "other: id"', "id has an alias or arguments"),
        ('fields: "id @skip(if: true)"', "@skip has no place among its fields"),
        ('fields: "...F"', "a set has inline fragments only"),
        ('fields: "w { ... on Never { x } }"', "Unknown type 'Never'"),
        ('fields: "w { ... on Book { id } }"', "Fragment cannot be spread here"),
        ('fields: "idd", resolvable: false', "Cannot query field 'idd' on type 'Book'."),
    ],
)
def test_a_key_that_is_none_is_told_with_its_place(tmp_path: Path, key: str, why: str) -> None:
    config = write(tmp_path, KEY=f"@key({key})")
    result = CliRunner().invoke(app, ["check", "--config", str(config)])
    assert result.exit_code == 1, result.output
    assert f"schema.graphql:3:30: error: @key of Book: {why}" in result.output


def test_so_is_what_a_field_requires_and_the_key_of_an_interface(tmp_path: Path) -> None:
    sdl = SDL.replace("interface W {", 'interface W @key(fields: "x") {')
    config = write(tmp_path, sdl, REQUIRED="nope")
    output = CliRunner().invoke(app, ["check", "--config", str(config)]).output
    assert "error: @requires of Book: Cannot query field 'nope' on type 'Book'." in output
    assert "warning: @key of W: entities of an interface are not served" in output


@pytest.mark.parametrize(
    ("link", "key", "requires"),
    [
        ('import: ["@external"]', "federation__key", "federation__requires"),
        ('as: "fed", import: ["@external"]', "fed__key", "fed__requires"),
        ('import: ["@external", {name: "@key", as: "@id"}, {name: "@requires", as: "@needs"}]', "id", "needs"),
    ],
)  # fmt: skip
async def test_the_directives_may_have_other_names(
    tmp_path: Path, link: str, key: str, requires: str
) -> None:
    link = f'extend schema @link(url: "https://specs.apollo.dev/federation/v2.7", {link})'
    sdl = SDL.replace("@key", f"@{key}").replace("@requires", f"@{requires}")
    config = write(tmp_path, sdl, link)
    assert await parents(config, {**BOOK, "w": OF_A}) == [
        {**BOOK, "w": {"__typename": "A", "x": 1}}
    ]
    async with GatewayClient(config) as client:
        told = (await client.execute("{ _service { sdl } }")).data["_service"]["sdl"]
    assert f"@{key}(fields" in told
    assert f"@{requires}(fields" in told
    assert list(entities_of(parse(told))) == ["Book"]


PLAIN = " ".join(f'"@{name}"' for name in sorted(IMPORTED))
RENAMED = " ".join(f'{{name: "@{name}", as: "@my_{name}"}}' for name in sorted(IMPORTED))


@pytest.mark.parametrize(
    ("link", "name"),
    [
        ('as: "fed"', "fed__{}"),
        ("", "federation__{}"),
        (f"import: [{RENAMED}]", "my_{}"),
        (f"import: [{PLAIN}]", "{}"),
    ],
)  # fmt: skip
def test_a_router_is_told_each_directive_of_federation_by_its_local_name(
    link: str, name: str
) -> None:
    for plain in sorted(IMPORTED):
        use = "@" + name.format(plain)
        document = parse(
            f'extend schema @link(url: "https://specs.apollo.dev/federation/v2.9" {link}) '
            f"type Query {{ a: Int {use} }}"
        )
        assert f"a: Int {use}" in subgraph_sdl(document)


def test_an_extension_of_which_nothing_is_left_is_left_out() -> None:
    kinds = {"type": "{ a: Int }", "interface": "{ a: Int }", "union": "= Query", "enum": "{ A }", "input": "{ a: Int }", "scalar": ""}  # fmt: skip
    text = "type Query { a: Int }"
    for kind, members in kinds.items():
        text += f" {kind} {kind.title()} {members}"
        text += f" extend {kind} {kind.title()} @cacheControl(maxAge: 3)"
    told = parse(subgraph_sdl(parse(text)))
    assert [node.kind for node in told.definitions if "extension" in node.kind] == [
        "schema_extension"
    ]
    kept = "type Query { a: Int } extend type Query @cacheControl(maxAge: 3) { b: Int }"
    assert "extend type Query {\n  b: Int\n}" in subgraph_sdl(parse(kept))

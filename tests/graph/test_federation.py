"""The gateway as a subgraph: what it tells a router, and entities by their keys from REST and Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from graphql import build_schema, parse

from gateway.graph.federation import entities_of
from gateway.graph.subgraph_sdl import subgraph_sdl
from gateway.testing import GatewayClient
from tests.support.pages import save_files

SDL = """
extend schema
  @link(url: "https://specs.apollo.dev/federation/v2.7", import: ["@key", "@external", "@requires", "@shareable"])
  @link(url: "https://specs.apollo.dev/connect/v0.3", import: ["@source", "@connect"])
  @source(name: "api", http: { baseURL: "http://api.test" })

type Query {
  user(id: ID!): User @connect(source: "api", http: { GET: "/users/{$args.id}" }, selection: "id name", entity: true)
}

type User @key(fields: "id") {
  id: ID!
  name: String
  "Of the parent that the router sends, which only a key may come from."
  mayDelete: Boolean
  isAdmin: Boolean
}

type Product
  @key(fields: "sku vendor { code }")
  @connect(
    source: "api"
    http: { GET: "/products?sku={$batch.sku->joinNotNull(',')}" }
    selection: "sku title"
  ) {
  sku: ID!
  vendor: Vendor!
  title: String
  weight: Int @external
  shipping: Int @requires(fields: "weight")
}

type Vendor @shareable { code: String! }

type Review @key(fields: "id") { id: ID! text: String stars: Int }

type Brand @key(fields: "id", resolvable: false) { id: ID! }
"""

RESOLVERS = """
from gateway import entity_resolver, resolver

seen = []


@resolver("User.mayDelete", vary=())
def may_delete(parent, context):
    return bool(parent.get("isAdmin"))


@resolver("User.isAdmin", vary=())
def is_admin(parent, context):
    return parent.get("isAdmin")


@resolver("Product.shipping", vary=())
def shipping(parent, context):
    return parent["weight"] * 2


class Review:
    def __init__(self, id):
        self.id, self.text, self.stars = id, f"text {id}", 5


@entity_resolver("Review", vary=())
async def reviews(representations, context):
    seen.append([one["id"] for one in representations])
    return [None if one["id"] == "0" else Review(one["id"]) for one in representations]
"""

CONFIG = """
[graph]
schema = "schema.graphql"
resolvers = "subgraph_{number}"

[federation]
enabled = true
"""

ENTITIES = "query($r: [_Any!]!) { _entities(representations: $r) { __typename %s } }"
NUMBER = iter(range(1000))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    number = next(NUMBER)
    (tmp_path / "schema.graphql").write_text(SDL)
    (tmp_path / f"subgraph_{number}.py").write_text(RESOLVERS)
    (tmp_path / "gateway.toml").write_text(CONFIG.format(number=number))
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path / "gateway.toml"


SOURCES: dict[str, Any] = {
    "api": {
        "GET /users/{id}": {"id": "7", "name": "Ann"},
        "GET /products": [
            {"sku": "a", "title": "Apple"},
            {"sku": "b", "title": "Bread"},
        ],
    }
}


async def asked(project: Path, selection: str, *representations: Any) -> tuple[Any, GatewayClient]:
    async with GatewayClient(project, sources=SOURCES) as client:
        result = await client.execute(ENTITIES % selection, {"r": list(representations)})
    return result, client


async def test_entities_of_a_connector_on_the_type_are_one_batch(project: Path) -> None:
    result, client = await asked(
        project,
        "... on Product { sku title vendor { code } }",
        {"__typename": "Product", "sku": "a", "vendor": {"code": "v1"}},
        {"__typename": "Product", "sku": "b", "vendor": {"code": "v2"}},
    )
    assert result.errors == []
    assert result.data["_entities"] == [
        {"__typename": "Product", "sku": "a", "title": "Apple", "vendor": {"code": "v1"}},
        {"__typename": "Product", "sku": "b", "title": "Bread", "vendor": {"code": "v2"}},
    ]
    assert len(client.sources["api"].calls) == 1


async def test_entities_of_several_types_keep_their_order(project: Path) -> None:
    result, _ = await asked(
        project,
        "... on User { name } ... on Review { text } ... on Product { title }",
        {"__typename": "Review", "id": "1"},
        {"__typename": "User", "id": "7"},
        {"__typename": "Review", "id": "0"},
        {"__typename": "Product", "sku": "b", "vendor": {"code": "v"}},
    )
    assert result.errors == []
    assert result.data["_entities"] == [
        {"__typename": "Review", "text": "text 1"},
        {"__typename": "User", "name": "Ann"},
        None,
        {"__typename": "Product", "title": "Bread"},
    ]


async def test_what_a_field_requires_is_taken_of_a_representation(project: Path) -> None:
    one = {"__typename": "Product", "sku": "a", "vendor": {"code": "v"}, "weight": 21}
    result, client = await asked(project, "... on Product { shipping }", one)
    assert result.data["_entities"] == [{"__typename": "Product", "shipping": 42}]
    assert client.sources["api"].calls == []


async def test_nothing_else_of_a_representation_is_believed(project: Path) -> None:
    one = {"__typename": "User", "id": "7", "isAdmin": True, "name": "Eve"}
    result, _ = await asked(project, "... on User { name mayDelete isAdmin }", one)
    assert result.data["_entities"] == [
        {"__typename": "User", "name": "Ann", "mayDelete": False, "isAdmin": None}
    ]


@pytest.mark.parametrize(
    "bad", [{}, {"__typename": "Vendor"}, {"__typename": 1}, {"__typename": "Brand", "id": 1}]
)
async def test_a_representation_that_is_none_is_an_error_of_its_own(
    project: Path, bad: Any
) -> None:
    result, _ = await asked(project, "... on User { id }", {"__typename": "User", "id": 7}, bad)
    assert result.data["_entities"] == [{"__typename": "User", "id": "7"}, None]
    (error,) = result.errors
    assert error["message"] == (
        "representations[1]: __typename has to be one of Product, Review, User"
    )
    assert error["path"] == ["_entities", 1]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize(
    ("bad", "key"),
    [
        ({"__typename": "Review"}, "Review needs the members of a key, {id}"),
        ({"__typename": "Review", "id": None}, "Review needs the members of a key, {id}"),
        (
            {"__typename": "Product", "sku": "a"},
            "Product needs the members of a key, {sku vendor {code}}",
        ),
        (
            {"__typename": "Product", "sku": "a", "vendor": {}},
            "Product needs the members of a key, {sku vendor {code}}",
        ),
    ],
)
async def test_a_representation_without_its_key_is_an_error_of_its_own(
    project: Path, bad: Any, key: str
) -> None:
    result, _ = await asked(
        project, "... on Review { text }", {"__typename": "Review", "id": "1"}, bad
    )
    assert result.data["_entities"] == [{"__typename": "Review", "text": "text 1"}, None]
    assert [error["message"] for error in result.errors] == [f"representations[1]: {key}"]


async def test_a_failing_function_fails_its_own_type_alone(project: Path) -> None:
    module = next(project.parent.glob("subgraph_*.py"))
    module.write_text(
        module.read_text().replace(
            "    seen.append", "    raise KeyError('secret')\n    seen.append"
        )
    )
    result, _ = await asked(
        project,
        "... on User { name }",
        {"__typename": "Review", "id": "1"},
        {"__typename": "User", "id": "7"},
    )
    assert result.data["_entities"] == [None, {"__typename": "User", "name": "Ann"}]
    (error,) = result.errors
    assert (error["message"], error["path"]) == ("Internal server error", ["_entities", 0])


async def test_the_entities_of_an_operation_are_counted_over_its_aliases(project: Path) -> None:
    project.write_text(project.read_text() + "max_representations = 5\n")
    asked_for = [{"__typename": "User", "id": str(number)} for number in range(3)]
    text = "query($r: [_Any!]!) { a: _entities(representations: $r) { __typename } b: __typename }"
    both = text.replace("b: __typename", "b: _entities(representations: $r) { __typename }")
    async with GatewayClient(project, sources=SOURCES) as client:
        assert (await client.execute(text, {"r": asked_for})).errors == []
        result = await client.execute(both, {"r": asked_for})
    assert result.data is None
    (error,) = result.errors
    assert error["extensions"]["code"] == "MAX_VARIABLES_LIMIT"
    assert "at most 5 entities" in error["message"]


async def test_what_is_no_object_is_no_representation(project: Path) -> None:
    result, _ = await asked(project, "... on User { id }", "User")
    assert "a representation is an object with __typename" in result.errors[0]["message"]


async def test_a_router_reads_the_schema_as_it_was_written(project: Path) -> None:
    async with GatewayClient(project, sources=SOURCES) as client:
        result = await client.execute("{ _service { sdl } }")
    sdl = result.data["_service"]["sdl"]
    assert "@connect" not in sdl
    assert "@source" not in sdl
    assert "specs.apollo.dev/connect" not in sdl
    assert '@link(url: "https://specs.apollo.dev/federation/v2.7"' in sdl
    assert 'type Product @key(fields: "sku vendor { code }")' in sdl
    assert "_entities" not in sdl
    parse(sdl)


async def test_types_of_other_services_are_told_as_extensions(tmp_path: Path) -> None:
    text = (
        'extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key", "@external"])\n'
        "extend type Query { user: User }\n"
        'extend type User @key(fields: "email") { email: ID! @external twice: Int twice: Int }\n'
    )
    (tmp_path / "schema.graphql").write_text(text)
    config = tmp_path / "gateway.toml"
    config.write_text(
        '[graph]\nschema = "schema.graphql"\nresolvers = "told_types"\n[federation]\nenabled = true\n'
    )
    (tmp_path / "told_types.py").write_text(
        "from gateway import resolver\n"
        "user = resolver('Query.user', vary=())(lambda parent, context: None)\n"
    )
    async with GatewayClient(config) as client:
        sdl = (await client.execute("{ _service { sdl } }")).data["_service"]["sdl"]
    assert 'extend type User @key(fields: "email") {' in sdl
    assert "extend type Query {" in sdl
    assert sdl.count("twice") == 1
    assert sdl == subgraph_sdl(parse(text))


def test_a_schema_that_names_no_version_is_of_federation_2() -> None:
    text = 'type Query { a: A } type A @key(fields: "id") { id: ID! @tag(name: "x") b: Int @range(min: 1) }'
    assert subgraph_sdl(parse(text)).split("\n")[0] == (
        'extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@tag"])'
    )
    assert "@range" not in subgraph_sdl(parse(text))


async def test_without_the_setting_there_is_no_entity(project: Path) -> None:
    project.write_text(project.read_text().replace("enabled = true", "enabled = false"))
    async with GatewayClient(project, sources=SOURCES) as client:
        result = await client.execute("{ _service { sdl } }")
    assert "Cannot query field '_service'" in result.errors[0]["message"]


def test_keys_and_what_fields_require_are_read() -> None:
    assert {name: str(one.members) for name, one in entities_of(parse(SDL)).items()} == {
        "User": "{id}", "Product": "{sku vendor {code} weight}", "Review": "{id}",
    }  # fmt: skip


def test_a_schema_without_entities_has_a_service_alone(tmp_path: Path) -> None:
    from gateway.graph.federation import with_entities

    schema = build_schema(parse("schema { query: Root } type Root { a: Int }").loc.source.body)  # type: ignore[union-attr]
    assert schema.query_type is not None
    made = with_entities(parse("schema { query: Root } type Root { a: Int }"))
    names = [getattr(getattr(node, "name", None), "value", "") for node in made.definitions]
    assert names == ["", "Root", "_Any", "_Service", "Root"]


async def test_the_page_serves_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = save_files("federation.md", tmp_path)
    (tmp_path / "resolvers.py").rename(tmp_path / "federation_page.py")
    assert {"schema.graphql", "resolvers.py"} <= set(files)
    monkeypatch.syspath_prepend(str(tmp_path))
    config = '[graph]\nschema = "schema.graphql"\nresolvers = "federation_page"\n[federation]\nenabled = true\n'
    (tmp_path / "gateway.toml").write_text(config)
    rows = {"shop": {"GET /products": [{"sku": "a", "title": "Apple"}]}}
    asked_for: list[dict[str, Any]] = [
        {"__typename": "Product", "sku": "a", "weight": 2},
        {"__typename": "Review", "id": "1"},
        {"__typename": "Review", "id": "2"},
    ]
    async with GatewayClient(tmp_path / "gateway.toml", sources=rows) as client:
        text = ENTITIES % "... on Product { title shipping } ... on Review { text }"
        result = await client.execute(text, {"r": asked_for})
    assert result.errors == []
    assert result.data["_entities"] == [
        {"__typename": "Product", "title": "Apple", "shipping": 4},
        {"__typename": "Review", "text": "fine"},
        None,
    ]

"""Which sources a query reaches, and the queries that are suggested for those that none reaches."""

from __future__ import annotations

from pathlib import Path

import pytest
from graphql import GraphQLSchema
from typer.testing import CliRunner

from gateway.app.build import build_graph
from gateway.app.config import build_config, load_config
from gateway.release.cli import app
from gateway.release.smoke import Suggestion, sources_reached, suggest
from gateway.release.values import load_targets

ROOT = Path(__file__).parents[2]
SDL = """
extend schema
  @link(url: "https://specs.apollo.dev/connect/v0.3", import: ["@connect", "@source"])
  @source(name: "users", http: { baseURL: "http://users.invalid" })
  @source(name: "tags", http: { baseURL: "http://tags.invalid" })
  @source(name: "prices", http: { baseURL: "http://prices.invalid" })
  @source(name: "unused", http: { baseURL: "http://unused.invalid" })
type Query {
  user(id: ID!): User @connect(source: "users", http: { GET: "/users/{$args.id}" }, selection: "id name")
  byName(name: String): User @connect(source: "users", http: { GET: "/users?n={$args.name}" }, selection: "id name")
  users(limit: Int, after: String): Page
    @connect(source: "users", http: { GET: "/users" }, selection: "items { id name }")
  price(sku: ID!): Int @connect(source: "prices", http: { GET: "/{$args.sku}" }, selection: "$.cents")
}
type Page { items: [User!]! }
type User {
  id: ID!
  name: String
  tags: [Tag!] @connect(source: "tags", http: { GET: "/tags/{$this.id}" }, selection: "label")
}
type Tag { label: String }
"""
SOURCES = ["users", "tags", "prices", "unused"]


@pytest.fixture
def schema(tmp_path: Path) -> GraphQLSchema:
    (tmp_path / "s.graphql").write_text(SDL)
    graph = build_graph(build_config({"graph": {"schema": ["s.graphql"]}}), tmp_path, {})
    assert graph.schema is not None
    assert not graph.errors
    return graph.schema


def test_a_query_for_each_source(schema: GraphQLSchema) -> None:
    """A lookup by an argument that nobody can guess is not one: `byName` without a name finds nothing."""
    assert suggest(schema, SOURCES) == [
        Suggestion("users", "{ users(limit: 1) { __typename } }"),
        Suggestion("tags", "{ users(limit: 1) { items { tags { label } } } }"),
        Suggestion("prices", None, ("Query.price(sku: ID!)",)),
        Suggestion("unused", None),
    ]


def test_what_the_queries_reach_already_is_left_out(schema: GraphQLSchema) -> None:
    queries = ['{ price(sku: "1") }', "{ users { items { id } } }"]
    assert [item.source for item in suggest(schema, SOURCES, queries)] == ["tags", "unused"]


@pytest.mark.parametrize(
    ("query", "sources"),
    [
        ("{ __typename }", set()),
        ("{ users { items { id } } }", {"users"}),
        ("{ users { items { ...F } } } fragment F on User { tags { label } }", {"users", "tags"}),
        ('{ price(sku: "1") user(id: "1") { name } }', {"prices", "users"}),
        ("{ nope }", set()),
        ("query A { users { items { id } } } query B { __typename }", set()),
    ],
)
def test_the_sources_of_a_query_are_those_of_its_plan(
    schema: GraphQLSchema, query: str, sources: set[str]
) -> None:
    assert sources_reached(schema, query) == sources


def test_the_smoke_queries_that_are_shipped_reach_what_connectors_can() -> None:
    graph = build_graph(load_config(ROOT / "gateway.toml"), ROOT, {})
    assert graph.schema is not None
    gate = load_targets(ROOT / "helm").targets["production", "eu-west"].gate
    reached = {
        name for query in gate.smoke_queries for name in sources_reached(graph.schema, query)
    }
    assert reached == {"catalog", "monolith"}
    assert any("search(" in query for query in gate.smoke_queries)  # Python asks it


def test_the_command_prints_what_targets_yaml_takes() -> None:
    where = [
        "smoke",
        "--suggest",
        "--config",
        str(ROOT / "gateway.toml"),
        "--chart",
        str(ROOT / "helm"),
    ]
    said = CliRunner().invoke(app, where).output
    assert said.splitlines()[0] == "smokeQueries:"
    assert "  # search: no connector calls it" in said
    again = CliRunner().invoke(app, [*where, "--env", "production"]).output
    assert "monolith" not in again
    unknown = CliRunner().invoke(app, [*where, "--env", "prod"])
    assert unknown.exit_code == 3
    assert "EnvironmentUnknown: there is no environment 'prod'" in unknown.output
    assert "  # search: no connector calls it" in again

"""A project whose backend a test plays."""

from __future__ import annotations

from pathlib import Path

SCHEMA = """
extend schema
  @link(url: "https://specs.apollo.dev/connect/v0.3", import: ["@source", "@connect"])
  @source(name: "api", http: { baseURL: "http://api.internal/v1" })

type Query {
  user(id: ID!): User @connect(source: "api", http: { GET: "/users/{$args.id}" }, selection: "id name")
  find(name: String!, page: Int = 1): [User!]
    @connect(source: "api", http: { GET: "/users?name={$args.name}&page={$args.page}" }, selection: "id name")
  other: Int @connect(http: { GET: "http://other.internal/n" }, selection: "$.n")
}

type Mutation {
  rename(id: ID!, name: String!): User
    @connect(source: "api", http: { POST: "/users/{$args.id}", body: "name: $args.name" }, selection: "id name")
}

type Subscription {
  count(to: Int!): Int!
  seen: String
}

type User {
  id: ID!
  name: String
}
"""
RESOLVERS = """
import asyncio

from gateway import subscription

ENDED = []


@subscription("Subscription.count", vary=())
async def count(root, context, *, to):
    try:
        for number in range(to):
            yield number
        if to > 5:
            await asyncio.Event().wait()
    finally:
        ENDED.append(to)


@subscription("Subscription.seen")
async def seen(root, context):
    yield f"{context.headers.get('x-user')} {context.connection_params}"
"""


def write_project(folder: Path) -> Path:
    """Write it; gives its configuration."""
    (folder / "schema.graphql").write_text(SCHEMA)
    (folder / "played_resolvers.py").write_text(RESOLVERS)
    config = folder / "gateway.toml"
    config.write_text(
        '[graph]\nschema = "schema.graphql"\nresolvers = "played_resolvers"\n[logs]\naccess = "off"\n'
    )
    return config

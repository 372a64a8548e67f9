"""A served schema with one resolver of each kind, under the configuration as it is shipped."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.testing import GatewayClient
from gateway.transport.server.protocols import HttpProtocol
from tests.transport.served import Served, served

SCHEMA = """
type Query {
  greeting(name: String! = "you"): String
  fails: String
  many(count: Int!): [String!]!
}
type Mutation { rename(name: String!): String }
"""
RESOLVERS = """
from gateway import resolver

RENAMED = []


@resolver("Query.greeting")
def greeting(parent, context, name):
    return f"Hello, {name}!"


@resolver("Query.fails")
def fails(parent, context):
    raise RuntimeError("secret-dsn://user:password@host")


@resolver("Query.many")
def many(parent, context, count):
    return [f"line {number} of many" for number in range(count)]


@resolver("Mutation.rename")
def rename(parent, context, name):
    RENAMED.append(name)
    return name
"""
CONFIG = """
[graph]
schema = ["schema.graphql"]
resolvers = "http_resolvers"
[logs]
access = "{folder}/access.log"
errors = "{folder}/errors.log"
"""


@pytest.fixture
def http_project(tmp_path: Path) -> Path:
    """A folder with `gateway.toml`; a test appends the tables that it is about."""
    (tmp_path / "schema.graphql").write_text(SCHEMA)
    (tmp_path / "http_resolvers.py").write_text(RESOLVERS)
    (tmp_path / "gateway.toml").write_text(CONFIG.format(folder=tmp_path))
    return tmp_path


def configure(project: Path, tables: str) -> Path:
    """The project's configuration with more tables."""
    path = project / "gateway.toml"
    path.write_text(path.read_text() + tables)
    return path


@pytest_asyncio.fixture
async def http_client(http_project: Path) -> AsyncIterator[GatewayClient]:
    async with GatewayClient(http_project / "gateway.toml") as started:
        yield started


@pytest_asyncio.fixture(params=[HttpProtocol, "h11"], ids=["protocol", "asgi"])
async def http_server(http_project: Path, request: pytest.FixtureRequest) -> AsyncIterator[Served]:
    """The server with either adapter: nothing that a client sees may tell them apart."""
    async with served(http_project / "gateway.toml", request.param) as running:
        yield running


@pytest_asyncio.fixture
async def own_server(http_project: Path) -> AsyncIterator[Served]:
    """The server with our own protocol: for what is its framing, and no other server's concern."""
    async with served(http_project / "gateway.toml") as running:
        yield running

"""Null for a nullable variable with a default in `@skip` or `@include`: no plan has it, so graphql-core answers.

Source: GraphQL specification, September 2025, §5.8.5: a variable with a default may stand where null must not.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from graphql import build_schema, execute, parse

from gateway.testing import GatewayClient

SDL = "type Query { a: Int b: Int! } type Subscription { ticks: Tick } type Tick { n: Int }"
RESOLVERS = """
from gateway import resolver, subscription


@resolver("Query.a", vary=[])
def a(root, context):
    return 1


@resolver("Query.b", vary=[])
async def b(root, context):
    return 2


@subscription("Subscription.ticks", shared=True, vary=())
async def ticks(root, context):
    yield {"n": 1}
"""
CONFIG = """
[graph]
schema = ["s.graphql"]
resolvers = "null_condition_resolvers"
[logs]
access = "off"
[explain]
plan_header = true
trace_header = "always"
"""
QUERIES = [
    "query ($v: Boolean = true) { a @skip(if: $v) }",
    "query ($v: Boolean = true) { a b @include(if: $v) }",
    "query ($v: Boolean = true) { a ... @include(if: $v) { b } }",
    "query ($v: Boolean = true) { a @skip(if: $v) b }",
]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "s.graphql").write_text(SDL)
    (tmp_path / "null_condition_resolvers.py").write_text(RESOLVERS)
    (tmp_path / "gateway.toml").write_text(CONFIG)
    return tmp_path / "gateway.toml"


def by_reference(query: str) -> tuple[Any, Any]:
    found: Any = execute(build_schema(SDL), parse(query), {"a": 1, "b": 2}, None, {"v": None})
    return found.data, found.formatted.get("errors", [])


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("given", [None, True, False])
async def test_the_answer_is_that_of_graphql_core(
    query: str, given: bool | None, config: Path
) -> None:
    async with GatewayClient(config) as client:
        for _ in range(2):  # the second finds what the first has made
            found = await client.execute(query, {"v": given})
            if given is None:
                assert (found.data, found.errors) == by_reference(query)
            else:
                assert found.errors == []


async def test_its_plan_says_that_there_is_none(config: Path) -> None:
    async with GatewayClient(config) as client:
        found = await client.execute(
            QUERIES[0], {"v": None}, headers={"x-gateway-plan": "true", "x-gateway-trace": "true"}
        )
    assert found.errors == by_reference(QUERIES[0])[1]
    assert found.extensions["plan"]["executor"] == "fallback"
    assert found.extensions["plan"]["reason"] == "@skip without a boolean"


async def test_a_subscription_without_a_plan_is_nobody_elses(config: Path) -> None:
    query = "subscription ($v: Boolean = true) { ticks { n @skip(if: $v) } }"
    async with GatewayClient(config) as client:
        found = [one async for one in client.subscribe(query, {"v": None})]
    (only,) = found
    assert only.data == {"ticks": None}
    assert [error["message"] for error in only.errors] == [
        "Argument 'if' has invalid value: "
        "Expected variable '$v' provided to non-null type 'Boolean!' not to be None."
    ]

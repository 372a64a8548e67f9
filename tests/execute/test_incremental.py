"""`dropin.experimental_execute_incrementally` beside graphql-core's own."""

from __future__ import annotations

from typing import Any

import graphql
import pytest
from graphql import ExecutionResult, GraphQLDeferDirective, build_schema, parse
from graphql.pyutils import is_awaitable

from gateway.integrations import graphql_core as dropin
from gateway.runtime import reference

pytestmark = pytest.mark.skipif(
    not reference.IS_3_3, reason="graphql-core 3.2 has no incremental delivery"
)

SDL = "type Query { a: A } type A { name: String later: String fails: String }"


async def later(_info: Any) -> str:
    return "later"


async def fails(_info: Any) -> str:
    raise ValueError("it fails")


async def payloads(execute: Any, text: str, **options: Any) -> list[Any]:
    schema = build_schema(SDL)
    schema.directives = (*schema.directives, GraphQLDeferDirective)
    root = {"a": {"name": "Ada", "later": later, "fails": fails}}
    result = execute(schema, parse(text), root, **options)
    result = await result if is_awaitable(result) else result
    if isinstance(result, ExecutionResult):
        return [result.formatted]
    return [result.initial_result.formatted] + [
        part.formatted async for part in result.subsequent_results
    ]


@pytest.mark.parametrize(
    ("text", "options", "is_compiled"),
    [
        ("{ a { name later } }", {}, True),
        ("{ a { name fails } }", {"variable_values": {}}, True),
        ("{ a { name ... @defer { later fails } } }", {}, False),
        ("{ a { name ... @defer(if: false) { later } } }", {}, False),
        ("{ a { name ... @defer { later } } }", {"enable_early_execution": True}, False),
        ("query A { a { name } } query B { a { later } }", {"operation_name": "B"}, True),
    ],
)
async def test_payloads_are_graphql_cores(
    text: str, options: dict[str, Any], is_compiled: bool
) -> None:
    before = sum(dropin.fallbacks.values())
    found = await payloads(dropin.experimental_execute_incrementally, text, **options)
    assert (sum(dropin.fallbacks.values()) == before) == is_compiled
    assert found == await payloads(graphql.experimental_execute_incrementally, text, **options)

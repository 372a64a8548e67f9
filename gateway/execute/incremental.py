"""Incremental delivery: operations with `@defer` and `@stream`, on graphql-core's own executor.

No plan delivers in parts yet, so this is a fallback, and counted as one. It formats nothing.
"""

from __future__ import annotations

from typing import Any

from graphql import (
    ExecutionResult,
    ExperimentalIncrementalExecutionResults,
    GraphQLDeferDirective,
    GraphQLSchema,
    GraphQLStreamDirective,
    experimental_execute_incrementally,
)
from graphql.pyutils import is_awaitable

from gateway.context import Context
from gateway.execute.operation import fallbacks, source_of
from gateway.execute.prepare import Prepared
from gateway.execute.state import Literals, Variables


def add_directives(schema: GraphQLSchema) -> None:
    """Let documents of a schema use `@defer` and `@stream`, where its SDL has not done so."""
    known = {directive.name for directive in schema.directives}
    new = [d for d in (GraphQLDeferDirective, GraphQLStreamDirective) if d.name not in known]
    schema.directives = (*schema.directives, *new)


async def execute_incrementally(
    prepared: Prepared, variables: Variables, context: Context, literals: Literals | None = None
) -> ExecutionResult | ExperimentalIncrementalExecutionResults:
    """Run a query or mutation that delivers in parts; one result where nothing is deferred after all."""
    assert prepared.reason is not None
    fallbacks[prepared.reason] += 1
    source = source_of(prepared, literals)
    result: Any = experimental_execute_incrementally(
        prepared.schema,
        source.document,
        context_value=context,
        variable_values=dict(variables.raw),
        operation_name=source.operation_name,
    )
    if is_awaitable(result):
        result = await result
    assert isinstance(result, ExecutionResult | ExperimentalIncrementalExecutionResults)
    return result

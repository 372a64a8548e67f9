"""Incremental delivery: a query with `@defer` on compiled plans, all else on graphql-core's own executor.

The latter is a fallback, and counted as one. It formats nothing.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import graphql
from graphql import ExecutionResult, GraphQLSchema
from graphql.pyutils import is_awaitable

from gateway.concurrency.awaitable import value_of
from gateway.context import Context
from gateway.execute.bounded import Budget, bounded_options
from gateway.execute.deferred import run_incrementally
from gateway.execute.operation import execute_operation, fallbacks, source_of, within
from gateway.execute.prepared import Prepared
from gateway.plan.collect import CannotCompileError
from gateway.runtime import reference
from gateway.runtime.bounds import nodes_error
from gateway.runtime.denied import cannot_filter
from gateway.runtime.introspect import IntrospectionError
from gateway.runtime.request import Literals, Variables
from gateway.runtime.state import Run

if TYPE_CHECKING:  # graphql-core 3.2 has none, and is told so at start
    from graphql import ExperimentalIncrementalExecutionResults


def add_directives(schema: GraphQLSchema) -> None:
    """Let documents of a schema use `@defer` and `@stream`, where its SDL has not done so."""
    both = (graphql.GraphQLDeferDirective, graphql.GraphQLStreamDirective)
    known = {directive.name for directive in schema.directives}
    new = [d for d in both if d.name not in known]
    schema.directives = (*schema.directives, *new)


async def execute_incrementally(
    prepared: Prepared, variables: Variables, context: Context, literals: Literals | None = None
) -> ExecutionResult | ExperimentalIncrementalExecutionResults:
    """Run a query or mutation that delivers in parts; one result where nothing is deferred after all."""
    if prepared.reason is None:  # what is left of it is answered in one piece
        return await value_of(execute_operation(prepared, variables, context, literals))
    source = source_of(prepared, literals)
    try:
        code = prepared.incremental_code(variables.coerced, context)
        bound, limits = code.initial.bound, prepared.limits
        run = Run(bound, source, None, context, variables, literals, limits=limits)
        return await run_incrementally(run, code)
    except (CannotCompileError, IntrospectionError):
        if prepared.denied:
            raise cannot_filter() from None
        fallbacks[prepared.reason] += 1
    budget = Budget(prepared.limits)
    result: Any = graphql.experimental_execute_incrementally(
        prepared.schema,
        source.document,
        context_value=context,
        variable_values=dict(variables.raw),
        operation_name=source.operation_name,
        field_resolver=reference.default_resolver,
        **bounded_options(budget, prepared.view),
    )
    if is_awaitable(result):
        result = await result
    if isinstance(result, ExecutionResult):
        return within(budget, result)
    if budget.nodes_left < 0:
        await result.subsequent_results.aclose()
        return within(budget, ExecutionResult(None, None))
    later = _within(budget, result.subsequent_results)
    return graphql.ExperimentalIncrementalExecutionResults(result.initial_result, later)


async def _within(budget: Budget, later: AsyncGenerator[Any, None]) -> AsyncGenerator[Any, None]:
    """The payloads after the first. Errors: ResultLimitError."""
    async with aclosing(later):
        async for payload in later:
            if budget.nodes_left < 0:
                raise nodes_error(budget.limits)
            yield payload

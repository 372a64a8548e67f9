"""Subscriptions: the source stream is graphql-core's, each of its events is one run.

Making the source stream is done once per subscription and has nothing to gain from a plan; what runs per
event has. Of a plan it reads its root field alone: whether the source stream is ours.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLField,
    GraphQLSchema,
    print_ast,
)
from graphql.pyutils import is_awaitable

from gateway.context import Context
from gateway.errors import RequestError
from gateway.execute.operation import source_of
from gateway.execute.prepared import Prepared
from gateway.graph.resolvers import EventSource
from gateway.plan.collect import CannotCompileError
from gateway.runtime import reference
from gateway.runtime.request import Literals, Variables


def subscribe_with(
    schema: GraphQLSchema,
    document: DocumentNode,
    arguments: dict[str, Any],
    run_event: Callable[[Any], Any],
) -> Any:
    """Subscribe, and answer each event of the source stream with `run_event(payload)`.

    Shape: an asynchronous iterator of results, or a result with errors, or an awaitable of either.
    Errors: GraphQLError when the operation is not a subscription.
    """
    executor = reference.build_executor(schema, document, arguments)
    if isinstance(executor, list):
        return ExecutionResult(None, executor)
    if executor.operation.operation.value != "subscription":
        raise GraphQLError("Expected subscription operation.")
    stream = reference.create_source_event_stream(executor)
    if is_awaitable(stream):
        return _await_stream(stream, run_event)
    return stream if isinstance(stream, ExecutionResult) else map_events(stream, run_event)


async def _await_stream(stream: Any, run_event: Callable[[Any], Any]) -> Any:
    stream = await stream
    return stream if isinstance(stream, ExecutionResult) else map_events(stream, run_event)


async def map_events(stream: Any, run_event: Callable[[Any], Any]) -> AsyncIterator[Any]:
    """The results of a source stream's events. Closing it closes the iterator that the source stream gave."""
    events = aiter(stream)
    try:
        async for payload in events:
            result = run_event(payload)
            yield await result if is_awaitable(result) else result
    finally:
        close = getattr(events, "aclose", None)
        if close is not None:
            with suppress(
                Exception
            ):  # as graphql-core does: the subscription has ended all the same
                await close()


async def open_source(
    prepared: Prepared, variables: Variables, context: Context, literals: Literals | None = None
) -> AsyncIterator[Any]:
    """The source stream of a subscription that the gateway serves.

    Errors: RequestError(BAD_USER_INPUT) for wrong arguments, and whatever the user's function raised.
    Source: GraphQL specification §6.2.3.1.
    """
    source = source_of(prepared, literals)
    arguments = {
        "context_value": context,
        "variable_values": dict(variables.raw),
        "operation_name": source.operation_name,
    }
    executor = reference.build_executor(prepared.schema, source.document, arguments)
    if isinstance(executor, list):
        raise RequestError(executor, "BAD_USER_INPUT")
    stream: Any = reference.create_source_event_stream(executor)
    if is_awaitable(stream):
        stream = await stream
    if isinstance(stream, ExecutionResult):
        assert stream.errors is not None
        raise stream.errors[0].original_error or RequestError(stream.errors, "BAD_USER_INPUT")
    events: AsyncIterator[Any] = stream.__aiter__()
    return events


def event_source(prepared: Prepared, variables: Variables) -> EventSource | None:
    """What gives the source stream of a compiled subscription; None where it is not ours."""
    definition = _root_definition(prepared, variables)
    found = definition.subscribe if definition is not None else None
    return found if isinstance(found, EventSource) else None


def source_signature(prepared: Prepared, variables: Variables) -> Any:
    """What decides which source stream an operation opens: equal for operations that open the same one.

    The document is taken to be the same, and so is the user's Python.
    """
    definition = _root_definition(prepared, variables)
    if definition is None:
        return prepared.root_fields, variables.coerced
    arguments = {
        name: print_ast(argument.ast_node) if argument.ast_node else str(argument.type)
        for name, argument in definition.args.items()
    }
    source = definition.subscribe
    coordinate = source.coordinate if isinstance(source, EventSource) else None
    return coordinate, arguments, variables.coerced


def _root_definition(prepared: Prepared, variables: Variables) -> GraphQLField | None:
    """The field that a compiled subscription selects; None for one that runs on graphql-core."""
    if prepared.reason is not None:
        return None
    try:
        fields = prepared.code(variables.coerced).bound.roots[0].fields
    except CannotCompileError:
        return None
    return fields[0].definition if fields else None

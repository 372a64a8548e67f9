"""Subscriptions: the source stream is graphql-core's, each of its events is one run.

Making the source stream is done once per subscription and has nothing to gain from a plan; what runs per
event has. Must never look into a plan.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

from graphql import DocumentNode, ExecutionResult, GraphQLError, GraphQLSchema
from graphql.pyutils import is_awaitable

from gateway.execute import reference


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
    """The results of a source stream's events. Closing it closes the source stream."""
    try:
        async for payload in stream:
            result = run_event(payload)
            yield await result if is_awaitable(result) else result
    finally:
        close = getattr(stream, "aclose", None)
        if close is not None:
            await close()

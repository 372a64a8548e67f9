"""Several operations in one request: each with its own context, errors and log line, answered as an array."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from gateway.errors import ClientError
from gateway.pipeline.operation import GraphQLParams, Operation
from gateway.response.record import Answer
from gateway.transport.settings import BatchingSettings


def check_batch(batch: Sequence[GraphQLParams], settings: BatchingSettings) -> None:
    """Errors: ClientError(BATCHING_NOT_ENABLED), (BATCH_LIMIT_EXCEEDED), (BAD_REQUEST)."""
    if not batch:
        raise ClientError("The batch is empty.", code="BAD_REQUEST")
    if not settings.enabled:
        raise ClientError(
            "The body must be a JSON object: batches are not accepted.",
            code="BATCHING_NOT_ENABLED",
        )
    if len(batch) > settings.max_operations:
        raise ClientError(
            f"The batch has {len(batch)} operations, more than batching.max_operations, "
            f"{settings.max_operations}.",
            code="BATCH_LIMIT_EXCEEDED",
        )


async def run_batch(
    operations: Sequence[Operation],
    operation_type: Callable[[Operation], Awaitable[str | None]],
    run: Callable[[Operation], Awaitable[Answer]],
) -> list[Answer]:
    """Answer every operation: queries at once, but one after the other where one of them is a mutation."""
    kinds = [await operation_type(operation) for operation in operations]
    if "mutation" in kinds:
        return [await run(operation) for operation in operations]
    return await asyncio.gather(*map(run, operations))

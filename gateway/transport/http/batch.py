"""Several operations in one request: each with its own context, errors and log line, answered as an array."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

from gateway.answer import Answer, OperationRecord
from gateway.context import Context
from gateway.errors import ClientError
from gateway.pipeline.pipeline import GraphQLParams, Pipeline
from gateway.transport.settings import BatchingSettings

NewContext = Callable[[], Awaitable[Context]]
Log = Callable[[OperationRecord, Context | None, float], None]


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
    batch: Sequence[GraphQLParams], pipeline: Pipeline, new_context: NewContext, log: Log
) -> list[Answer]:
    """Answer every operation: queries at once, but one after the other where one of them is a mutation."""

    async def run(params: GraphQLParams) -> Answer:
        begin = time.perf_counter()
        context: Context | None = None
        try:
            context = await new_context()
            answer = await pipeline.run(params, context, read_only=False)
        except Exception as exc:  # a context factory is the user's code
            answer = pipeline.refuse(exc, OperationRecord())
        log(answer.record, context, time.perf_counter() - begin)
        return answer

    kinds = [await pipeline.operation_type(params) for params in batch]
    if "mutation" in kinds:
        return [await run(params) for params in batch]
    return await asyncio.gather(*map(run, batch))

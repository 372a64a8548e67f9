"""Runs a plan for a caller that cannot wait: an answer that needs nothing awaited is given.

As in graphql-core, what would have to be awaited does no harm where another error nulls it. So each such value gets an
error of its own, and only an answer that tells one of these is refused: a mutation's before its next field runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from graphql import ExecutionResult

from gateway.runtime.drive import Steps
from gateway.runtime.nulled import leave_broken
from gateway.runtime.spots import Failed
from gateway.runtime.state import Run


class UnawaitedError(Exception):
    """A value would have to be awaited."""


def run_at_once(run: Run, steps: Steps, finish: Callable[[], ExecutionResult]) -> ExecutionResult:
    """Run to the end.

    Args:
        run: What is run.
        steps: The generated function.
        finish: Makes the outcome when it has ended.

    Errors: RuntimeError, in graphql-core's words, where the answer needs something awaited.
    """
    run.waits = False
    for works in steps:
        if run.broken:
            leave_broken(run, works)
        while works:
            batch = works[:]
            works.clear()
            run.waited += batch
            for work in batch:
                awaitables = list(work.awaitables)
                for awaitable in awaitables:
                    if asyncio.iscoroutine(awaitable):
                        awaitable.close()  # or Python says that it was never awaited
                work.fill([Failed(UnawaitedError()) for _ in awaitables])
    vars(run).pop("waited", None)  # which holds the run
    refuse_unawaited(run)
    return finish()


def refuse_unawaited(run: Run) -> None:
    """Refuse an answer, or a part of it, that tells of what would have to be awaited. Errors: RuntimeError."""
    if any(isinstance(error.original_error, UnawaitedError) for error in run.errors):
        raise RuntimeError("GraphQL execution failed to complete synchronously.")

"""One run of a prepared operation, from coerced variables to data and errors."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from graphql import ExecutionResult

from gateway.codegen.code import Code
from gateway.concurrency.awaitable import AwaitableOrValue
from gateway.runtime.at_once import refuse_unawaited, run_at_once
from gateway.runtime.bounds import ResultLimitError
from gateway.runtime.complete import complete_root
from gateway.runtime.drive import run_steps
from gateway.runtime.expand import expand_spots
from gateway.runtime.introspect import answer_introspection
from gateway.runtime.located import take_errors
from gateway.runtime.pauses import PIECE_NODES, encode_data
from gateway.runtime.state import Run
from gateway.runtime.verbatim import encode_struct
from gateway.runtime.works import Work


def run_code(
    run: Run, code: Code, *, encodes: bool = False, waits: bool = True
) -> AwaitableOrValue[ExecutionResult]:
    """Run a plan's code: the result, or a coroutine of it when something has to be awaited.

    Args:
        run, code: What is run.
        encodes: The data of a large result is encoded here, in pieces: it is JSON already, and no dict.
        waits: Whether the caller can wait for a coroutine; else an answer that needs nothing awaited is given.

    Errors: IntrospectionError and ClientError(UNCACHED_DOCUMENTS_LIMIT) before anything of the user's has run;
        RuntimeError for an answer that needs something awaited, without `waits`.
    """

    def finish() -> ExecutionResult:
        if code.other_forms:
            code.revise(run.context)
        errors = take_errors(run) if run.errors or run.more_errors else None
        return ExecutionResult(run.data, errors)

    if not waits:
        return run_at_once(run, _steps(run, code, encodes, refuse_unawaited), finish)
    return run_steps(run, _steps(run, code, encodes), finish, ResultLimitError.result)


def _steps(
    run: Run, code: Code, encodes: bool, check: Callable[[Run], None] | None = None
) -> Generator[list[Work], None, None]:
    if run.bound.introspection:
        yield from answer_introspection(run, code.growing)
    data: dict[str, Any] = {}
    for part, root in code.rooted_parts:
        shaped = yield from part(run)
        if run.pending or run.dirty:
            run.data = {**data, **shaped}
            yield from expand_spots(run)
            shaped = yield from complete_root(run, root, shaped)
            if shaped is None:  # an error reached `data`: what is left of a mutation does not run
                run.data = None
                return
            if check is not None:
                check(run)
            run.pending.clear()
            run.dirty.clear()
            run.kinds.clear()
        data.update(shaped)
    run.data = data
    if run.tally is not None:
        run.tally.take(data)
    if encodes and run.limits.max_nodes - run.nodes_left > PIECE_NODES:
        encoded: Any = yield from encode_data(run, data, encode_struct)
        run.data = encoded

"""The last stage: an execution's result as the bytes of an answer, and with them the timings that a client asked
for.
"""

from __future__ import annotations

import time

from graphql import ExecutionResult

from gateway.client.vary import VARY_NONE, Vary, joined
from gateway.execute.operation import explain_plan
from gateway.observe.observer import plan_of, span_name
from gateway.pipeline.operation import Operation
from gateway.pipeline.shared_plan import is_of_sources
from gateway.response.encoding import encode_response, encode_result
from gateway.response.masking import ErrorMask
from gateway.response.record import Answer
from gateway.response_headers import Header, ResponseState, restricted, within_bounds
from gateway.runtime.step_timing import mark_errors
from gateway.telemetry.report import trace_report
from gateway.telemetry.trace import clock


def encode(
    mask: ErrorMask,
    operation: Operation,
    result: ExecutionResult,
    ambient: Vary | None,
    *,
    is_for_known: bool = False,
) -> Answer:
    """The answer of an operation that was executed.

    Args:
        mask: Decides what of an error the client sees.
        operation: Executed.
        result: Of its execution.
        ambient: What runs beside resolvers reads of the client; None when that is not known.
        is_for_known: Whether it may be that those who have not shown who they are are not answered, or otherwise: then
            the answer is not for all.
    """
    record, stats = operation.record, operation.context.stats
    if stats.exposed is not None or stats.tracked is not None:
        record.exposed, record.tracked = stats.exposed, stats.tracked
    if record.fields:
        record.executed = operation.prepared.source.executed_fields(result.data)
    trace = stats.trace
    # What a header asked for, a plan or a trace, is for the client that sent it.
    is_shown = operation.extensions is not None or (trace is not None and trace.is_shown)
    is_own = is_for_known or is_shown
    headers = (
        None if stats.response is None else headers_of(operation, stats.response, ambient, is_own)
    )
    freshness = None
    if stats.outward is not None and stats.outward.is_told:
        may_be_kept = not result.errors and headers is None and may_be_fresh(operation)
        freshness = stats.outward.lines(
            time.time(),
            may_be_kept=may_be_kept,
            is_of_client=may_be_kept and is_of_client(operation, ambient, is_own=is_own),
        )
    if trace is None:
        body = encode_result(result, mask, record, operation.extensions)
        return Answer(body, True, 200, record, headers, freshness=freshness)
    shaped_ns = clock()
    body = encode_result(result, mask, record, operation.extensions)
    if result.errors:
        mark_errors(trace)
    trace.answered(operation.begin_ns, shaped_ns, clock())
    if trace.is_shown:
        shown = {"trace": trace_report(trace, span_name(record), plan_of(record))}
        body = encode_result(result, mask, record, {**(operation.extensions or {}), **shown})
    return Answer(body, True, 200, record, headers, freshness=freshness)


def headers_of(
    operation: Operation, response: ResponseState, ambient: Vary | None, is_own: bool
) -> list[Header] | None:
    """What backends and resolvers have added to the answer's headers; None for nothing.

    An answer depends on the client when the operation reads something of the client, or when fields of it were decided
    for the client. No shared cache may keep such an answer.
    """
    lines = within_bounds(response.headers.lines())
    if not lines:
        return None
    return restricted(lines, is_of_client=is_of_client(operation, ambient, is_own=is_own))


def is_of_client(operation: Operation, ambient: Vary | None, *, is_own: bool) -> bool:
    """Whether an answer depends on who asks: on what is read of the client, or on what was decided for it.

    The plan may have been chosen for the client: by what is denied to it, by labels of `@override`, or by
    flags.
    """
    prepared = operation.prepared
    if is_own or operation.unfiltered is not None or prepared.labels or prepared.flags:
        return True
    bound = prepared.bound_plan(operation.variables.coerced)
    return bound is None or joined((bound.vary, ambient)) != VARY_NONE


def may_be_fresh(operation: Operation) -> bool:
    """Whether it is known how fresh an operation's answer is, where that is known of all that sources gave."""
    prepared = operation.prepared
    if prepared.executor != "compiled" or prepared.is_incremental:
        return False
    bound = prepared.bound_plan(operation.variables.coerced)
    return bound is not None and is_of_sources(bound)


def explain(operation: Operation, asked: str) -> Answer | None:
    """Show a client the plan of its operation: beside the answer, or in its place for a dry run."""
    operation.extensions = explain_plan(operation.prepared, operation.variables)
    if asked != "dry-run":
        return None
    return Answer(encode_response(None, None, operation.extensions), True, 200, operation.record)

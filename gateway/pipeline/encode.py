"""The last stage: an execution's result as the bytes of an answer, and with them the timings that a client asked for."""

from __future__ import annotations

from graphql import ExecutionResult

from gateway.answer import Answer, ErrorMask, encode_response, encode_result
from gateway.execute.operation import explain_plan
from gateway.observer import plan_of, span_name
from gateway.pipeline.operation import Operation
from gateway.runtime.steps import mark_errors
from gateway.telemetry.report import trace_report
from gateway.telemetry.trace import clock


def encode(mask: ErrorMask, operation: Operation, result: ExecutionResult) -> Answer:
    """The answer of an operation that was executed.

    Args:
        mask: Decides what of an error the client sees.
        operation: Executed.
        result: Of its execution.
    """
    record, trace = operation.record, operation.context.stats.trace
    if trace is None:
        return Answer(encode_result(result, mask, record, operation.extensions), True, 200, record)
    shaped_ns = clock()
    body = encode_result(result, mask, record, operation.extensions)
    if result.errors:
        mark_errors(trace)
    trace.answered(operation.begin_ns, shaped_ns, clock())
    if trace.is_shown:
        shown = {"trace": trace_report(trace, span_name(record), plan_of(record))}
        body = encode_result(result, mask, record, {**(operation.extensions or {}), **shown})
    return Answer(body, True, 200, record)


def explain(operation: Operation, asked: str) -> Answer | None:
    """Show a client the plan of its operation: beside the answer, or in its place for a dry run."""
    operation.extensions = explain_plan(operation.prepared, operation.variables)
    if asked != "dry-run":
        return None
    return Answer(encode_response(None, None, operation.extensions), True, 200, operation.record)

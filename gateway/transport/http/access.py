"""The access log's line: what of a request is written down, and nothing of what it asked for. Pure: no I/O.

A line is text with gaps. What a client or a schema has chosen is escaped by the encoder, once for each value.
"""

from __future__ import annotations

from functools import lru_cache

import orjson

from gateway.client.request import ClientRequest
from gateway.context import Context
from gateway.response.record import OperationRecord
from gateway.upstream.caller import CallStats

NOTHING_ASKED = CallStats()
MAX_USER_AGENT = 256
# What was asked of backends: in this order, and all of it zero where nothing was.
CALLS = (
    '"upstream_calls":%d,"upstream_ms":%.3f,"upstream_retries":%d,"upstream_hedges":%d,"upstream_shared":%d,'
    '"upstream_cached":%d,"upstream_queue_wait_ms":%.3f'
)
NO_CALLS = CALLS % ((0,) * CALLS.count("%"))


def log_line(
    record: OperationRecord,
    context: Context | None,
    client: ClientRequest,
    status: int,
    duration_s: float,
    response_bytes: int,
) -> str:
    """The access log's line, as docs/logging.md specifies, but for its first members: time, level and event.

    Args:
        client: Its request id has no character that JSON would escape.
        response_bytes: Of the body as it is sent; of an answer that goes on, of its payloads.
    """
    stats = context.stats if context else NOTHING_ASKED
    trace = stats.trace if stats.trace and stats.trace.propagation else None
    trace_id = f'"{trace.trace_hex}"' if trace else "null"
    span_id = f'"{trace.span_id.to_bytes(8, "big").hex()}"' if trace else "null"
    who = _of_client(
        client.address,
        client.client_name,
        client.client_version,
        client.headers.get("user-agent"),
        client.method,
    )
    what = _of_operation(
        record.operation_name,
        record.operation_type,
        record.document_hash,
        record.overrides,
        record.flags,
        record.plan_cache,
        record.executor,
    )
    codes = _text(record.error_codes) if record.error_codes else "[]"
    ids = _text(record.error_ids) if record.error_ids else "[]"
    cost = ""
    if record.cost_estimated is not None:
        cost = _of_cost(record.cost_estimated, record.cost_actual)
    # Not by `%`, which reads the whole text for its gaps each time: half the cost of a line.
    return (
        f'"request_id":"{client.request_id}","trace_id":{trace_id},"span_id":{span_id},{who},{what[0]},'
        f'"status":{status},"duration_ms":{duration_s * 1000:.3f},"request_bytes":{client.body_bytes},'
        f'"response_bytes":{response_bytes},{_of_calls(stats)},"shared":{"true" if record.shared else "false"},'
        f'{what[1]},"error_codes":{codes},"error_ids":{ids}{cost}}}\n'
    )


def _of_calls(stats: CallStats) -> str:
    if not (stats.calls or stats.wait_s or stats.shared or stats.cached):
        return NO_CALLS
    return CALLS % (
        stats.calls,
        stats.wait_s * 1000,
        stats.retries,
        stats.hedges,
        stats.shared,
        stats.cached,
        stats.queue_wait_s * 1000,
    )


@lru_cache(1024)
def _of_cost(estimated: float, actual: float | None) -> str:
    return "," + _text({"cost_estimated": estimated, "cost_actual": actual})[1:-1]


@lru_cache(1024)
def _of_client(
    address: str, name: str | None, version: str | None, user_agent: str | None, method: str
) -> str:
    said = {
        "client_address": address or None,
        "client_name": name,
        "client_version": version,
        "user_agent": user_agent[:MAX_USER_AGENT] if user_agent is not None else None,
        "method": method,
    }
    return _text(said)[1:-1]


@lru_cache(1024)
def _of_operation(
    name: str | None,
    kind: str | None,
    document_hash: str | None,
    overrides: tuple[str, ...],
    flags: tuple[str, ...],
    plan_cache: str | None,
    executor: str | None,
) -> tuple[str, str]:
    """What an operation is, and how it was run."""
    said: dict[str, object] = {
        "operation_name": name,
        "operation_type": kind,
        "document_hash": document_hash,
    }
    if overrides:
        said["overrides"] = overrides
    if flags:
        said["flags"] = flags
    return _text(said)[1:-1], _text({"plan_cache": plan_cache, "executor": executor})[1:-1]


def _text(value: object) -> str:
    return orjson.dumps(value).decode()

"""The access log's line: what of a request is written down, and nothing of what it asked for. Pure: no I/O."""

from __future__ import annotations

from typing import Any

from gateway.context import ClientRequest, Context
from gateway.response.answer import OperationRecord
from gateway.upstream.caller import CallStats

NOTHING_ASKED = CallStats()


def log_line(
    record: OperationRecord,
    context: Context | None,
    client: ClientRequest,
    status: int,
    duration_s: float,
) -> dict[str, Any]:
    """The access log's line, as docs/logging.md specifies."""
    stats = context.stats if context else NOTHING_ASKED
    trace = stats.trace if stats.trace and stats.trace.propagation else None
    return {
        "request_id": client.request_id,
        "trace_id": f"{trace.trace_id:032x}" if trace else None,
        "span_id": f"{trace.span_id:016x}" if trace else None,
        "client_address": client.address or None,
        "client_name": client.client_name,
        "client_version": client.client_version,
        "operation_name": record.operation_name,
        "operation_type": record.operation_type,
        "operation_hash": record.document_hash,
        "status": status,
        "duration_ms": round(duration_s * 1000, 3),
        "upstream_calls": stats.calls,
        "upstream_ms": round(stats.wait_s * 1000, 3),
        "upstream_retries": stats.retries,
        "upstream_hedges": stats.hedges,
        "upstream_shared": stats.shared,
        "upstream_cached": stats.cached,
        "upstream_queue_ms": round(stats.pool_wait_s * 1000, 3),
        "shared": record.shared,
        "cache": record.cache,
        "path": record.path,
        "error_codes": record.error_codes,
        "error_ids": record.error_ids,
    }

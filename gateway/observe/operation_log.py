"""What is written of an operation beside its access line: that it was slow, and that it changed something."""

from __future__ import annotations

from typing import Any

from gateway.auth.principal import Principal
from gateway.context import Context
from gateway.response.record import Answer, OperationRecord
from gateway.telemetry.logs import AccessLog
from gateway.telemetry.trace import Timing, Trace


class OperationLog:
    """Writes the slow and the audit stream.

    Args:
        log: Where to, and from how long an operation is slow.
    """

    def __init__(self, log: AccessLog) -> None:
        self._log = log
        self._slow_s = log.settings.slow_threshold_ms / 1000
        self._identity = [name.lower() for name in log.settings.audit_identity]

    def ended(self, answer: Answer, context: Context, took_s: float) -> None:
        """Note an operation that has ended."""
        if took_s > self._slow_s:
            self._log.write_slow(slow_line(answer, context, took_s))
        record = answer.record
        if (record.operation_type == "mutation" or record.denied) and self._log.is_audited:
            line = audit_line(record, outcome_of(answer), context, self._identity)
            self._log.write_audit(event_of(record), line)

    def began(self, record: OperationRecord, context: Context, outcome: str) -> None:
        """Note an operation whose answers go on, and which changes something, or of which something is denied."""
        if self._log.is_audited:
            self._log.write_audit(
                event_of(record), audit_line(record, outcome, context, self._identity)
            )


def event_of(record: OperationRecord) -> str:
    """What the audit log calls an operation."""
    return "mutation" if record.operation_type == "mutation" else "denied"


def slow_line(answer: Answer, context: Context, took_s: float) -> dict[str, Any]:
    """The line of a slow operation, as docs/logging.md specifies."""
    record, trace = answer.record, context.stats.trace
    return {
        **context.log_members(),
        "operation_name": record.operation_name,
        "operation_type": record.operation_type,
        "document_hash": record.document_hash,
        **({"overrides": list(record.overrides)} if record.overrides else {}),
        **({"flags": list(record.flags)} if record.flags else {}),
        "duration_ms": round(took_s * 1000, 3),
        "plan": record.plan() if record.plan else None,
        "timings": [timing_of(trace, timing) for timing in trace.timings] if trace else [],
    }


def timing_of(trace: Trace, timing: Timing) -> dict[str, Any]:
    """One phase, step or call with its time from the request's begin, milliseconds."""
    line: dict[str, Any] = {
        "kind": timing.kind,
        "name": timing.name,
        "begin_ms": round((timing.begin_ns - trace.begin_ns) / 1e6, 3),
        "ms": round((timing.end_ns - timing.begin_ns) / 1e6, 3),
    }
    if timing.subject is not None:
        line["path"] = timing.subject.path
        line["parents"] = timing.parents
    return line


def audit_line(
    record: OperationRecord, outcome: str, context: Context, identity: list[str]
) -> dict[str, Any]:
    """The line of a mutation, or of what was denied, as docs/logging.md specifies."""
    return {
        **context.log_members(),
        "actor": {
            "client_name": context.client_name,
            "client_version": context.client_version,
            **principal_of(context.principal),
            **{name: context.headers[name] for name in identity if name in context.headers},
        },
        "operation_name": record.operation_name,
        "document_hash": record.document_hash,
        "fields": list(record.fields),
        "outcome": outcome,
        **({"denied": list(record.denied)} if record.denied else {}),
        "error_codes": record.error_codes,
        "error_ids": record.error_ids,
    }


def principal_of(principal: Principal) -> dict[str, Any]:
    """Who acted, as far as it has shown that."""
    if not principal.is_authenticated:
        return {}
    return {
        "principal": principal.id,
        "kind": principal.kind,
        "issuer": principal.issuer,
        "client": principal.client,
        "key": principal.key,
    }


def outcome_of(answer: Answer) -> str:
    """How an operation ended: "ok", "partial", "failed" or "refused"."""
    if not answer.has_data:
        return "refused"
    if not answer.record.error_codes:
        return "ok"
    return "failed" if answer.record.is_null else "partial"

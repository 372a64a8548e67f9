"""What is told of an operation that has been answered: metrics, the trace where it is kept, and the log.

It looks and changes nothing of an answer. What of it costs only when somebody wants to see it (spans, plans)
is made then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gateway.client.flags import DecidedFlag
from gateway.client.request import ClientRequest
from gateway.context import Context
from gateway.documents.apps import AppVersion
from gateway.execute.prepared import Prepared
from gateway.observe.measures import Measures
from gateway.observe.operation_log import OperationLog, outcome_of
from gateway.response.record import Answer, OperationRecord

if TYPE_CHECKING:
    from gateway.observe.experiments import Experiments
    from gateway.telemetry.tracing import Tracing


class OperationObserver:
    """Told of every operation.

    Args:
        measures: The metrics; None without any.
        tracing: Keeps traces; None where nothing is traced.
        log: Writes what was slow, and what changed something; None without one.
        experiments: Notes who has met which variant of a flag; None where nobody wants to know.
    """

    def __init__(
        self,
        measures: Measures | None,
        tracing: Tracing | None,
        log: OperationLog | None,
        experiments: Experiments | None = None,
    ) -> None:
        self.experiments = experiments
        self.measures = measures
        self.tracing = tracing
        self.log = log

    def asked(
        self,
        record: OperationRecord,
        prepared: Prepared,
        client: ClientRequest,
        variables: Mapping[str, Any] | None,
        app: AppVersion | None = None,
    ) -> None:
        """Note that an operation is asked for."""
        if self.measures is not None:
            record.durations = self.measures.usage.count(prepared, client, variables, app)

    def ended(self, answer: Answer, context: Context, took_s: float) -> None:
        """Note what was answered."""
        record, trace = answer.record, context.stats.trace
        met: Sequence[tuple[str, DecidedFlag]] = ()
        if self.experiments is not None:
            met = self.experiments.note(record, context.client, outcome_of(answer), took_s)
        if self.measures is not None:
            self.measures.operations.ended(record, took_s)
            if trace is not None:
                self.measures.steps.ended(trace)
        if trace is not None and self.tracing is not None:
            failed = bool(record.error_codes)
            if self.tracing.keeps(trace, failed=failed, took_s=took_s):
                self.tracing.write(trace, *span_of(answer), failed=failed, events=events_of(met))
                if record.durations is not None:
                    record.durations.exemplify(took_s, trace.trace_hex)
        if self.log is not None:
            self.log.ended(answer, context, took_s)

    def delivered(self, client: ClientRequest, record: OperationRecord, *, is_over: bool) -> None:
        """Note one answer of an operation that has several, or that there are no more of them."""
        if self.experiments is None:
            return
        self.experiments.note_answer(record, client)
        if is_over:
            outcome = "error" if record.error_codes else "ok"
            self.experiments.note_end(record, client, outcome)

    def began(self, record: OperationRecord, context: Context, outcome: str) -> None:
        """Note an operation whose answers go on, and which changes something, or of which something is denied."""
        if self.log is not None:
            self.log.began(record, context, outcome)


def events_of(met: Sequence[tuple[str, DecidedFlag]]) -> list[tuple[str, dict[str, Any]]]:
    """The flags that a client has met for the first time, as events of its span.

    Source: OpenTelemetry's semantic conventions for feature flags, which are in development.
    """
    return [
        (
            "feature_flag.evaluation",
            {
                "feature_flag.key": name,
                "feature_flag.result.variant": flag.variant,
                "feature_flag.result.reason": flag.reason.lower(),
            },
        )
        for name, flag in met
    ]


def span_of(answer: Answer) -> tuple[str, dict[str, Any]]:
    """Name and attributes of a request's own span, by the conventions for GraphQL and HTTP servers."""
    record = answer.record
    known = {
        "graphql.operation.type": record.operation_type,
        "graphql.operation.name": record.operation_name,
        "graphql.document.id": record.document_hash,
        "gateway.plan_cache": record.plan_cache,
        "gateway.executor": record.executor,
        "gateway.overrides": list(record.overrides) or None,
        "gateway.cache.status": "hit" if record.is_kept else None,
        "gateway.flags": list(record.flags) or None,
        "gateway.error_codes": record.error_codes or None,
    }
    attributes: dict[str, Any] = {n: value for n, value in known.items() if value is not None}
    attributes["http.response.status_code"] = answer.status
    return span_name(record), attributes


def span_name(record: OperationRecord) -> str:
    """What a request's own span is called: not by the operation, whose name is the client's to choose."""
    return f"graphql.{record.operation_type or 'request'}"


def plan_of(record: OperationRecord) -> dict[str, Any]:
    """What a client is shown of a plan beside its timings."""
    return {
        "document_hash": record.document_hash,
        "plan_cache": record.plan_cache,
        "executor": record.executor,
        **({"overrides": record.overrides} if record.overrides else {}),
        **({"flags": record.flags} if record.flags else {}),
        "text": record.plan() if record.plan else None,
    }


def record_operation(record: OperationRecord, prepared: Prepared, how: str) -> None:
    """Note what the log line says of a found plan."""
    record.operation_name = prepared.operation_name
    record.operation_type = prepared.operation_type
    record.document_hash = prepared.document_hash
    record.executor = prepared.executor
    record.plan_cache = how
    record.plan = prepared.show
    if prepared.operation_type == "mutation":
        record.fields = prepared.root_fields

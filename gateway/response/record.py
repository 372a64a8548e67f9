"""What is known of an operation when it ends: for its answer, the log line and the metrics.

It must not execute, mask or encode.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from typing import Any

import msgspec

from gateway.codings.encode import Encoded
from gateway.error_codes import Fault
from gateway.telemetry.metrics import Histogram

MAX_NOTED = 20
"""Codes and ids of errors that one log line may name."""


GRAVITY: dict[Fault, int] = {"client": 0, "source": 1, "gateway": 2}


class OperationRecord(msgspec.Struct, eq=False):
    """What the log line and the metrics say of an operation. No variable, no literal.

    Attributes:
        operation_name: None for an anonymous one, or when the document is refused.
        operation_type: "query", "mutation" or "subscription".
        document_hash: The document's fingerprint: that of its text without literals.
        plan_cache: How the plan was found: "hit", "hit_normalized" (it differs in literals) or "miss".
        executor: "compiled" or "fallback".
        error_codes: `extensions.code` of each error, distinct, in order.
        fault: Whose the gravest of them is: the gateway's, a source's, the client's; None without any.
        error_ids: Ids of masked errors, the first few.
        masked: The id of each exception that has been logged, by itself: it may null many fields.
        shared: Whether another request's execution answered it.
        is_kept: Whether an answer that was kept whole answered it.
        plan: Gives the text of its plan; None where there is none.
        fields: The root fields of a mutation.
        executed: Those of them that were not skipped.
        is_null: Whether an error has left no data at all.
        denied: Coordinates of its fields that the client may not see.
        overrides: The labels of `@override` that were decided for it: `stats-rest=on`.
        flags: The flags that its fields read, each with its variant: `ranking=new`.
        exposed: The flags that what it asked depended on; None where it was none.
        tracked: What its client has done by what Python says: name, number and attributes; None for nothing.
        durations: Where its duration is counted; None when nobody counts.
        cost_estimated, cost_actual: What it costs; None where nobody counts, or nobody knows.
        over_cost: The limits that its estimated cost is over: "operation", and names of sources.
        quota_headers: Lines that say what is left of the client's quota.
    """

    operation_name: str | None = None
    operation_type: str | None = None
    document_hash: str | None = None
    plan_cache: str | None = None
    executor: str | None = None
    shared: bool = False
    is_kept: bool = False
    plan: Callable[[], str] | None = None
    fields: tuple[str, ...] = ()
    executed: tuple[str, ...] = ()
    is_null: bool = False
    denied: Sequence[str] = ()
    overrides: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    exposed: frozenset[str] | None = None
    tracked: Sequence[tuple[str, float | None, dict[str, Any]]] | None = None
    durations: Histogram | None = None
    fault: Fault | None = None
    cost_estimated: float | None = None
    cost_actual: float | None = None
    over_cost: Sequence[str] = ()
    quota_headers: bytes = b""
    masked: dict[Any, tuple[Exception, str]] | None = None
    error_codes: list[str] = msgspec.field(default_factory=list)
    error_ids: list[str] = msgspec.field(default_factory=list)

    def blame(self, fault: Fault | None) -> None:
        """Note whose fault an error is, where no graver one is known."""
        if fault is not None and (self.fault is None or GRAVITY[fault] > GRAVITY[self.fault]):
            self.fault = fault

    def again(self) -> OperationRecord:
        """The same operation, with no errors yet."""
        record = copy(self)
        record.error_codes, record.error_ids, record.masked = [], [], None
        record.fault = None
        return record


class Answer(msgspec.Struct):
    """An encoded answer, and what the transport needs to know to send it.

    Attributes:
        body: The GraphQL response as JSON bytes.
        has_data: False for a request error: nothing was executed.
        status: HTTP status under `application/graphql-response+json`.
        record: For the log line.
        encoded: The body in content codings, where several requests have the same answer; None else.
        headers: More headers: of an error that ended the whole request, or what backends and resolvers gave.
        freshness: Headers that say how fresh it is; the same for all who share it.
        cost: What making it has cost; None where nobody knows.
    """

    body: bytes
    has_data: bool
    status: int
    record: OperationRecord
    headers: Sequence[tuple[str, str]] | None = None
    encoded: Encoded | None = None
    freshness: Sequence[tuple[str, str]] | None = None
    cost: float | None = None

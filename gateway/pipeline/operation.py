"""One operation on its way through the pipeline: what a client asked, and what each stage adds."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from gateway.client.request import ClientRequest
from gateway.context import Context
from gateway.documents.apps import AppVersion
from gateway.execute.prepared import Prepared
from gateway.language.normalize import DocumentLiterals
from gateway.pipeline.serving import Serving
from gateway.response.record import OperationRecord
from gateway.runtime.request import Variables

if TYPE_CHECKING:
    from gateway.pipeline.demand import OperationDemand


class GraphQLParams(msgspec.Struct, frozen=True):
    """What a client sent, checked for its JSON types only.

    Attributes:
        query: The document's text.
        variables: As sent.
        operation_name: None when not sent.
        extensions: As sent.
        document_id: The document's id, in place of its text.
    """

    query: str | None
    variables: dict[str, Any] | None = None
    operation_name: str | None = None
    extensions: dict[str, Any] | None = None
    document_id: str | None = None


class Operation:
    """A client's operation. Each stage reads what the stages before it have set.

    Args:
        params: As sent.
        client: The request's client.
        serving: The schema that it is answered by, whatever is served when it ends.
        read_only: The transport is for queries and subscriptions only (GET).
        record: What the log says of it, where that is begun already.

    Attributes:
        record: What the log says of it.
        context: The state of its execution.
        document: Stage 1: the text that is executed.
        prepared, literals: Stage 2: the plan, and the request's own literals where it was made from another text.
        variables: Stage 3: coerced.
        is_planned: Whether stage 2 is done.
        begin_ns: When its execution began, on the trace's clock.
        app: The version of an application whose document it is; None of others.
        extensions: What the client is shown of the plan.
        unfiltered: The whole plan, where what is denied was taken out of `prepared`.
        add_denials: Adds to a result what was denied; None when nothing was.
        demand: What it costs and what was reserved for it; None where nobody counts.
    """

    __slots__ = (
        "__weakref__",
        "add_denials",
        "app",
        "begin_ns",
        "client",
        "context",
        "demand",
        "document",
        "extensions",
        "is_planned",
        "literals",
        "params",
        "prepared",
        "read_only",
        "record",
        "serving",
        "unfiltered",
        "variables",
    )

    context: Context
    document: str
    variables: Variables
    prepared: Prepared

    def __init__(
        self,
        params: GraphQLParams,
        client: ClientRequest,
        serving: Serving,
        read_only: bool = False,
        record: OperationRecord | None = None,
    ) -> None:
        self.params = params
        self.client = client
        self.serving = serving
        self.read_only = read_only
        self.record = record or OperationRecord()
        self.is_planned = False
        self.app: AppVersion | None = None
        self.begin_ns = 0
        self.literals: DocumentLiterals | None = None
        self.extensions: dict[str, Any] | None = None
        self.unfiltered: Prepared | None = None
        self.add_denials: Callable[[Any], Any] | None = None
        self.demand: OperationDemand | None = None

    def log_members(self) -> dict[str, Any]:
        """What a line of the log says of what it is about."""
        context = getattr(self, "context", None)  # a subscription's are its events'
        asked = context.log_members() if context else {"request_id": self.client.request_id}
        return {**asked, "operation_name": self.record.operation_name}

    def become(self, other: Operation) -> None:
        """Go on by another schema, as the other one was planned by it."""
        self.serving, self.prepared, self.literals = other.serving, other.prepared, other.literals
        self.variables, self.unfiltered, self.add_denials = (
            other.variables,
            other.unfiltered,
            other.add_denials,
        )
        self.demand = other.demand
        self.record.plan = other.record.plan

    def shared(self, record: OperationRecord, context: Context) -> Operation:
        """The same operation, executed once for several requests."""
        operation = Operation(self.params, self.client, self.serving, self.read_only, record)
        operation.document, operation.prepared = self.document, self.prepared
        operation.literals, operation.variables = self.literals, self.variables
        operation.is_planned, operation.begin_ns = self.is_planned, self.begin_ns
        operation.app, operation.demand = self.app, self.demand
        operation.extensions, operation.unfiltered = self.extensions, self.unfiltered
        operation.add_denials, operation.context = self.add_denials, context
        return operation

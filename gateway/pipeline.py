"""The path of a request, stage by stage: document → plan → variables → fetch and shape → bytes.

Each stage is a named call into the room that owns it; this file has no logic of its own and must stay
short enough to be read at one sitting.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from gateway.answer import (
    Answer,
    ErrorMask,
    OperationRecord,
    encode_request_error,
    encode_response,
)
from gateway.context import Context
from gateway.documents.find import Documents
from gateway.errors import CODES, ClientError, RequestError
from gateway.execute.operation import coerce_variables, execute_operation, explain_plan
from gateway.execute.prepare import Prepared
from gateway.execute.state import Literals, Variables
from gateway.execute.steps import mark_errors
from gateway.explain import Explain, ExplainSettings
from gateway.incremental import PayloadFormat
from gateway.language.limits import Limits, check_variables
from gateway.measures import Measures
from gateway.operation_log import OperationLog
from gateway.plan.cache import Found, PlanCache
from gateway.sharing import DedupeSettings, Sharing
from gateway.streams import NewContext, Stream, Streams, Subscription
from gateway.telemetry.report import show, trace_report
from gateway.telemetry.trace import ACTIVE, clock

if TYPE_CHECKING:
    from gateway.telemetry.tracing import Tracing


@dataclass(slots=True)
class GraphQLParams:
    """What a client sent, checked for its JSON types only.

    Attributes:
        query: The document's text; that of its id, once `Pipeline.find` has found it.
        variables: As sent.
        operation_name: None when not sent.
        extensions: As sent.
        document_id: The document's id, in place of its text.
        is_found: Whether `query` is the text that is executed, whatever else was sent.
    """

    query: str | None
    variables: dict[str, Any] | None = None
    operation_name: str | None = None
    extensions: dict[str, Any] | None = None
    document_id: str | None = None
    is_found: bool = False


class Pipeline:
    """The stages, for one schema and configuration.

    Args:
        plans: Finds or makes the plan of a document.
        mask: Decides what of an error the client sees.
        explain: Who is shown plans and timings; nobody without it.
        sharing: Executes equal operations in flight once; none are shared without it.
        streams: Runs subscriptions.
        documents: Those that clients may send by id; none without it.
        measures: Told of every operation.
        tracing: Told of every operation that has a trace.
        limits: What variables may be.
        log: Told of every operation: writes what was slow, and what changed something.

    Attributes:
        subscriptions: Those under way.
    """

    def __init__(
        self,
        plans: PlanCache[Prepared],
        mask: ErrorMask,
        *,
        explain: Explain | None = None,
        streams: Streams | None = None,
        sharing: Sharing | None = None,
        documents: Documents | None = None,
        measures: Measures | None = None,
        tracing: Tracing | None = None,
        log: OperationLog | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.plans = plans
        self.mask = mask
        self.streams = streams or Streams(mask)
        self.sharing = sharing or Sharing(DedupeSettings(), None)
        self.documents = documents or Documents(None)
        self.explain = explain or Explain(ExplainSettings(), {})
        self.measures = measures
        self.tracing = tracing
        self.log = log
        self.limits = limits or Limits()
        self.subscriptions: WeakSet[Stream] = WeakSet()

    async def run(self, params: GraphQLParams, context: Context, *, read_only: bool) -> Answer:
        """Answer one operation. Raises nothing but cancellation.

        Args:
            params: As sent.
            context: The request's state.
            read_only: The transport is for queries only (GET).
        """
        if self.explain.asks_trace(context.headers):
            context.stats.trace = show(context.stats.trace)
        trace = context.stats.trace
        if self.measures is None and trace is None and self.log is None:
            return await self._run(params, context, read_only)
        begin = time.perf_counter()
        answer = await self._run(params, context, read_only)
        took_s = time.perf_counter() - begin
        if self.measures is not None:
            self.measures.operations.ended(answer.record, took_s)
            if trace is not None:
                self.measures.steps.ended(trace)
        if trace is not None and self.tracing is not None:
            failed = bool(answer.record.error_codes)
            if self.tracing.keeps(trace, failed=failed, took_s=took_s):
                self.tracing.write(trace, *span_of(answer), failed=failed)
                if answer.record.durations is not None:
                    answer.record.durations.exemplify(took_s, trace.trace_id)
        if self.log is not None:
            self.log.ended(answer, context, took_s)
        return answer

    async def _run(self, params: GraphQLParams, context: Context, read_only: bool) -> Answer:
        record = OperationRecord()
        try:
            trace = context.stats.trace
            token = ACTIVE.set(trace) if trace is not None else None
            try:
                found = await self.find(params)
            finally:
                if token is not None:
                    ACTIVE.reset(token)
            text = document_text(params)
            prepared = found.value
            record_operation(record, prepared, found.how)
            if self.measures is not None:
                record.durations = self.measures.usage.count(prepared, context.client_name)
            check_method(prepared, read_only)
            check_whole(prepared)
            variables = self._coerce(found, params)
            explain = self.explain.asks_plan(context.headers)
            extensions = explain_plan(prepared, variables) if explain else None
            if explain == "dry-run":
                return Answer(encode_response(None, None, extensions), True, 200, record)
            execute = partial(self._execute, prepared, variables, found.literals, extensions)
            if prepared.operation_type == "mutation":
                with self.sharing.writing(context):
                    return await execute(record, context)
            is_alone = explain is not None or (trace is not None and trace.is_shown)
            place = None if is_alone else self.sharing.place(prepared, variables, text, context)
            if place is None:
                return await execute(record, context)
            return await self.sharing.fly(place, execute, record)
        except asyncio.CancelledError:
            raise
        except Exception as exc:
            return self.refuse(exc, record)

    async def subscribe(
        self,
        params: GraphQLParams,
        new_context: NewContext,
        *,
        read_only: bool = False,
        payloads: PayloadFormat = "current",
    ) -> Answer | Stream:
        """Answer an operation over a transport that carries several answers.

        A query or mutation gives one, and so does a subscription that is refused. Raises nothing but
        cancellation, and neither does the stream.

        Args:
            params: As sent.
            new_context: Makes the state of one execution: the source stream's, and each event's.
            read_only: The transport is for queries and subscriptions only (GET).
            payloads: Of incremental delivery.
        """
        record = OperationRecord()
        try:
            found = await self.find(params)
            prepared = found.value
            if prepared.operation_type != "subscription" and not prepared.is_incremental:
                return await self.run(params, await new_context(), read_only=read_only)
            record_operation(record, prepared, found.how)
            if self.measures is not None:
                new_context = self.measures.usage.counting(prepared, new_context)
            variables = self._coerce(found, params)
            subscription = Subscription(prepared, variables, found.literals, record, new_context)
            if prepared.operation_type == "subscription":
                stream = await self.streams.open(subscription)
            else:
                check_method(prepared, read_only)
                context = await new_context()
                is_write = prepared.operation_type == "mutation"
                with self.sharing.writing(context) if is_write else nullcontext():
                    stream = await self.streams.deliver(subscription, context, payloads)
        except asyncio.CancelledError:
            raise
        except Exception as exc:
            return self.refuse(exc, record)
        self.subscriptions.add(stream)
        return stream

    async def find(self, params: GraphQLParams) -> Found[Prepared]:
        """The plan of a request's document. Errors: ClientError, RequestError."""
        if params.variables:
            check_variables(params.variables, self.limits)
        documents = self.documents
        if params.is_found or not documents.has_say(params.document_id, params.extensions):
            return self.plans.find(document_text(params), params.operation_name)
        text = await documents.find(params.query, params.document_id, params.extensions)
        params.query, params.is_found = text.text, True
        found = self.plans.find(text.text, params.operation_name)
        await documents.keep(text)
        return found

    def _coerce(self, found: Found[Prepared], params: GraphQLParams) -> Variables:
        hides = not self.limits.introspection
        raw = params.variables or {}
        return coerce_variables(found.value, raw, found.literals, hide_suggestions=hides)

    async def operation_type(self, params: GraphQLParams) -> str | None:
        """What kind of operation this is, "incremental" among them; None when its document is refused."""
        try:
            found = await self.find(params)
        except (ClientError, RequestError):
            return None
        return "incremental" if found.value.is_incremental else found.value.operation_type

    def refuse(self, error: Exception, record: OperationRecord) -> Answer:
        """The answer to a request that failed outside of any field."""
        if isinstance(error, RequestError):
            status = CODES[error.code].http_status or 400
            return self._refusal(error.errors, error.code, status, record)
        if isinstance(error, ClientError):
            return self._refusal([error], error.code, error.http_status, record)
        return self._refusal([error], "INTERNAL_SERVER_ERROR", 500, record)

    async def _execute(
        self,
        prepared: Prepared,
        variables: Variables,
        literals: Literals | None,
        extensions: dict[str, Any] | None,
        record: OperationRecord,
        context: Context,
    ) -> Answer:
        trace = context.stats.trace
        begin_ns = clock() if trace is not None else 0
        result = await execute_operation(prepared, variables, context, literals)
        shaped_ns = clock() if trace is not None else 0
        errors = self.mask.format_errors(result.errors, record) if result.errors else None
        record.is_null = result.data is None
        body = encode_response(result.data, errors, extensions)
        if trace is not None:
            if result.errors:
                mark_errors(trace)
            trace.answered(begin_ns, shaped_ns, clock())
            if trace.is_shown:
                shown = {"trace": trace_report(trace, span_name(record), plan_of(record))}
                body = encode_response(result.data, errors, {**(extensions or {}), **shown})
        return Answer(body, True, 200, record)

    def _refusal(
        self, errors: Sequence[Exception], code: str, status: int, record: OperationRecord
    ) -> Answer:
        formatted = self.mask.format_errors(errors, record, code)
        allow = "POST" if status == 405 else None
        return Answer(encode_request_error(formatted), False, status, record, allow)


def span_of(answer: Answer) -> tuple[str, dict[str, Any]]:
    """Name and attributes of a request's own span, by the conventions for GraphQL and HTTP servers."""
    record = answer.record
    known = {
        "graphql.operation.type": record.operation_type,
        "graphql.operation.name": record.operation_name,
        "graphql.document.id": record.document_hash,
        "gateway.plan": record.cache,
        "gateway.path": record.path,
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
        "fingerprint": record.document_hash,
        "cache": record.cache,
        "path": record.path,
        "text": record.plan() if record.plan else None,
    }


def document_text(params: GraphQLParams) -> str:
    """The document of a request. Errors: ClientError(BAD_REQUEST)."""
    if not params.query:
        raise ClientError("`query` is missing.", code="BAD_REQUEST")
    return params.query


def check_whole(prepared: Prepared) -> None:
    """Errors: ClientError for what no answer in one piece can carry."""
    if prepared.is_incremental:
        raise ClientError(
            "Accept multipart/mixed or text/event-stream for @defer and @stream.",
            code="NOT_ACCEPTABLE",
        )


def check_method(prepared: Prepared, read_only: bool) -> None:
    """Errors: ClientError for what this transport does not carry."""
    if prepared.operation_type == "subscription":
        raise ClientError("Subscriptions are not served over plain HTTP.", code="BAD_REQUEST")
    if read_only and prepared.operation_type == "mutation":
        raise ClientError("Send mutations by POST.", code="METHOD_NOT_ALLOWED")


def record_operation(record: OperationRecord, prepared: Prepared, how: str) -> None:
    """Note what the log line says of a found plan."""
    record.operation_name = prepared.operation_name
    record.operation_type = prepared.operation_type
    record.document_hash = prepared.document_hash
    record.path = prepared.path
    record.cache = how
    record.plan = prepared.show
    if prepared.operation_type == "mutation":
        record.fields = prepared.root_fields

"""The path of a request, stage by stage: document → plan → variables → fetch and shape → bytes.

Each stage is a named call into the room that owns it; this file has no logic of its own and must stay
short enough to be read at one sitting.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Coroutine, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import WeakSet, ref

from graphql import ExecutionResult

from gateway.answer import (
    Answer,
    ErrorMask,
    OperationRecord,
    encode_request_error,
    encode_response,
    encode_result,
)
from gateway.context import Context
from gateway.documents.find import Documents
from gateway.errors import CODES, ClientError, RequestError
from gateway.execute.operation import coerce_variables, explain_plan, start_operation
from gateway.execute.prepare import Prepared
from gateway.execute.state import Literals, Variables
from gateway.execute.steps import mark_errors
from gateway.explain import Explain, ExplainSettings
from gateway.incremental import PayloadFormat
from gateway.language.limits import Limits, check_variables
from gateway.measures import Measures
from gateway.observer import Observer, plan_of, record_operation, span_name
from gateway.operation_log import OperationLog
from gateway.plan.cache import Found, PlanCache
from gateway.sharing import DedupeSettings, Execute, Sharing
from gateway.streams import NewContext, Stream, Streams, Subscription
from gateway.telemetry.report import show, trace_report
from gateway.telemetry.trace import ACTIVE, Trace, clock

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
        is_remembered: Whether these parameters answer later requests too: nobody changes their values.
        coerced: Of remembered ones: the plan that they were coerced for, and its variables.
    """

    query: str | None
    variables: dict[str, Any] | None = None
    operation_name: str | None = None
    extensions: dict[str, Any] | None = None
    document_id: str | None = None
    is_found: bool = False
    is_remembered: bool = False
    coerced: tuple[ref[Prepared], Variables] | None = None


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
        self.observer = Observer(measures, tracing, log)
        self.limits = limits or Limits()
        self.subscriptions: WeakSet[Stream] = WeakSet()

    async def run(self, params: GraphQLParams, context: Context, *, read_only: bool) -> Answer:
        """As `start`, awaited. Raises nothing but cancellation."""
        answer = self.start(params, context, read_only=read_only)
        return answer if isinstance(answer, Answer) else await answer

    def start(
        self, params: GraphQLParams, context: Context, *, read_only: bool
    ) -> Answer | Coroutine[Any, Any, Answer]:
        """Answer one operation: at once where there is nothing to wait for.

        Neither this nor the coroutine raises anything but cancellation.

        Args:
            params: As sent.
            context: The request's state.
            read_only: The transport is for queries only (GET).
        """
        begin = time.perf_counter()
        record = OperationRecord()
        answer: Answer | Awaitable[Answer]
        if self.explain.asks_trace(context.headers):
            context.stats.trace = show(context.stats.trace)
        try:
            if params.is_found or not self.documents.has_say(params.document_id, params.extensions):
                found = self._plan(params, context.stats.trace)
                answer = self._begin(found, params, context, record, read_only)
            else:
                answer = self._begin_named(params, context, record, read_only)
        except Exception as exc:
            answer = self.refuse(exc, record)
        if not isinstance(answer, Answer):
            return self._finish(answer, record, context, begin)
        self.observer.ended(answer, context, time.perf_counter() - begin)
        return answer

    async def _finish(
        self, coming: Awaitable[Answer], record: OperationRecord, context: Context, begin: float
    ) -> Answer:
        try:
            answer = await coming
        except Exception as exc:
            answer = self.refuse(exc, record)
        self.observer.ended(answer, context, time.perf_counter() - begin)
        return answer

    async def _begin_named(
        self, params: GraphQLParams, context: Context, record: OperationRecord, read_only: bool
    ) -> Answer:
        """As `_begin`, of a document that has to be looked up by its id."""
        found = await self.find(params, context.stats.trace)
        answer = self._begin(found, params, context, record, read_only)
        return answer if isinstance(answer, Answer) else await answer

    def _begin(
        self,
        found: Found[Prepared],
        params: GraphQLParams,
        context: Context,
        record: OperationRecord,
        read_only: bool,
    ) -> Answer | Awaitable[Answer]:
        """From a plan to its answer, or to what has to be awaited for it."""
        prepared, trace = found.value, context.stats.trace
        self.observer.found(record, prepared, found.how, context.client_name)
        check_method(prepared, read_only)
        check_whole(prepared)
        variables = self._coerce(found, params)
        explain = self.explain.asks_plan(context.headers)
        extensions = explain_plan(prepared, variables) if explain else None
        if explain == "dry-run":
            return Answer(encode_response(None, None, extensions), True, 200, record)
        execute = partial(self._execute, prepared, variables, found.literals, extensions)
        if prepared.operation_type == "mutation":
            return self._write(execute, record, context)
        is_alone = explain is not None or (trace is not None and trace.is_shown)
        text = document_text(params)
        place = None if is_alone else self.sharing.place(prepared, variables, text, context)
        if place is None:
            return execute(record, context)
        return self.sharing.fly(place, execute, record)

    async def _write(self, execute: Execute, record: OperationRecord, context: Context) -> Answer:
        with self.sharing.writing(context):
            answer = execute(record, context)
            return answer if isinstance(answer, Answer) else await answer

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
        except Exception as exc:
            return self.refuse(exc, record)
        self.subscriptions.add(stream)
        return stream

    async def find(self, params: GraphQLParams, trace: Trace | None = None) -> Found[Prepared]:
        """The plan of a request's document. Errors: ClientError, RequestError."""
        documents = self.documents
        if params.is_found or not documents.has_say(params.document_id, params.extensions):
            return self._plan(params, trace)
        text = await documents.find(params.query, params.document_id, params.extensions)
        params.query, params.is_found = text.text, True
        found = self._plan(params, trace)
        await documents.keep(text)
        return found

    def _plan(self, params: GraphQLParams, trace: Trace | None) -> Found[Prepared]:
        """The plan of a text; a trace that is given learns how it was made."""
        if params.variables and params.coerced is None:
            check_variables(params.variables, self.limits)
        text = document_text(params)
        found = self.plans.known(text, params.operation_name)
        if found is not None:
            return found
        token = ACTIVE.set(trace) if trace is not None else None
        try:
            return self.plans.find(text, params.operation_name)
        finally:
            if token is not None:
                ACTIVE.reset(token)

    def _coerce(self, found: Found[Prepared], params: GraphQLParams) -> Variables:
        """A request's variables; those of one whose parameters are remembered are coerced once."""
        if params.coerced is not None:
            of_plan, variables = params.coerced
            if of_plan() is found.value:
                return variables
        hides = not self.limits.introspection
        raw = params.variables or {}
        variables = coerce_variables(found.value, raw, found.literals, hide_suggestions=hides)
        if params.is_remembered:
            params.coerced = ref(found.value), variables
        return variables

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

    def _execute(
        self,
        prepared: Prepared,
        variables: Variables,
        literals: Literals | None,
        extensions: dict[str, Any] | None,
        record: OperationRecord,
        context: Context,
    ) -> Answer | Awaitable[Answer]:
        begin_ns = clock() if context.stats.trace is not None else 0
        encode = partial(self._encode, begin_ns, extensions, record, context)
        return start_operation(prepared, variables, context, encode, literals)

    def _encode(
        self,
        begin_ns: int,
        extensions: dict[str, Any] | None,
        record: OperationRecord,
        context: Context,
        result: ExecutionResult,
    ) -> Answer:
        trace = context.stats.trace
        shaped_ns = clock() if trace is not None else 0
        body = encode_result(result, self.mask, record, extensions)
        if trace is not None:
            if result.errors:
                mark_errors(trace)
            trace.answered(begin_ns, shaped_ns, clock())
            if trace.is_shown:
                shown = {"trace": trace_report(trace, span_name(record), plan_of(record))}
                body = encode_result(result, self.mask, record, {**(extensions or {}), **shown})
        return Answer(body, True, 200, record)

    def _refusal(
        self, errors: Sequence[Exception], code: str, status: int, record: OperationRecord
    ) -> Answer:
        formatted = self.mask.format_errors(errors, record, code)
        allow = "POST" if status == 405 else None
        return Answer(encode_request_error(formatted), False, status, record, allow)


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

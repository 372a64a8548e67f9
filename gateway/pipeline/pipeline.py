"""The path of a request, stage by stage. Each stage is a method here, and calls the room that owns the work.

1 document   text, id or hash → the text that is executed, without parsing
2 plan       a cache hit, or parse → limits → validate → plan → compile
3 variables  coerced by functions that were compiled with the plan
4 fetch      the plan's steps, level by level: each gets all parents of its level at once
5 shape      the end of the same generated function: columns → response; `encode` makes it JSON

`execute` runs 4 and 5.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable
from functools import partial
from weakref import ref

from graphql import ExecutionResult

from gateway.client.request import ClientRequest
from gateway.concurrency.awaitable import AwaitableOrValue, then
from gateway.context import Context
from gateway.documents.apps import app_of
from gateway.documents.find import Documents
from gateway.errors import ClientError
from gateway.execute.operation import coerce_variables, execute_operation
from gateway.execute.prepared import Prepared
from gateway.language.limits import Limits, check_values
from gateway.observe.observer import OperationObserver, record_operation
from gateway.pipeline.admission import Admission
from gateway.pipeline.authorize import Authorization
from gateway.pipeline.checks import check_method, check_whole, reject
from gateway.pipeline.dedupe import Sharing
from gateway.pipeline.demand import Demand
from gateway.pipeline.encode import encode, explain
from gateway.pipeline.explain import Explain
from gateway.pipeline.operation import Operation
from gateway.pipeline.overrides import OverrideChoice
from gateway.pipeline.plan_cache import PlanCache
from gateway.pipeline.view_choice import ViewChoice
from gateway.response.masking import ErrorMask
from gateway.response.record import Answer, OperationRecord
from gateway.telemetry.records import UNDER_WAY
from gateway.telemetry.report import show
from gateway.telemetry.trace import ACTIVE, Trace, clock

ENDED = (Answer, ExecutionResult)  # to ask for a union costs twice as much


class Pipeline:
    """The stages, for one schema and configuration.

    Args:
        admission: Refuses operations when the worker is overloaded.
        documents: Finds the text of a document that is sent by id or hash.
        plans: Finds or makes the plan of a document.
        sharing: Executes equal operations in flight once.
        mask: Decides what of an error the client sees.
        explain: Decides which clients are shown plans and timings.
        observer: Told of every operation.
        limits: Bounds the variables.
        authorization: Decides which fields of an operation the client may see.
        views: Says which view of the schema a client has; None where all see the whole.
        overrides: Decides which source gives fields with an `@override`, and what flags are.
        demand: Weighs operations, and takes of their clients' quotas; None where neither is asked for.
        has_streams: Whether other transports give answers that go on.

    Attributes:
        in_flight: Operations that wait for something, with the `perf_counter` of their begin.
    """

    def __init__(
        self,
        admission: Admission,
        documents: Documents,
        plans: PlanCache[Prepared],
        sharing: Sharing,
        mask: ErrorMask,
        explain: Explain,
        observer: OperationObserver,
        limits: Limits,
        authorization: Authorization,
        overrides: OverrideChoice,
        views: ViewChoice | None = None,
        demand: Demand | None = None,
        *,
        has_streams: bool = True,
    ) -> None:
        self.admission = admission
        self.documents = documents
        self.plans = plans
        self.sharing = sharing
        self.mask = mask
        self.explain = explain
        self.observer = observer
        self.limits = limits
        self.authorization = authorization
        self.views = views
        self.overrides = overrides
        self.demand = demand
        self.has_streams = has_streams
        self.in_flight: dict[Operation, float] = {}

    def run(self, operation: Operation, context: Context) -> AwaitableOrValue[Answer]:
        """Answer one operation: at once where there is nothing to wait for.

        Neither this nor the awaitable raises anything but cancellation.
        """
        begin = time.perf_counter()
        operation.context = context
        UNDER_WAY.set(ref(operation))
        if self.explain.is_open and self.explain.asks_trace(
            context.headers, self.view_of(operation.client)
        ):
            context.stats.trace = show(context.stats.trace)
        try:
            self.admission.check(operation.client.client_key)
            planned = self.document(operation, context.stats.trace)
            outcome: AwaitableOrValue[Answer | ExecutionResult]
            outcome = (
                self._dispatch(operation) if planned is operation else then(planned, self._dispatch)
            )
            if not isinstance(outcome, ENDED):
                return self._finish(operation, outcome, begin)
            answer = self._encoded(operation, outcome)
        except Exception as exc:
            answer = reject(self.mask, exc, operation.record)
        if self.demand is not None and operation.demand is not None:
            self.demand.settle(operation, answer)
        self.observer.ended(answer, context, time.perf_counter() - begin)
        return answer

    async def _finish(
        self, operation: Operation, coming: Awaitable[Answer | ExecutionResult], begin: float
    ) -> Answer:
        """The rest of an operation that has to wait for something."""
        self.admission.enter(operation.client.client_key)
        self.in_flight[operation] = begin
        try:
            answer = self._encoded(operation, await coming)
        except Exception as exc:
            answer = reject(self.mask, exc, operation.record)
        finally:
            del self.in_flight[operation]
            self.admission.leave(operation.client.client_key)
        if self.demand is not None and operation.demand is not None:
            self.demand.settle(operation, answer)
        self.observer.ended(answer, operation.context, time.perf_counter() - begin)
        return answer

    def _encoded(self, operation: Operation, outcome: Answer | ExecutionResult) -> Answer:
        if isinstance(outcome, Answer):
            return outcome
        cost = None
        if self.demand is not None and operation.demand is not None:
            cost = self.demand.counted(operation, operation.context, outcome)
        # Another client that asks the same may have a view in which it is invalid.
        is_viewed = self.views is not None and operation.client.principal.is_authenticated
        answer = encode(
            self.mask,
            operation,
            outcome,
            self.sharing.ambient,
            is_for_known=self.authorization.is_for_known or is_viewed,
        )
        answer.cost = cost
        return answer

    def document(
        self, operation: Operation, trace: Trace | None = None
    ) -> AwaitableOrValue[Operation]:
        """Stage 1, which goes on to stage 2; once for each operation. Errors: ClientError, RequestError."""
        if operation.is_planned:
            return operation
        params = operation.params
        is_named = params.document_id is not None or params.extensions is not None
        if (is_named or self.documents.trusted is not None) and self.documents.needs_lookup(
            params.document_id, params.extensions
        ):
            return self._find_document(operation, trace)
        if not params.query:
            raise ClientError("`query` is missing.", code="BAD_REQUEST")
        operation.document = params.query
        return self.plan(operation, trace)

    async def _find_document(self, operation: Operation, trace: Trace | None) -> Operation:
        params = operation.params
        text = await self.documents.resolve(params.query, params.document_id, params.extensions)
        operation.document = text.text
        operation.app = app_of(params.document_id)
        self.plan(operation, trace)
        await self.documents.keep(text)  # it has proved valid
        return operation

    def plan(self, operation: Operation, trace: Trace | None) -> Operation:
        """Stage 2; a trace that is given learns how the plan was made. Errors: ClientError, RequestError."""
        params = operation.params
        if params.variables:
            check_values(params.variables, self.limits, "variables")
        if params.extensions:
            check_values(params.extensions, self.limits, "extensions")
        view = self.view_of(operation.client)
        found = self.plans.known(operation.document, params.operation_name, view)
        if found is None:
            token = ACTIVE.set(trace)
            try:
                client_key = operation.client.client_key
                found = self.plans.lookup(
                    operation.document, params.operation_name, client_key, view
                )
            finally:
                ACTIVE.reset(token)
        operation.prepared, operation.literals = found.value, found.literals
        operation.is_planned = True
        record_operation(operation.record, found.value, found.how)
        return operation

    def view_of(self, client: ClientRequest) -> str | None:
        """The name of the view that a client has; None for the whole schema."""
        # A key whose view is not there any more sees nothing, and not everything.
        return client.principal.view if self.views is None else self.views.of(client)

    def _dispatch(self, operation: Operation) -> AwaitableOrValue[Answer | ExecutionResult]:
        """Stages 3 to 5 of a query or mutation, by its plan's variant. Errors: ClientError, RequestError."""
        if operation.prepared.is_chosen:
            return then(self.choose(operation, operation.context), self._dispatch_chosen)
        return self._dispatch_chosen(operation)

    def asks_python(self, operation: Operation) -> bool:
        """Whether a context is needed to choose the variant of its plan."""
        prepared = operation.prepared
        is_guarded = prepared.guard is not None and bool(prepared.guard.policies)
        return is_guarded or (bool(prepared.labels) and self.overrides.asks_python(operation))

    def choose(self, operation: Operation, context: Context | None) -> AwaitableOrValue[Operation]:
        """Choose the plan's variant for the client: by the labels that are on, and by what is denied. Decide its flags.

        Args:
            operation: Planned.
            context: None where `asks_python` says that nobody needs one.

        Errors: ClientError(UNCACHED_DOCUMENTS_LIMIT, BAD_REQUEST); those of the policies.
        """
        if not (operation.prepared.labels or operation.prepared.flags):
            return self.authorization.choose(operation, context)
        chosen = self.overrides.choose(operation, context)
        return then(chosen, lambda overridden: self.authorization.choose(overridden, context))

    def _dispatch_chosen(self, operation: Operation) -> AwaitableOrValue[Answer | ExecutionResult]:
        """Stages 3 to 5 of the plan's variant for the client."""
        prepared, context = operation.prepared, operation.context
        client, asked_with = operation.client, operation.params.variables
        self.observer.asked(operation.record, prepared, client, asked_with, operation.app)
        check_whole(prepared, has_streams=self.has_streams)
        if operation.read_only:
            check_method(prepared)
        self.variables(operation)
        prepared = operation.prepared  # all of it again where denials are only noted
        asked = None
        if self.explain.is_open:
            asked = self.explain.asks_plan(context.headers, self.view_of(client))
        if asked is not None and (explained := explain(operation, asked)) is not None:
            return explained
        if self.demand is not None:
            return then(self.demand.admit(operation), self._perform)
        return self._perform(operation)

    def _perform(self, operation: Operation) -> AwaitableOrValue[Answer | ExecutionResult]:
        """Stages 4 and 5: shared with equal operations where that is allowed."""
        prepared, context = operation.prepared, operation.context
        if prepared.operation_type == "mutation":
            return self.sharing.write(context, partial(self._execute_and_encode, operation))
        if operation.add_denials is not None and not prepared.denied:
            return self.execute(
                operation
            )  # its answer says what would be denied to this client alone
        trace = context.stats.trace
        if operation.extensions is not None or (trace is not None and trace.is_shown):
            return self.execute(operation)
        key = self.sharing.key_of(prepared, operation.variables, operation.document, context)
        if key is None:
            return self.execute(operation)
        return self.sharing.answer(key, operation, partial(self._execute_shared, operation))

    def variables(self, operation: Operation) -> None:
        """Stage 3: coerce the variables, compile the plan's variant for them, and note which fields are denied.

        Errors: RequestError, ClientError(UNCACHED_DOCUMENTS_LIMIT).
        """
        operation.variables = coerce_variables(
            operation.prepared,
            operation.params.variables or {},
            operation.literals,
            hide_suggestions=not self.limits.introspection,
        )
        if operation.prepared.shaping:
            coerced = operation.variables.coerced
            operation.prepared.make_variant(coerced, operation.client.client_key)
        if operation.prepared.denied:
            self.authorization.check(operation)

    def execute(self, operation: Operation) -> AwaitableOrValue[ExecutionResult]:
        """Stages 4 and 5, fetch and shape. Errors: those that belong to no field."""
        context = operation.context
        if context.stats.trace is not None:
            operation.begin_ns = clock()
        if self.demand is not None and operation.demand is not None:
            self.demand.begin(operation, context)
        result = execute_operation(
            operation.prepared, operation.variables, context, operation.literals
        )
        return result if operation.add_denials is None else then(result, operation.add_denials)

    def _execute_and_encode(self, operation: Operation) -> AwaitableOrValue[Answer]:
        return then(self.execute(operation), partial(self._encoded, operation))

    def _execute_shared(
        self, operation: Operation, record: OperationRecord, context: Context
    ) -> AwaitableOrValue[Answer]:
        return self._execute_and_encode(operation.shared(record, context))

"""Running subscriptions: from a source stream's events to encoded answers.

Each event is one execution with a context of its own. It knows no protocol; which errors a client sees is
the mask's to decide.
"""

from __future__ import annotations

import functools
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any
from weakref import ref

import orjson

from gateway.client.vary import Vary, joined, partition
from gateway.concurrency.awaitable import value_of
from gateway.context import Context
from gateway.errors import RequestError
from gateway.execute.incremental import execute_incrementally
from gateway.execute.operation import execute_operation
from gateway.execute.subscribe import event_source, open_source
from gateway.json_bytes import write_json
from gateway.observe.observer import OperationObserver
from gateway.pipeline.demand import Demand
from gateway.pipeline.feed import Feed, Stream, Tell
from gateway.pipeline.operation import Operation
from gateway.response.encoding import encode_request_error, encode_result
from gateway.response.masking import ErrorMask
from gateway.response.payloads import PayloadFormat, payloads_of
from gateway.response.record import Answer, OperationRecord
from gateway.response_headers import tell_dropped
from gateway.telemetry.records import UNDER_WAY
from gateway.upstream.caller import CallStats

NewContext = Callable[[], Awaitable[Context]]


@dataclass(slots=True)
class Subscription:
    """One subscription as it was admitted.

    Attributes:
        operation: The operation, by the schema that it is answered by now.
        new_context: Makes the state of one execution, by that schema.
        sees: What an execution that is shared sees of the client; None for all.
        opened: What was noted where the source stream was opened, and is noted by it; None before.
    """

    operation: Operation
    new_context: NewContext
    sees: Vary | None = None
    opened: CallStats | None = None

    @property
    def record(self) -> OperationRecord:
        """What the log says of it."""
        return self.operation.record

    def go_on(self, operation: Operation) -> None:
        """Go on by another schema."""
        streams = operation.serving.subscriptions.streams
        self.sees = streams.vary_of(operation)
        self.operation.become(operation)

    async def context(self) -> Context:
        """The state of one execution."""
        sees = self.sees
        context = await self.new_context()
        return context if sees is None else context.seeing(sees.view(context.client))


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Event:
    """One event that is executed, as lines of the log tell of it."""

    context: Context
    operation_name: str | None

    def log_members(self) -> Mapping[str, Any]:
        """Whose it is."""
        return {**self.context.log_members(), "operation_name": self.operation_name}


class Streams:
    """The subscriptions of one worker.

    Args:
        mask: Decides what of an error the client sees.
        max_queue: Answers that may wait for one listener of a shared stream.
        ambient: What runs beside resolvers reads of the client; None when that is not known, and nothing is shared.
        demand: Counts what events cost, and takes it of their clients' quotas; None where neither is asked for.
        observer: Told of what is delivered; None where nobody is.

    Attributes:
        feeds: The shared streams under way.
    """

    def __init__(
        self,
        mask: ErrorMask,
        max_queue: int = 100,
        ambient: Vary | None = None,
        demand: Demand | None = None,
        observer: OperationObserver | None = None,
    ) -> None:
        self._mask = mask
        self._observer = observer
        self._demand = demand
        self._max_queue = max_queue
        self._ambient = ambient
        self.feeds: dict[Hashable, Feed] = {}

    async def open(self, subscription: Subscription) -> Stream:
        """The answers to the events of a subscription. Errors: what `open_source` raises."""
        context = await subscription.new_context()
        operation = subscription.operation
        vary = self.vary_of(operation)
        if vary is None:
            return await self._open(subscription, context)
        key = self._key(operation, vary)
        feed = self.feeds.get(key)
        if feed is None:
            # It outlives whoever opens it, and what its client's transport holds.
            leading = copy(operation)
            own = Subscription(leading, functools.partial(_new_context, leading), vary)
            seen = context.seeing(vary.view(context.client))
            # Those who listen pay, and it is they who meet what it depends on.
            stream = await self._open(own, seen, is_own=False)
            feed = Feed(self.feeds, key, self._max_queue, stream, own)
        return self._stream(subscription, feed.listen(), None)

    def vary_of(self, operation: Operation) -> Vary | None:
        """What a subscription's stream and executions read of the client; None where they are one client's own."""
        source = event_source(operation.prepared, operation.variables)
        if source is None or not source.shared:
            return None
        bound = operation.prepared.bound_plan(operation.variables.coerced)
        if bound is None:
            return None
        vary = joined((source.vary, bound.vary, self._ambient))
        return vary if vary is not None and vary.may_share(operation.client) else None

    def key_of(self, operation: Operation) -> Hashable | None:
        """What subscriptions have in common that share a stream; None for one that shares none."""
        vary = self.vary_of(operation)
        return self._key(operation, vary) if vary is not None else None

    async def deliver(
        self, subscription: Subscription, context: Context, how: PayloadFormat
    ) -> Stream:
        """The payloads of a query or mutation with `@defer` or `@stream`."""
        operation = subscription.operation
        if self._demand is not None:
            self._demand.begin(operation, context, counts=False)
        result = await execute_incrementally(
            operation.prepared,
            operation.variables,
            context,
            operation.literals,
        )
        first: Any = getattr(result, "initial_result", result)
        operation.record.executed = operation.prepared.source.executed_fields(first.data)
        record = operation.record.again()
        if operation.add_denials is not None:
            operation.add_denials(first)
        _tell_dropped(context)
        payloads = payloads_of(result, self._mask, record, how)
        fail = functools.partial(_failed, subscription)
        tell = self._tell_of(operation, context.stats)
        return Stream(payloads, None, fail, operation.record.again(), tell=tell)

    async def _open(
        self, subscription: Subscription, context: Context, *, is_own: bool = True
    ) -> Stream:
        """A stream of one's own, or of all who listen."""
        # It lives as long as its client listens: its calls have their own time limits.
        context.deadline = math.inf
        subscription.opened = context.stats
        operation = subscription.operation
        source = await open_source(
            operation.prepared, operation.variables, context, operation.literals
        )
        execute = functools.partial(_executed, subscription)
        return self._stream(subscription, source, execute, is_own=is_own)

    def _key(self, operation: Operation, vary: Vary) -> Hashable:
        """What equal subscriptions have in common."""
        client = operation.client
        text = operation.literals.text if operation.literals else None
        sent = write_json(operation.variables.raw, option=orjson.OPT_SORT_KEYS)
        # Nothing declares what it reads of a WebSocket's parameters: they count as a whole.
        params = write_json(client.connection_params, option=orjson.OPT_SORT_KEYS)
        return operation.prepared, text, sent, params, partition(vary.view(client))

    def _stream(
        self,
        subscription: Subscription,
        source: AsyncIterator[Any],
        answer: Callable[[Any], Awaitable[Answer]] | None,
        *,
        is_own: bool = True,
    ) -> Stream:
        fail = functools.partial(_failed, subscription)
        operation = subscription.operation
        pay = tell = None
        if is_own and self._demand is not None:
            pay = functools.partial(self._demand.pay_event, operation)
        if is_own:
            tell = self._tell_of(operation)
        return Stream(source, answer, fail, operation.record.again(), operation, pay, tell)

    def _tell_of(self, operation: Operation, stats: CallStats | None = None) -> Tell | None:
        """What tells of answers to an operation's client; None where nobody wants to know.

        Args:
            operation: Whose.
            stats: Of the one execution that all of them are of; None where each record says it itself.
        """
        observer, client = self._observer, operation.client
        if observer is None or observer.experiments is None:
            return None

        def tell(record: OperationRecord, is_over: bool) -> None:
            if stats is not None:
                _take(record, stats)
            observer.delivered(client, record, is_over=is_over)

        return tell

    async def execute(self, subscription: Subscription, payload: Any) -> Answer:
        """One event, executed as a request of its own. Raises nothing but cancellation."""
        record = subscription.record.again()
        record.plan = None  # whoever keeps the last answer does not keep the schema
        try:
            operation = subscription.operation
            # All of one schema, whatever is served when the context is there.
            prepared, variables = operation.prepared, operation.variables
            literals, add_denials = operation.literals, operation.add_denials
            context = await subscription.context()
            event = Event(context, record.operation_name)
            UNDER_WAY.set(ref(event))
            if self._demand is not None:
                self._demand.begin(operation, context)
            executed = execute_operation(prepared, variables, context, literals, payload)
            result = await value_of(executed)
            cost = None
            if self._demand is not None:
                cost = self._demand.counted(operation, context, result)
            if add_denials is not None:
                result = add_denials(result)
        except Exception as exc:
            return self.failure(subscription, exc)
        _take(record, context.stats, *([subscription.opened] if subscription.opened else ()))
        _tell_dropped(context)
        body = encode_result(result, self._mask, record)
        return Answer(body, True, 200, record, cost=cost)

    def failure(self, subscription: Subscription, error: Exception) -> Answer:
        """The answer to an error that ends a stream."""
        record = subscription.record.again()
        errors = error.errors if isinstance(error, RequestError) else [error]
        formatted = self._mask.format_errors(errors, record, "INTERNAL_SERVER_ERROR")
        return Answer(encode_request_error(formatted), False, 500, record)


def _take(record: OperationRecord, *noted: CallStats) -> None:
    """Put into an answer's record what was met, and what Python has said since the answer before."""
    exposed = frozenset[str]().union(*(stats.exposed or () for stats in noted))
    tracked = [said for stats in noted for said in stats.tracked or ()]
    record.exposed, record.tracked = exposed or None, tracked or None
    for stats in noted:
        stats.tracked = None


def _tell_dropped(context: Context) -> None:
    """Headers that are given too late for the answer's head."""
    if context.stats.response is not None:
        lines = context.stats.response.headers.lines()
        tell_dropped(lines, "an answer of a stream")


def _executed(subscription: Subscription, payload: Any) -> Awaitable[Answer]:
    """One event, by the schema that its subscription is answered by now."""
    streams = subscription.operation.serving.subscriptions.streams
    return streams.execute(subscription, payload)


def _failed(subscription: Subscription, error: Exception) -> Answer:
    streams = subscription.operation.serving.subscriptions.streams
    return streams.failure(subscription, error)


async def _new_context(operation: Operation) -> Context:
    return await value_of(operation.serving.new_context(operation.client))

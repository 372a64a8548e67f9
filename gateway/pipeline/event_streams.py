"""Running subscriptions: from a source stream's events to encoded answers.

Each event is one execution with a context of its own. It knows no protocol; which errors a client sees is
the mask's to decide.
"""

from __future__ import annotations

import functools
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any
from weakref import ref

import orjson

from gateway.client.vary import Vary, View, joined, partition
from gateway.concurrency.awaitable import value_of
from gateway.context import Context
from gateway.errors import RequestError
from gateway.execute.incremental import execute_incrementally
from gateway.execute.operation import execute_operation
from gateway.execute.prepare import Prepared
from gateway.execute.subscribe import event_source, open_source
from gateway.graph.resolvers import EventSource
from gateway.json_bytes import write_json
from gateway.language.normalize import DocumentLiterals
from gateway.pipeline.feed import Feed, Stream
from gateway.response.encoding import encode_request_error, encode_result
from gateway.response.masking import ErrorMask
from gateway.response.payloads import PayloadFormat, payloads_of
from gateway.response.record import Answer, OperationRecord
from gateway.response_headers import tell_dropped
from gateway.runtime.request import Variables
from gateway.telemetry.records import UNDER_WAY

NewContext = Callable[[], Awaitable[Context]]


@dataclass(slots=True)
class Subscription:
    """One subscription as it was admitted.

    Attributes:
        prepared: The operation.
        variables: Coerced.
        literals: The request's own, where the plan was made from another text.
        record: What the log says of it.
        new_context: Makes the state of one execution.
        tell: Puts into a result what was denied; None for nothing.
    """

    prepared: Prepared
    variables: Variables
    literals: DocumentLiterals | None
    record: OperationRecord
    new_context: NewContext
    tell: Callable[[Any], Any] | None = None


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

    Attributes:
        feeds: The shared streams under way.
    """

    def __init__(self, mask: ErrorMask, max_queue: int = 100, ambient: Vary | None = None) -> None:
        self._mask = mask
        self._max_queue = max_queue
        self._ambient = ambient
        self.feeds: dict[Hashable, Feed] = {}

    async def open(self, subscription: Subscription) -> Stream:
        """The answers to the events of a subscription. Errors: what `open_source` raises."""
        context = await subscription.new_context()
        source = event_source(subscription.prepared, subscription.variables)
        vary = self._vary(subscription, source) if source and source.shared else None
        if vary is None:
            return await self._open(subscription, context)
        subscription.new_context = _seeing(subscription.new_context, vary)
        view = vary.view(context.client)
        context = context.seeing(view)
        key = self._key(subscription, context, view)
        feed = self.feeds.get(key)
        if feed is None:
            stream = await self._open(subscription, context)
            feed = Feed(self.feeds, key, self._max_queue, stream)
        return self._stream(subscription, feed.listen(), None)

    async def deliver(
        self, subscription: Subscription, context: Context, how: PayloadFormat
    ) -> Stream:
        """The payloads of a query or mutation with `@defer` or `@stream`."""
        result = await execute_incrementally(
            subscription.prepared,
            subscription.variables,
            context,
            subscription.literals,
        )
        record = subscription.record.again()
        if subscription.tell is not None:
            subscription.tell(getattr(result, "initial_result", result))
        _tell_dropped(context)
        return self._stream(subscription, payloads_of(result, self._mask, record, how), None)

    async def _open(self, subscription: Subscription, context: Context) -> Stream:
        """A stream of one's own."""
        # It lives as long as its client listens: its calls have their own time limits.
        context.deadline = math.inf
        source = await open_source(
            subscription.prepared, subscription.variables, context, subscription.literals
        )
        execute = functools.partial(self._execute, subscription)
        return self._stream(subscription, source, execute)

    def _vary(self, subscription: Subscription, source: EventSource) -> Vary | None:
        """What the stream and its events' executions read of the client; None when that is not known."""
        bound = subscription.prepared.code(subscription.variables.coerced).bound
        return joined((source.vary, bound.vary, self._ambient))

    def _key(self, subscription: Subscription, context: Context, view: View) -> Hashable:
        """What equal subscriptions have in common."""
        text = subscription.literals.text if subscription.literals else None
        sent = write_json(subscription.variables.raw, option=orjson.OPT_SORT_KEYS)
        # Nothing declares what it reads of a WebSocket's parameters: they count as a whole.
        params = write_json(context.connection_params, option=orjson.OPT_SORT_KEYS)
        return subscription.prepared, text, sent, params, partition(view)

    def _stream(
        self,
        subscription: Subscription,
        source: AsyncIterator[Any],
        answer: Callable[[Any], Awaitable[Answer]] | None,
    ) -> Stream:
        fail = functools.partial(self._failure, subscription)
        record = subscription.record.again()
        return Stream(source, answer, fail, record)

    async def _execute(self, subscription: Subscription, payload: Any) -> Answer:
        """One event, executed as a request of its own. Raises nothing but cancellation."""
        record = subscription.record.again()
        try:
            context = await subscription.new_context()
            event = Event(context, record.operation_name)
            UNDER_WAY.set(ref(event))
            executed = execute_operation(
                subscription.prepared,
                subscription.variables,
                context,
                subscription.literals,
                payload,
            )
            result = await value_of(executed)
            if subscription.tell is not None:
                result = subscription.tell(result)
        except Exception as exc:
            return self._failure(subscription, exc)
        _tell_dropped(context)
        return Answer(encode_result(result, self._mask, record), True, 200, record)

    def _failure(self, subscription: Subscription, error: Exception) -> Answer:
        record = subscription.record.again()
        errors = error.errors if isinstance(error, RequestError) else [error]
        formatted = self._mask.format_errors(errors, record, "INTERNAL_SERVER_ERROR")
        return Answer(encode_request_error(formatted), False, 500, record)


def _tell_dropped(context: Context) -> None:
    """Headers that are given too late for the answer's head."""
    if context.stats.response is not None:
        lines = context.stats.response.headers.lines()
        tell_dropped(lines, "an answer of a stream")


def _seeing(new_context: NewContext, vary: Vary) -> NewContext:
    """`new_context` for an execution that is shared: it sees nothing that may differ."""

    async def seeing() -> Context:
        context = await new_context()
        return context.seeing(vary.view(context.client))

    return seeing

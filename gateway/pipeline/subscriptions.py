"""Operations over a transport that carries several answers: subscriptions, `@defer` and `@stream`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from weakref import WeakSet, ref

from gateway.concurrency.awaitable import value_of
from gateway.errors import ClientError, RequestError
from gateway.execute.prepared import Prepared
from gateway.observe.measures import Measures
from gateway.pipeline.checks import check_method, reject
from gateway.pipeline.event_streams import NewContext, Streams, Subscription
from gateway.pipeline.feed import Stream
from gateway.pipeline.handover import Ending, hand_over
from gateway.pipeline.operation import Operation
from gateway.pipeline.pipeline import Pipeline
from gateway.pipeline.serving import Serving
from gateway.response.payloads import PayloadFormat
from gateway.response.record import Answer
from gateway.response_headers import tell_dropped
from gateway.telemetry.catalogue import SUBSCRIPTIONS
from gateway.telemetry.metrics import Sample
from gateway.telemetry.records import UNDER_WAY


class _Latest:
    """What is served now, as all schemas of a worker know it: none of them holds those between.

    Attributes:
        served: That; None before the first took the place of another.
    """

    def __init__(self) -> None:
        self.served: tuple[Subscriptions, Serving] | None = None


class Subscriptions:
    """The operations of one worker whose answers go on.

    Args:
        pipeline: The stages.
        streams: Runs the source streams.
        measures: Told of every operation.

    Attributes:
        open: The streams under way.
        ending: Subscriptions of the schema before that could not go on by this one.
    """

    def __init__(self, pipeline: Pipeline, streams: Streams, measures: Measures | None) -> None:
        self.pipeline = pipeline
        self.streams = streams
        self.measures = measures
        self.open: WeakSet[Stream] = WeakSet()
        self._latest = _Latest()
        self.ending = Ending()

    @property
    def after(self) -> tuple[Subscriptions, Serving] | None:
        """What its subscriptions go on by; None while it is what is served."""
        found = self._latest.served
        return None if found is None or found[0] is self else found

    def samples(self) -> Iterator[Sample]:
        """What is open, for metrics."""
        yield SUBSCRIPTIONS, (), len(self.open)

    async def answer(
        self, operation: Operation, new_context: NewContext, payloads: PayloadFormat = "current"
    ) -> Answer | Stream:
        """Answer an operation.

        A query or mutation gives one answer, and so does a subscription that is rejected. Raises nothing but
        cancellation, and neither does the stream.

        Args:
            operation: The client's.
            new_context: Makes the state of one execution: the source stream's, and each event's.
            payloads: Of incremental delivery.
        """
        pipeline = self.pipeline
        UNDER_WAY.set(ref(operation))
        try:
            pipeline.admission.check(operation.client.client_key)
            await value_of(pipeline.document(operation))
            prepared = operation.prepared
            if prepared.operation_type != "subscription" and not prepared.is_incremental:
                answer = await value_of(pipeline.run(operation, await new_context()))
                tell_dropped(answer.headers, "an answer of a stream")
                return answer
            stream = await self.begin(operation, new_context, payloads)
        except Exception as exc:
            return reject(pipeline.mask, exc, operation.record)
        if isinstance(stream, Answer):
            return stream
        self.open.add(stream)
        if self.after is not None:
            await self._hand_over_late(stream)
        return stream

    async def begin(
        self, operation: Operation, new_context: NewContext, payloads: PayloadFormat
    ) -> Answer | Stream:
        """Open the stream of an operation that is planned, or reject it. Errors: those of its stages."""
        pipeline, prepared = self.pipeline, operation.prepared
        context = await new_context() if pipeline.asks_python(operation) else None
        await value_of(pipeline.choose(operation, context))
        if operation.read_only:
            check_method(prepared)
        try:
            pipeline.variables(operation)
        except RequestError as exc:
            return await self._refused(operation, exc, new_context)
        if pipeline.demand is not None:
            await value_of(pipeline.demand.admit(operation))
        is_write = prepared.operation_type == "mutation"
        if operation.record.denied or is_write:
            pipeline.observer.began(operation.record, await new_context(), "begun")
        with pipeline.admission.place(operation.client.client_key):
            stream = await self._open(operation, new_context, payloads)
        if self.measures is not None:
            self.measures.usage.count(
                prepared, operation.client, operation.params.variables, operation.app
            )
        return stream

    async def _refused(
        self, operation: Operation, why: RequestError, new_context: NewContext
    ) -> Answer:
        """The answer where nothing of an operation is left. It is noted who asked."""
        answer = reject(self.pipeline.mask, why, operation.record)
        if operation.record.denied:
            self.pipeline.observer.began(operation.record, await new_context(), "refused")
        return answer

    async def take_over(self, before: Subscriptions, serving: Serving, spread_s: float) -> Ending:
        """Let the open subscriptions of the schema before go on by this one.

        Args:
            before: Of that schema.
            serving: This schema.
            spread_s: Over how many seconds those end that cannot go on.
        """
        before.ending.hurry()
        latest = before._latest if self._latest.served is None else self._latest
        latest.served = self, serving
        self._latest = before._latest = latest
        self.ending = await hand_over(before, self, serving)
        self.ending.spread(spread_s)
        return self.ending

    async def _hand_over_late(self, stream: Stream) -> None:
        """Another schema is served since this subscription was asked for."""
        subscriptions: Subscriptions = self
        while subscriptions.after is not None:
            after, serving = subscriptions.after
            (await hand_over(subscriptions, after, serving, stream)).spread(0)
            if stream not in after.open:
                return
            subscriptions = after

    async def _open(
        self, operation: Operation, new_context: NewContext, payloads: PayloadFormat
    ) -> Stream:
        prepared = operation.prepared
        subscription = Subscription(operation, new_context)
        if prepared.operation_type == "subscription":
            return await self.streams.open(subscription)
        context = await new_context()
        is_write = prepared.operation_type == "mutation"
        with context.upstream.reads.writing if is_write else nullcontext():
            return await self.streams.deliver(subscription, context, payloads)


async def operation_type(operation: Operation) -> str | None:
    """What kind of operation this is, "incremental" among them; None when its document is rejected."""
    try:
        return kind_of((await value_of(operation.serving.pipeline.document(operation))).prepared)
    except (ClientError, RequestError):
        return None


def kind_of(prepared: Prepared) -> str | None:
    """The operation's type, or "incremental"."""
    return "incremental" if prepared.is_incremental else prepared.operation_type

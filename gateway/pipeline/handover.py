"""Subscriptions over a change of the schema: which go on, by which plan, and which end.

The source stream of each stays. Its operation is looked at as a new one: validated, planned, authorized, its variables
coerced; the next event is answered by that. What cannot go on ends with one error that says why.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gateway.concurrency.awaitable import value_of
from gateway.errors import ClientError, RequestError
from gateway.execute.subscribe import source_signature
from gateway.pipeline.feed import Feed, Stream
from gateway.pipeline.operation import Operation
from gateway.pipeline.refusals import is_for_now
from gateway.pipeline.serving import Serving
from gateway.pipeline.taken_away import is_taken_away

if TYPE_CHECKING:
    from gateway.pipeline.subscriptions import Subscriptions

logger = logging.getLogger("gateway.reload")
PER_TURN = 20
"""Subscriptions that are looked at in one turn of the event loop: half a millisecond."""


class CannotGoOnError(Exception):
    """Why a subscription ends."""


@dataclass(slots=True)
class Ending:
    """The streams that end because of one change, spread over a time.

    Attributes:
        moved: How many go on.
        streams: Those that are to end, and with what, before they are spread.
        denied: Those of them that their client may not have any more.
        timers: Of those that have not ended yet.
        feeds: The streams of many that go on, by what their listeners have in common now.
    """

    moved: int = 0
    streams: list[tuple[Stream, ClientError]] = field(default_factory=list)
    denied: set[Stream] = field(default_factory=set)
    timers: dict[Stream, tuple[asyncio.TimerHandle, ClientError]] = field(default_factory=dict)
    feeds: dict[Feed, Hashable] = field(default_factory=dict)

    def spread(self, over_s: float) -> None:
        """End them one after the other, the last when this time has passed; those that are denied at once."""
        loop = asyncio.get_running_loop()
        for number, (stream, error) in enumerate(self.streams):
            wait_s = 0.0 if stream in self.denied else over_s * (number + 1) / len(self.streams)
            self.timers[stream] = loop.call_later(wait_s, self._end, stream, error), error
        self.streams = []
        self.denied.clear()

    def hurry(self) -> None:
        """End the rest now."""
        for stream, (timer, error) in list(self.timers.items()):
            timer.cancel()
            self._end(stream, error)
        self.feeds = {}

    def _end(self, stream: Stream, error: ClientError) -> None:
        """It is not held any longer than it lives: it holds its schema."""
        del self.timers[stream]
        stream.end(error)


async def hand_over(
    before: Subscriptions,
    after: Subscriptions,
    serving: Serving,
    late: Stream | None = None,
) -> Ending:
    """Let the open subscriptions of one schema go on by another.

    Args:
        before: Of the schema that was served.
        after: Of the one that is served now.
        serving: That one.
        late: The one that was opened meanwhile, where the others have been handed over.
    """
    found = Ending(feeds=after.ending.feeds)
    shared: dict[Feed, list[tuple[Stream, Operation]]] = {}
    for number, stream in enumerate([late] if late is not None else list(before.open)):
        if number % PER_TURN == PER_TURN - 1:
            await asyncio.sleep(0)
        if stream.operation is None or stream.is_over:
            continue  # an answer in parts ends by itself
        try:
            operation = await _planned(stream.operation, serving)
        except Exception as exc:  # a policy is the user's code; the others go on
            if not isinstance(exc, ClientError | RequestError | CannotGoOnError):
                logger.exception("a subscription ends")
            found.streams.append((stream, _ended(exc)))
            continue
        feed = stream.feed
        if feed is None:
            _move(stream, operation, before, after)
            found.moved += 1
        else:
            shared.setdefault(feed, []).append((stream, operation))
    for feed, listeners in shared.items():
        _move_feed(feed, listeners, before, after, found)
    for number, (stream, _) in enumerate(found.streams):
        if number % PER_TURN == PER_TURN - 1:
            await asyncio.sleep(0)
        if stream.operation is not None and await _is_taken_away(stream.operation, serving):
            found.denied.add(stream)
    return found


async def _is_taken_away(operation: Operation, serving: Serving) -> bool:
    """Whether the client of a subscription may not have what it still gets; so where that cannot be decided."""
    try:
        return await is_taken_away(operation, serving)
    except Exception:
        logger.exception("a policy fails: a subscription ends at once")
        return True


def _move_feed(
    feed: Feed,
    listeners: list[tuple[Stream, Operation]],
    before: Subscriptions,
    after: Subscriptions,
    found: Ending,
) -> None:
    """Let a stream that many listen to go on for the most of them whom the new plan does not tell apart."""
    groups: dict[Hashable, list[tuple[Stream, Operation]]] = {}
    for stream, operation in listeners:
        groups.setdefault(after.streams.key_of(operation), []).append((stream, operation))
    error = CannotGoOnError("it is not shared any more with those that it was shared with")
    found.streams += [(stream, _ended(error)) for stream, _ in groups.pop(None, ())]
    for key, members in sorted(groups.items(), key=lambda group: -len(group[1])):
        if found.feeds.setdefault(feed, key) != key:
            found.streams += [(stream, _ended(error)) for stream, _ in members]
            continue
        feed.move(key, members[0][1], before.streams.feeds, after.streams.feeds)
        for stream, operation in members:
            _move(stream, operation, before, after)
        found.moved += len(members)


def _move(
    stream: Stream, operation: Operation, before: Subscriptions, after: Subscriptions
) -> None:
    assert stream.operation is not None
    stream.operation.become(operation)
    stream.record.plan = operation.record.plan
    before.open.discard(stream)
    after.open.add(stream)


async def _planned(old: Operation, serving: Serving) -> Operation:
    """The same operation by another schema. Errors: ClientError, RequestError, CannotGoOnError."""
    pipeline = serving.pipeline
    operation = Operation(old.params, old.client, serving, read_only=old.read_only)
    operation.document = old.document
    # Nobody is charged for what the operator's change has made necessary.
    view = pipeline.view_of(old.client)
    pipeline.plans.lookup(old.document, old.params.operation_name, view=view)
    pipeline.plan(operation, None)
    is_asked = pipeline.asks_python(operation)
    context = await value_of(serving.new_context(old.client)) if is_asked else None
    await value_of(pipeline.choose(operation, context))
    await _coerced(operation, serving)
    if pipeline.demand is not None:
        operation.demand = pipeline.demand.weigh(operation)
    if source_signature(operation.prepared, operation.variables) != source_signature(
        old.prepared, old.variables
    ):
        raise CannotGoOnError("its arguments mean another stream of events")
    return operation


async def _coerced(operation: Operation, serving: Serving) -> None:
    """Coerce its variables; where its client has had too many plans made, later. Errors: ClientError, RequestError."""
    wait_s = 0.1
    while True:
        try:
            serving.pipeline.variables(operation)
        except ClientError as exc:
            if not is_for_now(exc) or wait_s > 2:
                raise
            await asyncio.sleep(wait_s)
            wait_s *= 2
        else:
            return


def _ended(why: Exception) -> ClientError:
    """What a client is told whose subscription ends."""
    if isinstance(why, RequestError):
        reason = why.errors[0].message
    elif isinstance(why, CannotGoOnError):
        reason = str(why)
    else:
        reason = why.message if isinstance(why, ClientError) else "it cannot be answered by it"
    return ClientError(
        f"The schema has changed, and this subscription ends: {reason}",
        code="SUBSCRIPTION_SCHEMA_RELOAD",
    )

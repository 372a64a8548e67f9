"""A subscription's answers as a stream, and one source stream that many listen to.

It executes nothing: answers are made by whoever opens the stream.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from typing import TYPE_CHECKING, Any

from gateway.broker.mailbox import Mailbox
from gateway.concurrency.awaitable import AwaitableOrValue, value_of
from gateway.response.record import MAX_NOTED, Answer, OperationRecord

if TYPE_CHECKING:
    from gateway.pipeline.event_streams import Subscription
    from gateway.pipeline.operation import Operation

Tell = Callable[[OperationRecord, bool], None]
"""Told of a record, and whether it is that of the whole, which is over."""


class Stream(AsyncIterator[Answer]):
    """The answers of a subscription. Whoever opens it closes it.

    Args:
        source: Gives payloads, or answers that were made for all who share them.
        answer: Makes the answer to a payload; None where `source` gives answers.
        fail: The answer to an error that ends the stream.
        record: What the log says of it.
        operation: The subscription; None where its end is known from the start.
        pay: Takes what an answer has cost of the client's quota, before it is given; None where nothing is taken.
        tell: Told of the record of each answer, and at the end of that of the whole; None where nobody wants to know.

    Attributes:
        is_over: Whether nothing more comes.
        fail: As given.
    """

    __slots__ = (
        "__weakref__", "_answer", "_ended_by", "_pay", "_source", "_tell", "_waiting", "fail", "is_over", "operation",
        "record",
    )  # fmt: skip

    def __init__(
        self,
        source: AsyncIterator[Any],
        answer: Callable[[Any], Awaitable[Answer]] | None,
        fail: Callable[[Exception], Answer],
        record: OperationRecord,
        operation: Operation | None = None,
        pay: Callable[[Answer], AwaitableOrValue[None]] | None = None,
        tell: Tell | None = None,
    ) -> None:
        self.operation = operation
        self._tell = tell
        self._pay = pay
        self._ended_by: Exception | None = None
        self._waiting: asyncio.Task[Any] | None = None
        self._source = source
        self._answer = answer
        self.fail = fail
        self.is_over = False
        self.record = record

    @property
    def feed(self) -> Feed | None:
        """The stream of many that it listens to; None for one of its own."""
        return self._source.feed if isinstance(self._source, Listener) else None

    def end(self, error: Exception) -> None:
        """End it with an error; what has come before is still given, and an event that is executed is answered."""
        if isinstance(self._source, Mailbox | Listener):
            self._source.end(error)
            return
        self._ended_by = error
        if self._waiting is not None:
            self._waiting.cancel()  # the user's generator ends as it does when a client leaves

    async def _next(self) -> Any:
        """The next of the source. Errors: what `end` was told, and those of the source."""
        self._check_end()
        self._waiting = asyncio.current_task()
        try:
            return await anext(self._source)
        except asyncio.CancelledError:
            if self._takes_cancellation():
                self._check_end()
            raise
        finally:
            self._waiting = None

    def _takes_cancellation(self) -> bool:
        """Whether it was `end` that has cancelled the task, and nobody else."""
        task = self._waiting
        return self._ended_by is not None and task is not None and not task.uncancel()

    def _check_end(self) -> None:
        """Errors: what `end` was told."""
        if self._ended_by is not None:
            raise self._taken_end() from None

    def _taken_end(self) -> Exception:
        """What `end` was told; once. No frame that it is raised through holds it: that would be a circle."""
        error, self._ended_by = self._ended_by, None
        assert error is not None
        return error

    async def __anext__(self) -> Answer:
        if self.is_over:
            raise StopAsyncIteration
        try:
            answer = await self._next()
            if self._answer is not None:
                answer = await self._answer(answer)
            if self._pay is not None and answer.has_data:
                await value_of(self._pay(answer))
        except StopAsyncIteration:
            self.is_over = True
            if self._tell is not None:
                self._tell(self.record, True)
            raise
        except Exception as exc:
            self.is_over = True
            answer = self.fail(exc)
        if answer.record.error_codes:
            self._note(answer.record)
        if self._tell is not None:
            self._tell(answer.record, False)
        assert isinstance(answer, Answer)
        return answer

    def _note(self, new: OperationRecord) -> None:
        self.record.blame(new.fault)
        for mine, others in (
            (self.record.error_codes, new.error_codes),
            (self.record.error_ids, new.error_ids),
        ):
            mine += [item for item in others if item not in mine][: MAX_NOTED - len(mine)]

    async def aclose(self) -> None:
        """Leave the source stream; one of the user's own need not have an end."""
        self.is_over = True
        close = getattr(self._source, "aclose", None)
        if close is not None:
            await close()


class Feed:
    """One source stream that many listen to: each event is executed once, and its bytes are shared.

    It ends with its last listener.

    Args:
        feeds: Where it is found by its key, as long as it can be joined.
        key: What its listeners have in common.
        max_queue: Answers that may wait for one of them.
        stream: The answers.
        subscription: By which they are made.
    """

    def __init__(
        self,
        feeds: dict[Hashable, Feed],
        key: Hashable,
        max_queue: int,
        stream: Stream,
        subscription: Subscription,
    ) -> None:
        self._feeds = feeds
        self._key = key
        self._max_queue = max_queue
        self._stream = stream
        self._subscription = subscription
        self._listeners: dict[Mailbox[Answer], None] = {}
        self._ending: asyncio.Task[None] | None = None
        feeds[key] = self
        self._task = asyncio.create_task(self._pump())

    def move(
        self,
        key: Hashable,
        operation: Operation,
        before: dict[Hashable, Feed],
        after: dict[Hashable, Feed],
    ) -> None:
        """Go on by another schema.

        Args:
            key: What its listeners have in common by that one.
            operation: The same one, planned by it.
            before, after: Where it was found, and where it is found from now on.
        """
        if before.get(self._key) is self:
            del before[self._key]
        self._feeds, self._key = after, key
        after.setdefault(key, self)
        self._subscription.go_on(operation)
        self._stream.record.plan = operation.record.plan

    def listen(self) -> Listener:
        """Join."""
        mailbox: Mailbox[Answer] = Mailbox(self._max_queue, self._leave)
        self._listeners[mailbox] = None
        return Listener(self, mailbox)

    async def ended(self) -> None:
        """Wait until the source stream has ended, where nobody listens any more."""
        if self._ending is not None:
            await asyncio.shield(self._ending)

    async def _pump(self) -> None:
        async for answer in self._stream:
            for mailbox in list(self._listeners):
                mailbox.put(answer)
        for mailbox in list(self._listeners):
            mailbox.close()

    def _leave(self, mailbox: Mailbox[Answer]) -> None:
        del self._listeners[mailbox]
        if not self._listeners:
            # Who comes now needs a stream of its own.
            if self._feeds.get(self._key) is self:
                del self._feeds[self._key]
            self._ending = asyncio.create_task(self._end())

    async def _end(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        del self._task  # how it was cancelled holds its frames, which hold this
        await self._stream.aclose()


class Listener(AsyncIterator[Answer]):
    """One of those who listen to a feed. The last one waits for the end of the source stream."""

    __slots__ = ("_mailbox", "feed")

    def __init__(self, feed: Feed, mailbox: Mailbox[Answer]) -> None:
        self.feed = feed
        self._mailbox = mailbox

    async def __anext__(self) -> Answer:
        return await anext(self._mailbox)

    def end(self, error: Exception) -> None:
        """End it with an error, behind what waits."""
        self._mailbox.end(error)

    async def aclose(self) -> None:
        """Leave."""
        await self._mailbox.aclose()
        await self.feed.ended()

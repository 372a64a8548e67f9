"""A subscription's answers as a stream, and one source stream that many listen to.

It executes nothing: answers are made by whoever opens the stream.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from typing import Any

from gateway.broker.mailbox import Mailbox
from gateway.response.record import MAX_NOTED, Answer, OperationRecord


class Stream(AsyncIterator[Answer]):
    """The answers of a subscription. Whoever opens it closes it.

    Args:
        source: Gives payloads, or answers that were made for all who share them.
        answer: Makes the answer to a payload; None where `source` gives answers.
        fail: The answer to an error that ends the stream.
        record: What the log says of it.
    """

    __slots__ = ("__weakref__", "_answer", "_fail", "_is_over", "_source", "record")

    def __init__(
        self,
        source: AsyncIterator[Any],
        answer: Callable[[Any], Awaitable[Answer]] | None,
        fail: Callable[[Exception], Answer],
        record: OperationRecord,
    ) -> None:
        self._source = source
        self._answer = answer
        self._fail = fail
        self._is_over = False
        self.record = record

    async def __anext__(self) -> Answer:
        if self._is_over:
            raise StopAsyncIteration
        try:
            answer = await anext(self._source)
            if self._answer is not None:
                answer = await self._answer(answer)
        except StopAsyncIteration:
            self._is_over = True
            raise
        except Exception as exc:
            self._is_over = True
            answer = self._fail(exc)
        if answer.record.error_codes:
            self._note(answer.record)
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
        self._is_over = True
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
    """

    def __init__(
        self, feeds: dict[Hashable, Feed], key: Hashable, max_queue: int, stream: Stream
    ) -> None:
        self._feeds = feeds
        self._key = key
        self._max_queue = max_queue
        self._stream = stream
        self._listeners: dict[Mailbox[Answer], None] = {}
        self._ending: asyncio.Task[None] | None = None
        feeds[key] = self
        self._task = asyncio.create_task(self._pump())

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
        await self._stream.aclose()


class Listener(AsyncIterator[Answer]):
    """One of those who listen to a feed. The last one waits for the end of the source stream."""

    __slots__ = ("_feed", "_mailbox")

    def __init__(self, feed: Feed, mailbox: Mailbox[Answer]) -> None:
        self._feed = feed
        self._mailbox = mailbox

    async def __anext__(self) -> Answer:
        return await anext(self._mailbox)

    async def aclose(self) -> None:
        """Leave."""
        await self._mailbox.aclose()
        await self._feed.ended()

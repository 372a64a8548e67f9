"""Asking all workers of a server something, and hearing what each of them says.

A question reaches the workers that there is a link to when it is asked. One that dies before it answers is not waited
for; one that hangs is, until the time is up.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from gateway.broker.mailbox import EventsLostError
from gateway.broker.port import Broker
from gateway.broker.unix import UnixBroker

logger = logging.getLogger("gateway.workers")
ASKED = "gateway:asked"
ANSWERED = "gateway:answered"
"""Topics; no schema's has a colon."""
LOOK_EVERY_S = 0.1


class RefusedQuestionError(Exception):
    """A question that makes no sense; whoever asks is told why."""


Answer = Callable[[Any], Awaitable[Any]]


@dataclass(slots=True)
class Answers:
    """What the workers said.

    Attributes:
        said: By the worker's name.
        failed: Why one could not.
        silent: Those that said nothing in time.
        gone: Those that died before they had answered.
    """

    said: dict[str, Any] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)

    @property
    def is_whole(self) -> bool:
        """Whether every worker that lives has answered."""
        return not (self.failed or self.silent)


class WorkerCalls:
    """One worker's way to ask the others, and to be asked.

    Args:
        broker: Reaches the workers of this server, and nobody else.

    Attributes:
        name: This worker's.
    """

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self.name = broker.name.decode() if isinstance(broker, UnixBroker) else secrets.token_hex(8)
        self._known: dict[str, Answer] = {}
        self._open: dict[str, tuple[Answers, asyncio.Event]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, what: str, answer: Answer) -> None:
        """Answer a question from now on. What is raised is told to whoever asks."""
        self._known[what] = answer

    def open(self) -> None:
        """Listen, from this moment on."""
        for topic, hear in ((ASKED, self._hear_question), (ANSWERED, self._hear_answer)):
            # At once: whoever asks next hears its own question too.
            self._spawn(self._listen(topic, hear, self._broker.subscribe(topic)))

    async def aclose(self) -> None:
        """Listen no more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def others(self) -> set[str]:
        """The other workers that there is a link to."""
        broker = self._broker
        return {peer.decode() for peer in broker.peers} if isinstance(broker, UnixBroker) else set()

    async def ask(self, what: str, payload: Any, timeout_s: float) -> Answers:
        """Ask every worker, this one included."""
        answers, id_ = Answers(), secrets.token_hex(8)
        asked, changed = self.others, asyncio.Event()
        self._open[id_] = answers, changed
        try:
            await self._broker.publish(
                ASKED, {"id": id_, "by": self.name, "what": what, "payload": payload}
            )
            # The publisher hears its own question, as any listener of the topic.
            await self._wait(answers, {*asked, self.name}, changed, timeout_s)
        finally:
            del self._open[id_]
        return answers

    async def _wait(
        self, answers: Answers, asked: set[str], changed: asyncio.Event, timeout_s: float
    ) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + timeout_s
        while left := asked - answers.said.keys() - answers.failed.keys() - answers.gone:
            answers.gone |= left - self.others - {self.name}
            if loop.time() >= due:
                answers.silent = left - answers.gone
                return
            try:
                async with asyncio.timeout(LOOK_EVERY_S):
                    await changed.wait()
            except TimeoutError:
                continue
            changed.clear()

    async def _listen(
        self, topic: str, hear: Callable[[Any], None], mailbox: AsyncIterator[Any]
    ) -> None:
        while True:
            try:
                async for event in mailbox:
                    hear(event)
            except EventsLostError:
                logger.warning("messages of other workers were lost; whoever asked asks in vain")
                mailbox = self._broker.subscribe(topic)
            else:
                return

    def _hear_question(self, event: Any) -> None:
        self._spawn(self._answer(event))

    async def _answer(self, event: Any) -> None:
        answer = {"id": event["id"], "by": self.name, "to": event["by"]}
        try:
            answer["said"] = await self._known[event["what"]](event["payload"])
        except RefusedQuestionError as exc:
            answer["failed"] = str(exc)
        except Exception as exc:
            logger.exception("%s could not be answered", event["what"])
            answer["failed"] = str(exc) or type(exc).__name__
        await self._broker.publish(ANSWERED, answer)

    def _hear_answer(self, event: Any) -> None:
        known = self._open.get(event["id"]) if event["to"] == self.name else None
        if known is None:
            return
        answers, changed = known
        if "failed" in event:
            answers.failed[event["by"]] = event["failed"]
        else:
            answers.said[event["by"]] = event["said"]
        changed.set()

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

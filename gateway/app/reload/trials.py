"""A canary over all workers of a server: every worker serves it, one of them looks what becomes of it.

    begin ─► each worker serves both ─► every second: outcomes of all workers ─┬─ not known yet
                                                                               ├─ too many errors ─► returned
                                                                               └─ the window is over ─► promoted

That it is tried, and until when, is written down: a worker that starts meanwhile takes part, and one that missed the
word of its end finds it there. Whoever looks may die: another worker does it then.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

from gateway.app.reload.canary import Trial, Verdict, samples_of
from gateway.app.reload.part import ABANDON, COMMIT, Part
from gateway.app.reload.revisions import RefusedError
from gateway.app.reload.shelf import BusyError, Shelf
from gateway.broker.calls import Answers, WorkerCalls
from gateway.concurrency.looking import Looking
from gateway.observe.compared import OutcomesByClient
from gateway.telemetry.catalogue import CANARY_PERCENT
from gateway.telemetry.metrics import Sample

logger = logging.getLogger("gateway.reload")
TRY, OUTCOMES = "reload.try", "reload.outcomes"
LOOK_EVERY_S = 1.0
TIMEOUT_S = 30.0


class Trials:
    """One worker's part in canaries, and how any of them leads one.

    Args:
        part: Its part in reloads.
        calls: Reaches the others.
        shelf: What they have in common.
        results: Counts how they ended.
    """

    def __init__(self, part: Part, calls: WorkerCalls, shelf: Shelf, results: Counter[str]) -> None:
        self._part = part
        self._revisions = part.revisions
        self._calls = calls
        self._shelf = shelf
        self._results = results
        self._looking = Looking(self.look, lambda: LOOK_EVERY_S, "the canary", logger)
        calls.add(TRY, self._try)
        calls.add(OUTCOMES, self._outcomes)

    @property
    def current(self) -> Trial | None:
        """What is tried; None where nothing is."""
        return self._shelf.trial()

    def samples(self) -> Iterator[Sample]:
        """The values now, for metrics."""
        canary = self._revisions.canary
        yield CANARY_PERCENT, (), canary.percent if canary is not None else 0
        yield from samples_of(self._revisions.compared)

    async def take_part(self) -> None:
        """Serve what is tried while this worker starts."""
        trial = self._shelf.trial()
        if trial is not None:
            await self._try(trial.digest)

    async def aclose(self) -> None:
        """Take part no more."""
        await self._looking.stop()

    async def begin(self, trial: Trial) -> int:
        """Have every worker serve what it has prepared to some of its clients. Gives how many do."""
        self._shelf.begin_trial(trial)
        answers = await self._calls.ask(TRY, trial.digest, TIMEOUT_S)
        return sum(answers.said.values())

    async def end(self, verdict: Verdict) -> Answers:
        """End what is tried, in every worker."""
        trial = self._shelf.trial()
        assert trial is not None
        if verdict == "promoted":
            inputs = await asyncio.to_thread(self._shelf.take, trial.digest)
            await asyncio.to_thread(self._shelf.decide, inputs)
        self._shelf.end_trial()
        what = COMMIT if verdict == "promoted" else ABANDON
        answers = await self._calls.ask(what, trial.digest, TIMEOUT_S)
        self._results[verdict] += 1
        return answers

    async def look(self) -> bool:
        """End what is tried where that is due, or was missed. False where nothing is."""
        canary, trial = self._revisions.canary, self._shelf.trial()
        if canary is None:
            return False
        if trial is None or trial.digest != canary.after.digest:
            await self._part.settle(canary.after.digest)
            return True
        if self._shelf.take_office("judge"):
            try:
                with self._shelf.turn():
                    await self._judge(trial)
            except BusyError:
                pass  # a reload, which may end it
        return True

    async def _judge(self, trial: Trial) -> None:
        answers = await self._calls.ask(OUTCOMES, trial.digest, TIMEOUT_S)
        canary, others = OutcomesByClient(), OutcomesByClient()
        for said in answers.said.values():
            if said is not None:
                canary.add_rows(said["canary"])
                others.add_rows(said["others"])
        verdict = trial.verdict(canary, others, time.monotonic())
        if verdict is None or self._shelf.trial() != trial:
            return
        await self.end(verdict)
        level = logging.ERROR if verdict == "returned" else logging.INFO
        message = "reload: the canary %s is %s: %s had errors, and %s of the other clients"
        logger.log(level, message, trial.digest, verdict, canary, others)

    async def _try(self, digest: str) -> int:
        """Serve it to some clients: 1 where this worker does, 0 of one that serves nobody or cannot."""
        trial = self._shelf.trial()
        if trial is None or trial.digest != digest or not await self._is_prepared(digest):
            return 0
        self._revisions.begin_canary(trial.percent)
        self._looking.begin()
        return 1

    async def _is_prepared(self, digest: str) -> bool:
        if not self._part.serves:
            return False
        self._part.stop_deciding()
        prepared = self._revisions.prepared
        if prepared is not None and prepared.served.digest == digest:
            return True
        try:
            await self._revisions.prepare(await asyncio.to_thread(self._shelf.take, digest))
        except RefusedError as exc:
            logger.error("what the other workers try cannot be served: %s", exc)  # noqa: TRY400
            return False
        return True

    async def _outcomes(self, digest: str) -> dict[str, Any] | None:
        canary = self._revisions.canary
        if canary is None or canary.after.digest != digest:
            return None
        return {name: outcomes.rows() for name, outcomes in canary.outcomes.items()}

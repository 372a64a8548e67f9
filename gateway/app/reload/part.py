"""One worker's part in a reload, whoever leads it: prepare, swap or drop, and look up what was decided."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from gateway.app.config import Config
from gateway.app.reload.effects import ConfigChange, Effect, changes_between
from gateway.app.reload.inputs import Inputs
from gateway.app.reload.revisions import RefusedError, Revisions
from gateway.app.reload.shelf import Shelf
from gateway.app.reload.successors import Successors
from gateway.broker.calls import WorkerCalls

logger = logging.getLogger("gateway.reload")
PREPARE, COMMIT, ABANDON = "reload.prepare", "reload.commit", "reload.abandon"
LACKING = "reload.lacking"
PYTHON_FILES = "the Python files"
PACKAGES = "the installed packages"


class Part:
    """What one worker does in a reload when it is asked.

    Args:
        started: The configuration that this process began with: what needs a restart is compared with it.
        revisions: What this worker serves.
        calls: Reaches the others.
        shelf: What they have in common.
        successors: Whether this worker serves yet.

    Attributes:
        revisions: What this worker serves.
        started: The configuration that this process began with.
    """

    def __init__(
        self,
        started: Config,
        revisions: Revisions,
        calls: WorkerCalls,
        shelf: Shelf,
        successors: Successors,
    ) -> None:
        self.started = started
        self.revisions = revisions
        inputs = revisions.served.inputs
        self._runs = inputs.python, inputs.packages  # Python is imported once
        self._shelf = shelf
        self._successors = successors
        self._deciding: asyncio.Task[None] | None = None
        for what, answer in (
            (PREPARE, self._prepare), (COMMIT, self._commit), (ABANDON, self._abandon), (LACKING, self._lacking),
        ):  # fmt: skip
            calls.add(what, answer)

    @property
    def serves(self) -> bool:
        """Whether it was decided that this worker serves."""
        return not self._successors.waits

    async def begin(self) -> None:
        """Serve what was decided while this worker started, or have it decided where this is the first new one.

        Errors: ConfigError where nobody decides.
        """
        if self._successors.waits:
            await self._successors.wait_for_decision()
            return
        decided = self._shelf.decided()
        if decided is None:
            return
        if decided.run_by(self._runs) != decided:
            logger.warning("Python has changed since the others have imported it: reload them too")
        await self._catch_up(decided)

    async def aclose(self) -> None:
        """Take part no more."""
        task = self._deciding
        self.stop_deciding()
        if task is not None:
            await asyncio.gather(task, return_exceptions=True)
        await self.revisions.aclose()

    def changes(self, inputs: Inputs, config: Config) -> list[ConfigChange]:
        """What is other than it is served; what needs a restart: other than this process began with."""
        served = self.revisions.served
        hot = changes_between(served.config, config)
        cold = changes_between(self.started, config)
        found = [change for change in hot if change.effect is Effect.HOT]
        found += [change for change in cold if change.effect is not Effect.HOT]
        if inputs.schema != served.inputs.schema:
            found.append(ConfigChange("graph.schema: the files", Effect.HOT))
        python, packages = self._runs
        if inputs.python != python:
            found.append(ConfigChange(PYTHON_FILES, Effect.WORKERS))
        if inputs.packages != packages:
            found.append(ConfigChange(PACKAGES, Effect.WORKERS))
        return found

    async def _lacking(self, digest: str) -> list[str]:
        """What this worker does not do before another has taken its place."""
        return await self._lacks(await asyncio.to_thread(self._shelf.take, digest))

    async def _lacks(self, inputs: Inputs) -> list[str]:
        found = self.changes(inputs, await asyncio.to_thread(self.revisions.config_of, inputs))
        return [change.key for change in found if change.effect is Effect.WORKERS]

    async def _prepare(self, digest: str) -> dict[str, Any]:
        self.stop_deciding()
        try:
            inputs = await asyncio.to_thread(self._shelf.take, digest)
            lacks = await self._lacks(inputs)
            prepared = await self.revisions.prepare(inputs)
        except RefusedError as exc:
            return {"errors": exc.lines}
        self._deciding = asyncio.create_task(self._decide_alone(digest))
        before = self.revisions.served.revision.refused_documents
        after = prepared.served.revision.refused_documents
        return {
            "errors": [],
            "lacks": lacks,
            "warnings": [why for id_, why in after.items() if id_ not in before],
            "plans": prepared.plans,
            "took_s": prepared.took_s,
        }

    async def _commit(self, digest: str) -> dict[str, Any] | None:
        """Swap. Gives what came of it; None of a worker that serves nobody yet."""
        if self._successors.waits:
            return None
        self.stop_deciding()
        revisions = self.revisions
        prepared = revisions.prepared
        if prepared is None or prepared.served.digest != digest:
            if (decided := self._shelf.decided()) is not None:
                await self._catch_up(decided)  # it has started since the others were asked
            return {"swap_ms": 0.0, "moved": 0, "ending": 0}
        swap_s = revisions.swap()
        moved, ending = await revisions.move_subscriptions()
        return {"swap_ms": swap_s * 1000, "moved": moved, "ending": ending}

    async def _abandon(self, _digest: str) -> None:
        self.stop_deciding()
        await self.revisions.abandon()

    async def _decide_alone(self, digest: str) -> None:
        """Whoever leads may die: what it has decided is written down."""
        await asyncio.sleep(self.revisions.served.config.reload.prepare_timeout_s)
        self._deciding = None
        await self.settle(digest)

    async def settle(self, digest: str) -> None:
        """Serve what is prepared if that was decided; drop it else."""
        decided = self._shelf.decided()
        if decided is not None and decided.digest == digest:
            await self._commit(digest)
        else:
            await self.revisions.abandon()

    def stop_deciding(self) -> None:
        """Whoever leads lives: this worker has been told what to do."""
        if self._deciding is not None:
            self._deciding.cancel()
            self._deciding = None

    async def _catch_up(self, decided: Inputs) -> None:
        """Serve what was decided, with the Python that this worker runs, where it does not already."""
        decided = decided.run_by(self._runs)
        if decided.digest == self.revisions.served.digest:
            return
        try:
            await self.revisions.prepare(decided)
        except RefusedError as exc:
            logger.error("what the other workers serve cannot be served: %s", exc)  # noqa: TRY400
            return
        self.revisions.swap()
        await self.revisions.move_subscriptions()

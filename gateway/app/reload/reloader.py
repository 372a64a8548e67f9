"""A reload from the files to the swap, in every worker or in none.

    read ─► prepare, in each worker: build, check, warm ─► decide ─► swap, in each worker ─► drain the old
                        └─ one cannot, dies or takes too long: every worker drops what it has prepared

Any worker may lead. The decision is written down before the first swap: a worker that starts or misses the word from
then on serves the new by itself, and one that has prepared and hears nothing more looks it up.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from gateway.app.config import Config
from gateway.app.mistakes import error_lines
from gateway.app.reload.effects import ConfigChange, Effect, changes_between
from gateway.app.reload.inputs import FileState, Inputs, Origin
from gateway.app.reload.report import Report
from gateway.app.reload.revisions import RefusedError, Revisions
from gateway.app.reload.shelf import BusyError, Shelf
from gateway.broker.calls import Answers, WorkerCalls
from gateway.errors import ConfigError
from gateway.telemetry.catalogue import RELOADS, REVISION_INFO, REVISIONS
from gateway.telemetry.metrics import Sample

logger = logging.getLogger("gateway.reload")
PREPARE, COMMIT, ABANDON = "reload.prepare", "reload.commit", "reload.abandon"
COMMIT_TIMEOUT_S = 30.0
PYTHON_FILES = "graph.resolvers: the files"
AskRestart = Callable[[], bool]
"""Has every worker replaced, one after the other; False where there is nobody who could."""


class Reloader:
    """One worker's part in reloads, and what leads them.

    Args:
        started: The configuration that this process began with: what needs a restart is compared with it.
        revisions: What this worker serves.
        calls: Reaches the others.
        shelf: What they have in common.
        origin: Where the files are.
        env: What the configuration names.
        ask_restart: Has every worker replaced, where a change needs that.
    """

    def __init__(
        self,
        started: Config,
        revisions: Revisions,
        calls: WorkerCalls,
        shelf: Shelf,
        origin: Origin,
        env: Mapping[str, str],
        ask_restart: AskRestart,
    ) -> None:
        self._started = started
        self._python = revisions.served.inputs.python
        self._revisions = revisions
        self._calls = calls
        self._shelf = shelf
        self._origin = origin
        self._env = env
        self._ask_restart = ask_restart
        self._counts: Counter[str] = Counter(reloaded=0, refused=0, unchanged=0, restarting=0)
        self._deciding: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        for what, answer in (
            (PREPARE, self._prepare), (COMMIT, self._commit), (ABANDON, self._abandon),
        ):  # fmt: skip
            calls.add(what, answer)

    def samples(self) -> Iterator[Sample]:
        """The values now, for metrics."""
        for result, count in self._counts.items():
            yield RELOADS, (result,), count
        yield REVISION_INFO, (self._revisions.served.digest,), 1
        yield REVISIONS, (), 1 + len(self._revisions.draining)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Around the time in which the worker serves: SIGHUP and changed files reload."""
        decided = self._shelf.decided()
        if decided is not None and decided.digest != self._revisions.served.digest:
            await self._catch_up(decided)  # it was decided while this worker started
        self._spawn(self._watch())
        try:
            yield
        finally:
            tasks = [*self._tasks, *([self._deciding] if self._deciding else [])]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._revisions.aclose()

    def listen(self) -> Callable[[], None]:
        """Reload on SIGHUP; gives what ends that. For a process that serves nothing else."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGHUP, lambda: self._spawn(self._on_signal()))
        return partial(_ignore, loop)

    # Leading

    async def reload(self, *, check_only: bool = False) -> Report:
        """Serve the files as they are now, or say why not. Errors: BusyError."""
        with self._shelf.turn():
            report = await self._reload(check_only=check_only)
        if not check_only:
            self._counts[report.result] += 1
        levels = {"refused": logging.ERROR, "unchanged": logging.DEBUG}
        line = "; ".join([report.line(), *report.errors])
        logger.log(levels.get(report.result, logging.INFO), "reload: %s", line)
        return report

    async def _reload(self, *, check_only: bool) -> Report:
        try:
            inputs = await asyncio.to_thread(self._origin.read, self._env)
            config = self._origin.parse(inputs.config, self._env)
        except ConfigError as exc:
            return Report("refused", errors=error_lines(exc, self._origin.config))
        report = Report("unchanged", inputs.digest, changes=self._changes(inputs, config))
        report.wait_for(Effect.SERVER)
        needs_restart = any(change.effect is Effect.WORKERS for change in report.changes)
        if inputs.digest == self._revisions.served.digest:
            return report
        if inputs.python != self._python or config.graph.resolvers != self._started.graph.resolvers:
            return await self._restart(inputs, report, check_only=check_only)
        self._shelf.put(inputs)
        try:
            if not await self._prepare_all(report) or check_only:
                await self._calls.ask(ABANDON, report.digest, COMMIT_TIMEOUT_S)
                return report
            self._shelf.decide(inputs)
            await self._commit_all(report)
        finally:
            self._shelf.drop(report.digest)
        if needs_restart and not self._ask_restart():
            report.wait_for(Effect.WORKERS, Effect.SERVER)
        return report

    def _changes(self, inputs: Inputs, config: Config) -> list[ConfigChange]:
        """What is other than it is served; what needs a restart: other than this process began with."""
        served = self._revisions.served
        hot = changes_between(served.config, config)
        cold = changes_between(self._started, config)
        found = [change for change in hot if change.effect is Effect.HOT]
        found += [change for change in cold if change.effect is not Effect.HOT]
        if inputs.schema != served.inputs.schema:
            found.append(ConfigChange("graph.schema: the files", Effect.HOT))
        if inputs.python != self._python:
            found.append(ConfigChange(PYTHON_FILES, Effect.WORKERS))
        return found

    async def _prepare_all(self, report: Report) -> bool:
        """Whether every worker can serve it."""
        timeout_s = self._revisions.served.config.reload.prepare_timeout_s
        answers = await self._calls.ask(PREPARE, report.digest, timeout_s)
        refusals = [said["errors"] for said in answers.said.values() if said["errors"]]
        report.errors = refusals[0] if refusals else _problems(answers)
        if report.errors or not answers.said:
            report.result = "refused"
            return False
        report.result = "checked"
        report.plans = max(said["plans"] for said in answers.said.values())
        report.took_s = max(said["took_s"] for said in answers.said.values())
        return True

    async def _commit_all(self, report: Report) -> None:
        """Have every worker swap: it is decided, so that one that does not answer is only told of."""
        answers = await self._calls.ask(COMMIT, report.digest, COMMIT_TIMEOUT_S)
        for problem in _problems(answers):
            logger.error("reload: %s is decided, and %s", report.digest, problem)
        report.result = "reloaded"
        report.workers = len(answers.said)
        report.swap_ms = max((said["swap_ms"] for said in answers.said.values()), default=0.0)
        report.moved = sum(said["moved"] for said in answers.said.values())
        report.ending = sum(said["ending"] for said in answers.said.values())

    async def _restart(self, inputs: Inputs, report: Report, *, check_only: bool) -> Report:
        """Python that was imported stays what it is until its process ends: new ones are started, if they could."""
        from gateway.app.reload.checked import check_in_a_process

        report.errors = await check_in_a_process(self._origin)
        if report.errors:
            report.result = "refused"
        elif check_only:
            report.result = "checked"
        else:
            self._shelf.decide(inputs)
            if self._ask_restart():
                report.result = "restarting"
            else:
                report.wait_for(Effect.WORKERS, Effect.SERVER)
                report.result = "refused"
                report.errors = [f"{PYTHON_FILES} have changed: start the server again"]
        return report

    # Taking part

    async def _prepare(self, digest: str) -> dict[str, Any]:
        self._stop_deciding()
        try:
            prepared = await self._revisions.prepare(self._shelf.take(digest))
        except RefusedError as exc:
            return {"errors": exc.lines}
        self._deciding = asyncio.create_task(self._decide_alone(digest))
        return {"errors": [], "plans": prepared.plans, "took_s": prepared.took_s}

    async def _commit(self, digest: str) -> dict[str, Any]:
        self._stop_deciding()
        revisions = self._revisions
        prepared = revisions.prepared
        if prepared is None or prepared.served.digest != digest:
            decided = self._shelf.decided()
            if revisions.served.digest != digest and decided is not None:
                await self._catch_up(decided)  # it has started since the others were asked
            return {"swap_ms": 0.0, "moved": 0, "ending": 0}
        swap_s = revisions.swap()
        moved, ending = await revisions.move_subscriptions()
        return {"swap_ms": swap_s * 1000, "moved": moved, "ending": ending}

    async def _abandon(self, _digest: str) -> None:
        self._stop_deciding()
        await self._revisions.abandon()

    async def _decide_alone(self, digest: str) -> None:
        """Whoever leads may die: what it has decided is written down."""
        await asyncio.sleep(self._revisions.served.config.reload.prepare_timeout_s)
        self._deciding = None
        decided = self._shelf.decided()
        if decided is not None and decided.digest == digest:
            await self._commit(digest)
        else:
            await self._revisions.abandon()

    def _stop_deciding(self) -> None:
        if self._deciding is not None:
            self._deciding.cancel()
            self._deciding = None

    async def _catch_up(self, decided: Inputs) -> None:
        try:
            await self._revisions.prepare(decided)
        except RefusedError as exc:
            logger.error("what the other workers serve cannot be served: %s", exc)  # noqa: TRY400
            return
        self._revisions.swap()
        await self._revisions.move_subscriptions()

    # Being told

    async def _on_signal(self) -> None:
        try:
            await self.reload()
        except BusyError:
            logger.info("reload: another is under way")

    async def _watch(self) -> None:
        """Reload when the files have changed, and have then stayed the same for a while."""
        seen: list[FileState] | None = None
        handled: list[FileState] | None = None
        while True:
            settings = self._revisions.served.config.reload
            await asyncio.sleep(settings.poll_interval_s)
            if not settings.watch or not self._shelf.take_watch():
                continue
            state = await asyncio.to_thread(self._origin.state, self._env)
            if state != seen:
                seen = state
            elif state != handled:
                handled = state
                await self._on_signal()

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _ignore(loop: asyncio.AbstractEventLoop) -> None:
    loop.remove_signal_handler(signal.SIGHUP)


def _problems(answers: Answers) -> list[str]:
    """Workers that have not answered as they should; one that died is replaced by one that serves what is decided."""
    found = [f"worker {name} has failed: {why}" for name, why in answers.failed.items()]
    return [*found, *(f"worker {name} does not answer" for name in sorted(answers.silent))]

"""A reload from the files to the swap, in every worker or in none.

    read ─► prepare, in each worker: build, check, warm ─► decide ─► swap, in each worker ─► drain the old
                        └─ one cannot, dies or takes too long: every worker drops what it has prepared

Any worker may lead. The decision is written down before the first swap: a worker that starts or misses the word from
then on serves the new by itself, and one that has prepared and hears nothing more looks it up. What takes new workers
is decided when the first of them is ready to serve.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import get_args

from gateway.app.config import Config
from gateway.app.mistakes import error_lines
from gateway.app.reload.canary import Trial, Verdict
from gateway.app.reload.effects import Effect, changes_between
from gateway.app.reload.inputs import Inputs, Origin, digest_of_schema
from gateway.app.reload.part import (
    ABANDON,
    COMMIT,
    LACKING,
    PACKAGES,
    PREPARE,
    PYTHON_FILES,
    Part,
)
from gateway.app.reload.ports import errors_of_ports
from gateway.app.reload.reading import BoundedReading, SlowDiskError
from gateway.app.reload.report import Report, Result
from gateway.app.reload.settings import ReloadSettings
from gateway.app.reload.shelf import BusyError, Shelf
from gateway.app.reload.successors import Successors
from gateway.app.reload.trials import Trials
from gateway.app.reload.triggers import Triggers
from gateway.broker.calls import Answers, WorkerCalls
from gateway.errors import ConfigError
from gateway.telemetry.catalogue import RELOADS, REVISION_INFO, REVISIONS
from gateway.telemetry.metrics import Sample

logger = logging.getLogger("gateway.reload")
COMMIT_TIMEOUT_S = 30.0
ErrorsOfStart = Callable[[], Awaitable[list[str]]]
"""What keeps a new worker from starting with the files, as far as it is known without one."""


class Reloader:
    """Leads reloads, as any worker may.

    Args:
        part: This worker's own in them.
        calls: Reaches the others.
        shelf: What they have in common.
        origin: Where the files are.
        env: What the configuration names.
        errors_of_start: Asked before a change that takes new workers, or a new server.
        successors: Has every worker replaced, where a change needs that.

    Attributes:
        revisions: What this worker serves.
        trials: Its part in canaries.
        triggers: Has it reload when no command asks for that.
    """

    def __init__(
        self,
        part: Part,
        calls: WorkerCalls,
        shelf: Shelf,
        origin: Origin,
        env: Mapping[str, str],
        errors_of_start: ErrorsOfStart,
        successors: Successors,
    ) -> None:
        self._part = part
        self.revisions = part.revisions
        self._calls = calls
        self._shelf = shelf
        self._origin = origin
        self._env = env
        self._errors_of_start = errors_of_start
        self._successors = successors
        self._startable = part.started
        self._counts: Counter[str] = Counter(dict.fromkeys(get_args(Result), 0))
        del self._counts["checked"]
        self.trials = Trials(part, calls, shelf, self._counts)
        self._reading = BoundedReading(origin, env)
        self.triggers = Triggers(self.reload, lambda: self._settings, shelf, origin, env)

    def samples(self) -> Iterator[Sample]:
        """The values now, for metrics."""
        for result, count in self._counts.items():
            yield RELOADS, (result,), count
        served = self.revisions.served
        yield REVISION_INFO, (served.digest, digest_of_schema(served.inputs.schema)), 1
        held = 1 + len(self.revisions.draining.revisions) + (self.revisions.canary is not None)
        yield REVISIONS, (), held
        yield from self.trials.samples()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Around the time in which the worker serves: SIGHUP and changed files reload. Errors: ConfigError."""
        try:
            await self._part.begin()
            await self.trials.take_part()
            self._successors.begin()
            self.triggers.begin()
            yield
        finally:
            await self._successors.stop()
            await self.triggers.stop()
            await self.trials.aclose()
            await self._part.aclose()

    async def reload(
        self, *, check_only: bool = False, canary_percent: float | None = None
    ) -> Report:
        """Serve the files as they are now, or say why not.

        Args:
            check_only: Look only.
            canary_percent: Serve them to so many of a hundred clients first; 0 for all at once. As the files say by
                default.

        Errors: BusyError.
        """
        with self._shelf.turn():
            if check_only and self.trials.current is not None:
                raise BusyError("a canary is under way: nothing is built beside it")
            tried = self.trials.current
            report = await self._reload(canary_percent, check_only=check_only)
            goes_on = report.result == "trying" and tried is self.trials.current
        if not (check_only or goes_on) and report.result not in get_args(Verdict):  # `Trials` does
            self._counts[report.result] += 1
        if not (check_only or report.may_pass):
            self._shelf.note_handled(report.digest)
        levels = {"refused": logging.ERROR, "unchanged": logging.DEBUG}
        line = "; ".join([report.line(), *report.errors, *report.warnings])
        logger.log(levels.get(report.result, logging.INFO), "reload: %s", line)
        return report

    async def _reload(self, canary_percent: float | None, *, check_only: bool) -> Report:
        try:
            inputs, config = await self._reading.within(self._settings.prepare_timeout_s)
            digest = await asyncio.to_thread(self._shelf.put, inputs)
        except ConfigError as exc:
            may_pass = isinstance(exc, SlowDiskError)
            lines = error_lines(exc, self._origin.config)
            return Report("refused", errors=lines, may_pass=may_pass)
        report = Report("unchanged", digest, changes=self._part.changes(inputs, config))
        settings = config.reload.canary
        report.percent = settings.percent if canary_percent is None else canary_percent
        try:
            if self.trials.current is None or not await self._is_tried(report, canary_percent):
                await self._reload_from(inputs, config, report, check_only=check_only)
        finally:
            trial = self.trials.current
            if trial is None or trial.digest != report.digest:
                self._shelf.drop(report.digest)
        return report

    async def _is_tried(self, report: Report, asked_percent: float | None) -> bool:
        """Whether a canary of these files is under way, which goes on or is promoted; one of others is ended."""
        trial = self.trials.current
        assert trial is not None
        if report.digest != trial.digest:
            await self.trials.end("withdrawn")
            if report.digest == self.revisions.served.digest:
                report.result = "withdrawn"
            return report.result == "withdrawn"
        if asked_percent in (0, 100):
            report.note_swaps(await self.trials.end("promoted"))
            report.result = "promoted"
        else:
            report.percent = trial.percent
            report.result = "trying"
        return True

    async def _reload_from(
        self, inputs: Inputs, config: Config, report: Report, *, check_only: bool
    ) -> None:
        is_rolled = self._successors.are_possible
        report.wait_for(*((Effect.SERVER,) if is_rolled else (Effect.WORKERS, Effect.SERVER)))
        if report.digest == self.revisions.served.digest and not await self._is_due(report):
            report.result = "waiting" if report.waiting else "unchanged"
            return
        keys = {change.key for change in report.changes}
        is_new_python = not keys.isdisjoint(
            (PYTHON_FILES, "graph.resolvers", *([PACKAGES] if is_rolled else []))
        )
        is_canary = 0 < report.percent < 100 and not check_only
        if is_canary and is_rolled and report.needs_workers:
            report.refuse_canary()
            return
        report.errors = await self._refusals(config, report, is_new_python=is_new_python)
        if is_rolled and report.needs_workers and not (report.errors or check_only or is_canary):
            report.errors = await self._successors.replace(report.digest)
        if report.errors or check_only:
            report.result = "refused" if report.errors else "checked"
            await self._calls.ask(ABANDON, report.digest, COMMIT_TIMEOUT_S)
            return
        if is_canary:
            settings, now = config.reload.canary, time.monotonic()
            trial = Trial.of(report.digest, report.percent, settings, now)
            report.workers = await self.trials.begin(trial)
            report.result = "trying"
            return
        await asyncio.to_thread(self._shelf.decide, inputs)
        if is_new_python:
            report.result = "restarting"
        else:
            await self._commit_all(report)

    async def _is_due(self, report: Report) -> bool:
        """Whether there is a worker that does not do what was decided; what it lacks is a change."""
        if not self._successors.are_possible:
            return False
        answers = await self._calls.ask(LACKING, report.digest, COMMIT_TIMEOUT_S)
        report.note_lacking(answers.said.values())
        return any(answers.said.values())

    async def _refusals(self, config: Config, report: Report, *, is_new_python: bool) -> list[str]:
        """Why it cannot be served. Every worker has prepared it, but where it takes new Python."""
        cold = [change for change in report.changes if change.effect is not Effect.HOT]
        if is_new_python and not self._successors.are_possible:
            return await self._errors_of_a_start(report) or [
                f"{PYTHON_FILES} have changed: start the server again"
            ]
        # What waits for a new server waits over many reloads: it is tried once.
        is_tried = not any(
            c.effect is not Effect.HOT for c in changes_between(self._startable, config)
        )
        if cold and (is_new_python or not is_tried):
            errors = await self._errors_of_a_start(report)
            if not errors and self._successors.are_possible:
                errors = await errors_of_ports(self._startable, config)
            if errors:
                return errors
            self._startable = config
        return [] if is_new_python else await self._prepare_all(report)

    async def _errors_of_a_start(self, report: Report) -> list[str]:
        """Why no new worker could start. It reads the files itself: what it says counts where they are the same."""
        errors = await self._errors_of_start()
        with suppress(ConfigError):
            now, _ = await self._reading.within(self._settings.prepare_timeout_s)
            if now.digest == report.digest:
                return errors
        report.may_pass = True
        return ["the files have changed while a start with them was tried: reload again"]

    async def _prepare_all(self, report: Report) -> list[str]:
        """Why a worker cannot serve it."""
        timeout_s = self.revisions.served.config.reload.prepare_timeout_s
        answers = await self._calls.ask(PREPARE, report.digest, timeout_s)
        refusals = [said["errors"] for said in answers.said.values() if said["errors"]]
        errors: list[str] = refusals[0] if refusals else _problems(answers)
        if errors or not answers.said:
            report.may_pass = not refusals
            return errors or ["no worker has answered"]
        report.note_lacking(said["lacks"] for said in answers.said.values())
        report.note_warnings(said["warnings"] for said in answers.said.values())
        report.plans = max(said["plans"] for said in answers.said.values())
        report.took_s = max(said["took_s"] for said in answers.said.values())
        return []

    async def _commit_all(self, report: Report) -> None:
        """Have every worker swap: it is decided, so that one that does not answer is only told of."""
        answers = await self._calls.ask(COMMIT, report.digest, COMMIT_TIMEOUT_S)
        for problem in _problems(answers):
            logger.error("reload: %s is decided, and %s", report.digest, problem)
        report.result = "reloaded"
        report.note_swaps(answers)

    @property
    def _settings(self) -> ReloadSettings:
        return self.revisions.served.config.reload


def _problems(answers: Answers) -> list[str]:
    """Workers that have not answered as they should; one that died is replaced by one that serves what is decided."""
    found = [f"worker {name} has failed: {why}" for name, why in answers.failed.items()]
    return [*found, *(f"worker {name} does not answer" for name in sorted(answers.silent))]

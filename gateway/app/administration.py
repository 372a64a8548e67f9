"""The admin port's commands about workers: who they are, what they are doing, breakers, log levels, readiness.

Whichever worker has the port asks all of them. Nothing here shows a variable, a header's value or a token.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from operator import itemgetter
from typing import Annotated, Any

import msgspec

from gateway.admin.commands import Command, CommandError, Commands, Done
from gateway.app.worker import Worker
from gateway.broker.calls import Answers, RefusedQuestionError

TIMEOUT_S = 5.0
MOST_SHOWN = 500
"""Operations of one worker that are shown, the oldest first."""
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
Ask = Callable[[Any], Any]


class BreakerCommand(msgspec.Struct, forbid_unknown_fields=True):
    """Which breakers are to be closed: of a source, and there of one endpoint."""

    source: str
    endpoint: str | None = None


class LevelCommand(msgspec.Struct, forbid_unknown_fields=True):
    """From which level on a logger's lines are written; "" gives it back its own."""

    level: Annotated[str, msgspec.Meta(max_length=20)]
    logger: Annotated[str, msgspec.Meta(max_length=200)] = "gateway"


class ReadinessCommand(msgspec.Struct, forbid_unknown_fields=True):
    """Whether readiness answers 200."""

    ready: bool = False


class Administration:
    """One worker's part in these commands.

    Args:
        worker: What it has.
    """

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._levels: dict[str, int] = {}
        for name, answer in (
            ("status", self._status),
            ("operations", self._operations),
            ("breakers", self._breakers),
            ("breakers.reset", self._reset),
            ("log_level", self._set_level),
            ("drain", self._set_readiness),
        ):
            worker.calls.add(name, answer)

    def add_to(self, commands: Commands) -> None:
        """Let them be commanded."""
        commands.add("GET", "/admin/workers", self._show("status"))
        commands.add("GET", "/admin/operations", self._show("operations"))
        commands.add("GET", "/admin/breakers", self._show("breakers"))
        commands.add(
            "POST",
            "/admin/breakers/reset",
            self._have("breakers.reset", "called an endpoint"),
            body=BreakerCommand,
        )
        commands.add(
            "POST", "/admin/log-level", self._have("log_level", "a logger"), body=LevelCommand
        )
        commands.add("POST", "/admin/drain", self._have("drain"), body=ReadinessCommand)

    def _show(self, what: str) -> Any:
        async def show(_: Command) -> Done:
            return Done(_told(await self._worker.calls.ask(what, None, TIMEOUT_S)))

        return show

    def _have(self, what: str, unknown: str = "anything") -> Any:
        """What has every worker do something; 400 where they refuse, 502 where one does not answer.

        Args:
            what: What they are asked.
            unknown: What none of them knows where each answers None: 400 too.
        """

        async def have(command: Command) -> Done:
            body = msgspec.to_builtins(command.body)
            answers = await self._worker.calls.ask(what, body, TIMEOUT_S)
            if answers.is_whole and not any(said is not None for said in answers.said.values()):
                raise CommandError(f"no worker has {unknown} of that name")
            return Done(
                _told(answers),
                200 if answers.is_whole else 400 if not answers.silent else 502,
                {"asked": body},
            )

        return have

    # What each worker says or does

    async def _status(self, _: Any) -> dict[str, Any]:
        worker = self._worker
        return {
            "pid": os.getpid(),
            "leads": worker.leads,
            "ready": worker.is_ready,
            "in_flight": worker.admission.in_flight,
            "subscriptions": sum(len(one.subscriptions.open) for one in worker.current.all()),
            "plans": sum(len(one.pipeline.plans) for one in worker.current.all()),
            "digest": worker.serving().digest,
            "canary": worker.current.canary.as_json()
            if worker.current.canary is not None
            else None,
        }

    async def _operations(self, _: Any) -> list[dict[str, Any]]:
        now = time.perf_counter()
        found = [one for s in self._worker.current.all() for one in s.pipeline.in_flight.items()]
        found.sort(key=itemgetter(1))
        return [
            {
                "name": operation.record.operation_name,
                "type": operation.record.operation_type,
                "document": operation.record.document_hash,
                "client": operation.client.client_name,
                "request_id": operation.client.request_id,
                "seconds": round(now - begin, 3),
            }
            for operation, begin in found[:MOST_SHOWN]
        ]

    async def _breakers(self, _: Any) -> dict[str, dict[str, str]]:
        worker = self._worker
        policies = {policy.name: policy for policy in worker.upstream.policies}
        for policy in worker.current.policies_of_canary:
            is_other = policy.name in policies
            policies[f"{policy.name} (canary)" if is_other else policy.name] = policy
        return {
            title: {name: known.breaker.state for name, known in policy.endpoints.items()}
            for title, policy in policies.items()
        }

    async def _reset(self, asked: dict[str, Any]) -> int | None:
        """Close breakers; gives how many were not closed, None where this worker knows no such endpoint.

        Errors: RefusedQuestionError for a source that is none.
        """
        worker = self._worker
        served = [*worker.upstream.policies, *worker.current.policies_of_canary]
        policies = [policy for policy in served if policy.name == asked["source"]]
        if not policies:
            raise RefusedQuestionError(f"no source is named {asked['source']!r}")
        asked_for = asked["endpoint"]
        found = [
            known.breaker
            for policy in policies
            for name, known in policy.endpoints.items()
            if asked_for in (None, name)
        ]
        if not found and asked_for is not None:
            return None
        count = sum(breaker.state != "closed" for breaker in found)
        for breaker in found:
            breaker.reset()
        return count

    async def _set_level(self, asked: dict[str, Any]) -> str | None:
        """Set a logger's level; gives the one that counts, None where this worker has no such logger.

        Errors: RefusedQuestionError for a level that is none.
        """
        level, name = asked["level"].upper(), asked["logger"]
        if level not in ("", *LEVELS):
            raise RefusedQuestionError(f"there are {', '.join(LEVELS)}")
        if name not in ("", "root", *logging.root.manager.loggerDict):
            return None  # asking for it would make it
        logger = logging.getLogger(name)
        own = self._levels.pop(logger.name, logger.level)
        if level:
            self._levels[logger.name] = own
        logger.setLevel(level or own)
        return logging.getLevelName(logger.getEffectiveLevel())

    async def _set_readiness(self, asked: dict[str, Any]) -> bool:
        self._worker.is_ready = asked["ready"]
        return self._worker.is_ready


def _told(answers: Answers) -> dict[str, Any]:
    """What all of them said, for programs."""
    return {
        "workers": answers.said,
        "failed": answers.failed,
        "silent": sorted(answers.silent | answers.gone),
    }

"""Usage on its way out of a worker: to the file, each minute and at the end, and to whoever asks the admin port."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import orjson

from gateway.admin.commands import Command, CommandError, Commands, Done
from gateway.app.partner import describe_partner
from gateway.auth.api_keys import utc_now
from gateway.auth.authenticator import Authenticator
from gateway.broker.calls import Answers, RefusedQuestionError, WorkerCalls
from gateway.observe.usage import FieldUsage
from gateway.observe.usage_file import LineWriter, UsageFile
from gateway.observe.usage_records import UsageRecords, read_records
from gateway.pipeline.serving import CurrentServing
from gateway.telemetry.settings import UsageSettings

logger = logging.getLogger("gateway.usage")
TIMEOUT_S = 10.0


class UsageQuery(msgspec.Struct, forbid_unknown_fields=True):
    """Whose usage is asked for; of all by default."""

    client: str | None = None


class PartnerQuery(msgspec.Struct, forbid_unknown_fields=True):
    """Which client is asked for."""

    client: str


class UsageExport:
    """One worker's usage, for others.

    Args:
        settings: Where it goes.
        serving: What is served now.
        auth: Knows the keys.
        usage: What is counted.
        calls: Reaches the other workers.
        max_bytes: The largest answer of one worker.
    """

    def __init__(
        self,
        settings: UsageSettings,
        serving: CurrentServing,
        auth: Authenticator,
        usage: FieldUsage,
        calls: WorkerCalls,
        max_bytes: int,
    ) -> None:
        self._serving, self._auth = serving, auth
        self._max_bytes = max_bytes
        self._usage = usage
        self._calls = calls
        self._writer: LineWriter | None = None
        if settings.file is not None:
            path = Path(settings.file).absolute()
            file = UsageFile(path, settings.max_size_bytes, settings.max_files)
            self._writer = LineWriter(
                file, self._taken, settings.interval_s, "lines of usage", logger
            )
        calls.add("usage", self._of_this_worker)

    def add_to(self, commands: Commands) -> None:
        """Let it be asked for."""
        commands.add("GET", "/admin/usage", self._show, query=UsageQuery)
        commands.add("GET", "/admin/partner", self._show_partner, query=PartnerQuery)

    def begin(self) -> None:
        """Write, from now on."""
        if self._writer is not None:
            self._writer.begin()

    async def aclose(self) -> None:
        """Write what is left."""
        if self._writer is not None:
            await self._writer.aclose()

    def _taken(self) -> Iterator[dict[str, Any]]:
        return self._usage.take().lines()

    async def _of_this_worker(self, asked: Any) -> list[dict[str, Any]]:
        lines = [
            line for line in self._usage.live().lines() if asked["client"] in (None, line["client"])
        ]
        if len(orjson.dumps(lines)) > self._max_bytes:
            raise RefusedQuestionError(
                f"more than {self._max_bytes} bytes of usage: ask for one client, or read the file"
            )
        return lines

    async def _show(self, command: Command) -> Done:
        answers = await self.ask(command.query.client)
        return Done(
            {
                "usage": list(merged(answers).lines()),
                "failed": answers.failed,
                "silent": sorted(answers.silent | answers.gone),
            }
        )

    async def _show_partner(self, command: Command) -> Done:
        """What `gateway partner show` says, of what this server has counted."""
        name = command.query.client
        answers = await self.ask(name)
        if not answers.is_whole:
            raise CommandError(f"not all workers have answered: {answers.failed}", 502)
        usage = merged(answers)
        views = self._serving().pipeline.views
        return Done(describe_partner(name, self._auth.api_keys(), views, usage, utc_now()))

    async def ask(self, client: str | None) -> Answers:
        """What the workers have counted since each began."""
        return await self._calls.ask("usage", {"client": client}, TIMEOUT_S)


def merged(answers: Answers) -> UsageRecords:
    """The usage of all workers together."""

    def lines() -> Iterator[dict[str, Any]]:
        for said in answers.said.values():
            yield from said

    return read_records(lines())

"""The admin port's commands of `@override`: what switches there are, and setting one in all workers."""

from __future__ import annotations

import asyncio

import msgspec

from gateway.admin.commands import Command, CommandError, Commands, Done
from gateway.app.worker import Worker
from gateway.override.switches import read_switches, write_switch

TIMEOUT_S = 5.0
LOOK = "overrides.look"
DECISIONS = "overrides.decisions"


class SwitchCommand(msgspec.Struct, forbid_unknown_fields=True):
    """A label, "*" for all of them, and what it is from now on: `false`, `true` or "percent(20)"; null ends it."""

    label: str
    rule: bool | str | None


class OverrideCommands:
    """One worker's part in these commands.

    Args:
        worker: Whose switches.
    """

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._writing = asyncio.Lock()
        worker.calls.add(LOOK, self._look)
        worker.calls.add(DECISIONS, self._decided)

    def add_to(self, commands: Commands) -> None:
        """Let them be commanded."""
        commands.add("GET", "/admin/override", self._show)
        commands.add("POST", "/admin/override", self._switch, body=SwitchCommand)

    async def _show(self, _: Command) -> Done:
        path = self._worker.switches.path
        found = read_switches(path.read_bytes()) if path is not None and path.exists() else {}
        answers = await self._worker.calls.ask(DECISIONS, None, TIMEOUT_S)
        decisions: dict[str, dict[str, int]] = {}
        for counted in answers.said.values():
            for label, decision, count in counted:
                of_label = decisions.setdefault(label, {"on": 0, "off": 0})
                of_label[decision] += count
        return Done({"switches": found, "decisions": decisions})

    async def _switch(self, command: Command) -> Done:
        """Write the file, and have every worker look at it at once. Errors: CommandError."""
        path, asked = self._worker.switches.path, command.body
        if path is None:
            raise CommandError("override.switches names no file", 409)
        try:
            async with self._writing:
                found = await asyncio.to_thread(write_switch, path, asked.label, asked.rule)
        except ValueError as exc:
            raise CommandError(str(exc)) from exc
        except OSError as exc:
            raise CommandError(f"{path}: {exc.strerror}", 409) from exc
        answers = await self._worker.calls.ask(LOOK, None, TIMEOUT_S)
        body = {"switches": found, "silent": sorted(answers.silent | answers.gone)}
        audit = {"label": asked.label, "rule": asked.rule}
        return Done(body, 200 if answers.is_whole else 502, audit)

    async def _look(self, _: None) -> bool:
        await self._worker.switches.look()
        return True

    async def _decided(self, _: None) -> list[tuple[str, str, int]]:
        """What this worker has decided since it began."""
        counts = self._worker.serving().labels.counts
        return [(label, "on" if is_on else "off", n) for (label, is_on), n in counts.items()]

"""The admin port's commands of `@override`: what switches there are, and setting one in all workers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import msgspec

from gateway.admin.commands import Command, CommandError, Commands, Done
from gateway.app.config import Config
from gateway.app.override_gates import OverrideGates
from gateway.app.worker import Worker
from gateway.broker.calls import Answers
from gateway.override.labels import EVERY_LABEL
from gateway.override.settings import OverrideRule
from gateway.override.switches import read_switches, write_switch
from gateway.settings.suggestions import suggest

TIMEOUT_S = 5.0
LOOK = "overrides.look"
DECISIONS = "overrides.decisions"
LABELS = "overrides.labels"


class SwitchCommand(msgspec.Struct, forbid_unknown_fields=True):
    """A label, "*" for all of them, and what it is from now on: `false`, `true` or "percent(20)"; null ends it."""

    label: str
    rule: bool | str | None


class EvidenceCommand(msgspec.Struct, forbid_unknown_fields=True):
    """Whose evidence begins again: a label's; of all where it is null."""

    label: str | None = None


class OverrideCommands:
    """One worker's part in these commands.

    Args:
        worker: Whose switches.
        config: What is configured now.

    Attributes:
        gates: Of the moves.
    """

    def __init__(self, worker: Worker, config: Callable[[], Config]) -> None:
        self.gates = OverrideGates(worker, config, self.set_switch)
        self._worker = worker
        worker.calls.add(LOOK, self._look)
        worker.calls.add(DECISIONS, self._decided)
        worker.calls.add(LABELS, self._labels)

    def add_to(self, commands: Commands) -> None:
        """Let them be commanded."""
        commands.add("GET", "/admin/override", self._show)
        commands.add("POST", "/admin/override", self._switch, body=SwitchCommand)
        commands.add("POST", "/admin/override/evidence", self._forget, body=EvidenceCommand)

    async def _show(self, _: Command) -> Done:
        found, unusable = self._written()
        answers = await self._worker.calls.ask(DECISIONS, None, TIMEOUT_S)
        decisions: dict[str, dict[str, int]] = {}
        for counted in answers.said.values():
            for label, decision, count in counted:
                of_label = decisions.setdefault(label, {"on": 0, "off": 0})
                of_label[decision] += count
        moves = await self.gates.moves()
        body = {"switches": found, "decisions": decisions, "moves": moves}
        return Done({**body, "unusable": unusable} if unusable else body)

    async def _forget(self, command: Command) -> Done:
        """Errors: CommandError."""
        label = command.body.label
        if label is not None:
            await self._check_known(label)
        await self.gates.begin_again(label)
        return Done({"label": label}, audit={"label": label})

    async def _switch(self, command: Command) -> Done:
        """Errors: CommandError."""
        asked = command.body
        switched = () if asked.rule is not None else self._written()[0]
        if asked.label != EVERY_LABEL and asked.label not in switched:
            await self._check_known(asked.label)
        found, answers = await self.set_switch(asked.label, asked.rule)
        body = {"switches": found, "silent": sorted(answers.silent | answers.gone)}
        audit = {"label": asked.label, "rule": asked.rule}
        return Done(body, 200 if answers.is_whole else 502, audit)

    async def set_switch(
        self,
        label: str,
        rule: OverrideRule | None,
        seen: Mapping[str, OverrideRule] | None = None,
    ) -> tuple[dict[str, OverrideRule], Answers]:
        """Write the file, and have every worker look at it at once.

        Args:
            label, rule: The switch.
            seen: The switches by which it was decided; None for a decision that holds whatever they are by now.

        Errors: CommandError, SwitchedMeanwhileError.
        """
        path = self._worker.switches.path
        if path is None:
            raise CommandError("override.switches names no file", 409)
        try:
            in_use = self._worker.switches.rules
            found = await asyncio.to_thread(write_switch, path, label, rule, in_use, seen)
        except ValueError as exc:
            raise CommandError(str(exc)) from exc
        except OSError as exc:
            raise CommandError(f"{path}: {exc.strerror}", 409) from exc
        return found, await self._worker.calls.ask(LOOK, None, TIMEOUT_S)

    async def _check_known(self, label: str) -> None:
        """Errors: CommandError for what is the label of no `@override`: nothing would change."""
        known = set(await self._labels(None))
        if label not in known:  # a peer may serve another schema: workers are replaced one by one
            answers = await self._worker.calls.ask(LABELS, None, TIMEOUT_S)
            known.update(*answers.said.values())
        if label in known:
            return
        there = f"there are {', '.join(sorted(known))}" if known else "the schema has no label"
        meant = suggest(label, known)
        why = f"{meant} {there}" if meant else there
        raise CommandError(f"no @override has the label `{label}`: {why}")

    def _written(self) -> tuple[Mapping[str, OverrideRule], str]:
        """What the file says; where it is of no use, what is in use and why."""
        switches = self._worker.switches
        path = switches.path
        if path is None or (not switches.rules and not path.exists()):
            return {}, ""
        try:
            return read_switches(path.read_bytes()), ""
        except (ValueError, OSError) as exc:
            why = f"the file of switches {path} is of no use, and the last one is in use: {exc}"
            return switches.rules, why

    async def _labels(self, _: None) -> list[str]:
        """Those of what this worker serves, a canary too."""
        served = self._worker.current.all()
        return sorted({label for one in served for label in one.labels.known})

    async def _look(self, _: None) -> bool:
        await self._worker.switches.look()
        return True

    async def _decided(self, _: None) -> list[tuple[str, str, int]]:
        """What this worker has decided since it began."""
        return [
            (label, "on" if is_on else "off", n)
            for one in self._worker.current.all()
            for (label, is_on), n in one.labels.counts.items()
        ]

"""The gates of moves: the worker with the admin port looks each second at what all workers have found.

It decides by writing the file of switches, as the kill switch does: all workers follow, and a restart changes nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections import ChainMap
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from gateway.app.config import Config
from gateway.app.shadows import label_of
from gateway.app.worker import Worker
from gateway.concurrency.looking import Looking
from gateway.connectors.fallback_loader import fallen_back
from gateway.errors import ConfigError
from gateway.graph.overrides import overrides_of, shadows_of
from gateway.override.evidence import Evidence, MoveEvidence, added
from gateway.override.gates import is_step, next_step, summary, why_back, why_not_on
from gateway.override.labels import ALL
from gateway.override.settings import OverrideRule
from gateway.override.switches import SwitchedMeanwhileError, switched_share

EVIDENCE = "overrides.evidence"
BEGIN_AGAIN = "overrides.begin_again"
EVERY_S = 1.0
TIMEOUT_S = 5.0
logger = logging.getLogger("gateway.override")


def check_gates(config: Config) -> None:
    """Errors: ConfigError for a gate that could not do what it says."""
    override = config.override
    gates = {
        "override.promote_when": bool(override.promote_when.calls) and override.promote_when.auto,
        "override.rollback_when": bool(override.rollback_when.calls),
    }
    for key, decides in gates.items():
        if decides and not override.switches:
            hint = 'name one: override.switches = "switches.json"'
            raise ConfigError("a gate needs a file of switches", key=key, hint=hint)
        if decides and not config.admin.given:
            hint = "the worker that has the admin port looks after gates: give admin.keys a key"
            raise ConfigError("a gate needs the admin port", key=key, hint=hint)


class OverrideGates:
    """One worker's part in the gates.

    Args:
        worker: Whose evidence it tells, and whose switches it writes.
        config: What is configured now.
        switch: Sets a switch in all workers, where the switches are still those that it is given, if it is.
    """

    def __init__(
        self,
        worker: Worker,
        config: Callable[[], Config],
        switch: Callable[[str, OverrideRule, Mapping[str, OverrideRule] | None], Any],
    ) -> None:
        self._worker = worker
        self._config = config
        self._switch = switch
        worker.calls.add(EVIDENCE, self._tell)
        worker.calls.add(BEGIN_AGAIN, self._begin_again)
        worker.switches.changed = self._step

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Look each second, while this worker has the admin port."""
        looking = Looking(self._look_as_leader, lambda: EVERY_S, "the gates of @override", logger)
        looking.begin()
        try:
            yield
        finally:
            await looking.stop()

    async def moves(self) -> dict[str, Any]:
        """What was found of each move, and what its gates say."""
        rule = self._config().override.promote_when
        found = {}
        for coordinate, (label, whole, _, fallbacks) in (await self._found()).items():
            share = self._share(label)
            step = None if share is None else next_step(share, rule)
            lacks = why_not_on(whole, rule) if rule.calls else "no gate"
            found[coordinate] = {
                "label": label,
                "share": None if share is None else share / 100,
                "fallbacks": fallbacks,
                "promote": {"to": step, "lacks": lacks if step is not None else "moved"},
                **summary(whole),
            }
        return found

    async def begin_again(self, label: str | None) -> None:
        """Forget what was found of a label's moves, in all workers; of all where it is None."""
        await self._worker.calls.ask(BEGIN_AGAIN, label, TIMEOUT_S)

    async def look(self) -> None:
        """Look once, and decide."""
        override = self._config().override
        promote, back = override.promote_when, override.rollback_when
        if not back.calls and not (promote.calls and promote.auto):
            return
        seen = self._worker.switches.rules
        may_go_on: dict[str, bool] = {}
        for coordinate, (label, whole, recent, _) in (await self._found()).items():
            share = self._share(label)
            if label is None or (share == 0 and self._is_switched(label)):
                continue
            why = why_back(recent, back)
            if why is not None and share != 0:
                await self._decide(label, rule=False, why=f"{coordinate}: {why}", seen=None)
                return
            is_open = bool(promote.calls) and why_not_on(whole, promote) is None
            may_go_on[label] = may_go_on.get(label, True) and is_open
        for label in [label for label, is_open in may_go_on.items() if is_open and promote.auto]:
            share = self._share(label)
            step = None if share is None else next_step(share, promote)
            if step is not None:
                rule: OverrideRule = True if step == 100 else f"percent({step})"
                try:
                    await self._decide(label, rule=rule, why="the gate is open", seen=seen)
                except SwitchedMeanwhileError:
                    continue  # another pod has taken the step, or somebody has switched it off

    async def _look_as_leader(self) -> None:
        if self._worker.leads:
            await self.look()

    async def _decide(
        self,
        label: str,
        *,
        rule: OverrideRule,
        why: str,
        seen: Mapping[str, OverrideRule] | None,
    ) -> None:
        await self._switch(label, rule, seen)
        logger.warning("the label %s is %s from now on: %s", label, rule, why)
        line = {"label": label, "rule": rule, "why": why}
        self._worker.access_log.write_audit("override_gate", line)

    def _share(self, label: str | None) -> int | None:
        if label is None:
            return ALL
        served = self._worker.current.all()
        known = next((one for one in served if label in one.labels.known), served[0])
        return known.labels.share_now(label)

    def _is_switched(self, label: str) -> bool:
        return switched_share(label, self._worker.switches.shares) is not None

    async def _found(self) -> dict[str, tuple[str | None, MoveEvidence, MoveEvidence, int]]:
        """By move its label, all evidence, that of the last minute, and its fallbacks."""
        samples = self._config().override.shadow.samples
        answers = await self._worker.calls.ask(EVIDENCE, None, TIMEOUT_S)
        said = list(answers.said.values())
        labels = self._labels()
        found = {}
        for coordinate in dict.fromkeys(name for one in said for name in one):
            parts = [one[coordinate] for one in said if coordinate in one]
            label = label_of(coordinate, labels)
            share = self._share(label)
            # A worker that has not seen the last step yet tells of the time before.
            current = [part for part in parts if part["share"] == share]
            whole, recent = (
                added([MoveEvidence.from_json(part[name]) for part in of_name], samples)
                for name, of_name in (("whole", current), ("recent", parts))
            )
            found[coordinate] = label, whole, recent, sum(part["fallbacks"] for part in parts)
        return found

    def _labels(self) -> Mapping[str, str]:
        """The label of each field, of a canary's too."""
        return dict(
            ChainMap(*(dict(overrides_of(one.schema)) for one in self._worker.current.all()))
        )

    def _evidence(self) -> dict[str, list[Evidence]]:
        """By move what is found of it: a canary's too, but where it compares what the others have otherwise."""
        found: dict[str, list[Evidence]] = {}
        for one in self._worker.current.all():
            for coordinate, evidence in shadows_of(one.schema).items():
                of_move = found.setdefault(coordinate, [])
                if all(other.fingerprint == evidence.fingerprint for other in of_move):
                    of_move.append(evidence)
        return found

    async def _tell(self, _: None) -> dict[str, Any]:
        now = asyncio.get_running_loop().time()
        samples = self._config().override.shadow.samples
        labels = self._labels()
        return {
            coordinate: {
                "share": self._share(label_of(coordinate, labels)),
                "whole": added([one.whole for one in found], samples).as_json(),
                "recent": added([one.recent(now) for one in found], 0).as_json(),
                "fallbacks": sum(n for (at, _), n in fallen_back.items() if at == coordinate),
            }
            for coordinate, found in self._evidence().items()
        }

    def _step(self, before: Mapping[str, int], after: Mapping[str, int]) -> None:
        """Begin again with the evidence of labels that are on for other clients now, whoever has switched them."""
        for one in self._worker.current.all():
            stepped = {
                label
                for label in one.labels.known
                if is_step(switched_share(label, before), switched_share(label, after))
            }
            for coordinate, evidence in shadows_of(one.schema).items():
                if label_of(coordinate, overrides_of(one.schema)) in stepped:
                    evidence.begin_again()

    async def _begin_again(self, label: str | None) -> bool:
        for one in self._worker.current.all():
            for coordinate, evidence in shadows_of(one.schema).items():
                if label is None or label_of(coordinate, overrides_of(one.schema)) == label:
                    evidence.begin_again()
        return True

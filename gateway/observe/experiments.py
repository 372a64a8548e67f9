"""Experiments: who has met which variant of a flag, once for a time, and what came of it; on its way to a file.

A client has met a flag where something was asked that depended on it, not where the flag was decided. It counts where a
rule has put the client there: a default, or a value that is the same for all, is no part of an experiment. A client
without an id of its own counts in metrics alone: an address is nobody.
"""

from __future__ import annotations

import logging
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from math import isfinite
from pathlib import Path
from typing import Any

from gateway.client.flags import DecidedFlag
from gateway.client.request import ClientRequest
from gateway.client.targeting import TargetingKeys
from gateway.flags.decide import Flags
from gateway.observe.experiment_settings import ExperimentSettings
from gateway.observe.usage_file import LineWriter, UsageFile
from gateway.response.record import OperationRecord
from gateway.telemetry.catalogue import (
    EXPERIMENT_DURATION,
    EXPERIMENT_EXPOSURES,
    EXPERIMENT_LOST,
    EXPERIMENT_OPERATIONS,
)
from gateway.telemetry.metrics import Histogram, Sample

logger = logging.getLogger("gateway.experiments")
NOT_DRAWN = frozenset({"STATIC", "DEFAULT", "DISABLED", "ERROR"})
"""Reasons of OpenFeature by which no rule has put a client anywhere."""
MOST_WAITING = 10_000
"""Lines that wait to be written; of more it is told that they are lost."""


class Experiments:
    """The experiments of one worker.

    Args:
        settings: As configured.
        keys: Gives the ids of clients.
        flags: Names variants in metrics, and is told of goals.
        now: The wall clock, seconds.
    """

    def __init__(
        self,
        settings: ExperimentSettings,
        keys: TargetingKeys,
        flags: Flags,
        now: Callable[[], float] = time.time,
    ) -> None:
        assert settings.file is not None
        self._settings, self._keys, self._flags, self._now = settings, keys, flags, now
        path = Path(settings.file).absolute()
        file = UsageFile(path, settings.max_size_bytes, settings.max_files)
        self._writer = LineWriter(file, self._taken, settings.interval_s, "exposures", logger)
        self._goals = frozenset(goal.partition(".")[2] for goal in settings.goals)
        self._met: OrderedDict[tuple[str, str, str], float] = OrderedDict()
        self._waiting: list[dict[str, Any]] = []
        self._operations: Counter[tuple[str, str, str]] = Counter()
        self._exposures: Counter[tuple[str, str]] = Counter()
        self._durations: dict[tuple[str, str], Histogram] = {}
        self._lost = 0

    def samples(self) -> Iterator[Sample]:
        """What was noted, for metrics."""
        for labels, count in self._operations.items():
            yield EXPERIMENT_OPERATIONS, labels, count
        for variant, count in self._exposures.items():
            yield EXPERIMENT_EXPOSURES, variant, count
        for variant, duration in self._durations.items():
            yield EXPERIMENT_DURATION, variant, duration.sample()
        yield EXPERIMENT_LOST, (), self._lost + self._writer.lost

    def note(
        self, record: OperationRecord, client: ClientRequest, outcome: str, took_s: float
    ) -> list[tuple[str, DecidedFlag]]:
        """Note an operation that has ended, and give the flags whose variants it has met for the first time.

        Args:
            record: Of it.
            client: Whose it was.
            outcome: "ok", or how else it ended.
            took_s: Its duration.
        """
        for name, flag in _drawn(record, client):
            self._count(name, flag, outcome, took_s)
        found = self.note_answer(record, client)
        self.note_end(record, client, outcome)
        return found

    def note_answer(
        self, record: OperationRecord, client: ClientRequest
    ) -> list[tuple[str, DecidedFlag]]:
        """Note one answer, of several it may be, and give the flags whose variants it has met for the first time.

        Args:
            record: Says what the answer depended on, and what Python has said since the one before.
            client: Who was given it.
        """
        drawn, tracked = _drawn(record, client), record.tracked or ()
        if not drawn and not tracked:
            return []
        unit = self._unit_of(client)
        found = []
        for name, flag in drawn:
            if unit is not None and self._is_first(unit, name, flag.variant):
                found.append((name, flag))
                self._exposures[name, self._flags.variant_label(name, flag.variant)] += 1
                met = {"flag": name, "variant": flag.variant, "reason": flag.reason}
                self._put("exposure", unit, met)
        for goal, value, attributes in tracked:
            self._reached(client, unit, goal, value, attributes)
        return found

    def note_end(self, record: OperationRecord, client: ClientRequest, outcome: str) -> None:
        """Note the goals that an operation has reached by how it ended."""
        goals = [name for name in record.executed if name in self._goals]
        if outcome == "ok" and goals:
            unit = self._unit_of(client)
            for name in goals:
                self._reached(client, unit, f"Mutation.{name}", None, {})

    def _reached(
        self,
        client: ClientRequest,
        unit: str | None,
        goal: str,
        value: float | None,
        attributes: Mapping[str, Any],
    ) -> None:
        if value is not None and not isfinite(value):
            self._lost += 1
            logger.error("the goal %s is left out: its number is not finite", goal)
        elif unit is not None:
            self._put("goal", unit, {"goal": goal, "value": value})
        self._flags.track(client, goal, value, attributes)

    def _unit_of(self, client: ClientRequest) -> str | None:
        unit = self._keys.unit_of(client)
        if unit is None or self._settings.ids == "plain":
            return unit
        text = f"{self._settings.salt}\n{unit}".encode("utf-8", "surrogatepass")
        return sha256(text).hexdigest()[:32]

    def _count(self, name: str, flag: DecidedFlag, outcome: str, took_s: float) -> None:
        variant = name, self._flags.variant_label(name, flag.variant)
        self._operations[(*variant, outcome)] += 1
        duration = self._durations.get(variant)
        if duration is None:
            duration = self._durations[variant] = Histogram()
        duration.observe(took_s)

    def _is_first(self, unit: str, name: str, variant: str) -> bool:
        """Whether a client meets a variant for the first time in its window."""
        key, now = (unit, name, variant), self._now()
        until = self._met.get(key)
        if until is not None and now < until:
            return False
        self._met[key] = now + self._settings.window_s
        self._met.move_to_end(key)
        if len(self._met) > self._settings.max_remembered:
            self._met.popitem(last=False)
        return True

    def _put(self, event: str, unit: str, said: dict[str, Any]) -> None:
        if len(self._waiting) >= MOST_WAITING:
            self._lost += 1
            return
        at = datetime.fromtimestamp(self._now(), UTC).isoformat(timespec="milliseconds")
        self._waiting.append({"time": at, "event": event, "unit": unit, **said})

    def begin(self) -> None:
        """Write, from now on."""
        self._writer.begin()

    async def aclose(self) -> None:
        """Write what is left."""
        await self._writer.aclose()

    def _taken(self) -> list[dict[str, Any]]:
        taken, self._waiting = self._waiting, []
        return taken


def _drawn(record: OperationRecord, client: ClientRequest) -> list[tuple[str, DecidedFlag]]:
    """The flags that an answer depended on, and by which a rule has put its client somewhere."""
    decided = client.flags
    if not record.exposed or not decided:
        return []
    found = [(name, decided[name]) for name in sorted(record.exposed) if name in decided]
    return [(name, flag) for name, flag in found if flag.reason not in NOT_DRAWN]

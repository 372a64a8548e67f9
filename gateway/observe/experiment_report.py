"""What came of an experiment: its file's lines, by variant, with intervals of confidence. Pure.

A client belongs to the variant that it met first. One that met two is left out of all, and counted: it was drawn anew.
What it has done counts from its first exposure on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from gateway.observe.intervals import (
    Interval,
    chance_of_split,
    difference_of_means,
    difference_of_shares,
    mean,
    share,
)

FEW = 30
"""Clients of a variant below which nothing is said with confidence."""


class ExposureLine(msgspec.Struct, tag_field="event", tag="exposure"):
    """A line that says that a client has met a variant."""

    time: str
    unit: str
    flag: str
    variant: str


class GoalLine(msgspec.Struct, tag_field="event", tag="goal"):
    """A line that says that a client has reached a goal."""

    time: str
    unit: str
    goal: str
    value: float | None = None


@dataclass(slots=True)
class Met:
    """One client of an experiment.

    Attributes:
        variant: The one that it met.
        since: When, as written.
        goals: What it has reached since, how often.
        values: The sum of the numbers that came with it.
    """

    variant: str
    since: str
    goals: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    values: dict[str, float] = field(default_factory=lambda: defaultdict(float))


@dataclass(frozen=True, slots=True)
class GoalOfVariant:
    """What the clients of a variant have reached.

    Attributes:
        variant: Its name.
        clients: How many there are.
        reached: How many have reached the goal.
        share: Of them.
        mean: Of the sums of the numbers that came with it, over all clients; None where no number came.
        more: How much larger the share is than that of the control; None of the control itself.
        more_mean: The same of the mean.
    """

    variant: str
    clients: int
    reached: int
    share: Interval
    mean: Interval | None
    more: Interval | None
    more_mean: Interval | None


@dataclass(frozen=True, slots=True)
class ExperimentReport:
    """An experiment.

    Attributes:
        clients: By variant, how many there are.
        switched: Clients that met more than one variant.
        left_out: Lines that are no event.
        goals: By goal, the variants, the control first.
        split_chance: How likely a split as uneven as this one is, if it is as expected; None where nothing is expected.
    """

    clients: Mapping[str, int]
    switched: int
    left_out: int
    goals: Mapping[str, list[GoalOfVariant]]
    split_chance: float | None


def report_of(
    lines: Iterable[Any],
    flag: str,
    control: str,
    expected: Mapping[str, float] | None = None,
    confidence: float = 0.95,
) -> ExperimentReport:
    """The report of a flag's experiment.

    Args:
        lines: Of the file, in any order. What is no event is left out, and counted.
        flag: Which.
        control: The variant that the others are compared with.
        expected: By variant the weight with which clients are drawn.
        confidence: Of the intervals.

    Errors: ValueError for a control that nobody has met, and for a variant of `expected` that there is not.
    """
    events, left_out = _events(lines)
    met, switched = _met(events, flag)
    for line in events:
        if not isinstance(line, GoalLine):
            continue
        client = met.get(line.unit)
        if client is not None and line.time >= client.since:
            client.goals[line.goal] += 1
            if line.value is not None:
                client.values[line.goal] += line.value
    by_variant: dict[str, list[Met]] = defaultdict(list)
    for client in met.values():
        by_variant[client.variant].append(client)
    if control not in by_variant:
        known = ", ".join(sorted(by_variant)) or "none"
        raise ValueError(f"nobody has met the variant {control} of {flag}; met were: {known}")
    order = [control, *sorted(set(by_variant) - {control})]
    goals = sorted({goal for client in met.values() for goal in client.goals})
    chance = None
    if expected is not None:
        if unknown := set(by_variant) - expected.keys():
            raise ValueError(f"nothing is expected of {', '.join(sorted(unknown))}")
        counts = [len(by_variant.get(name, ())) for name in expected]
        chance = chance_of_split(counts, list(expected.values()))
    return ExperimentReport(
        {name: len(by_variant[name]) for name in order},
        switched,
        left_out,
        {
            goal: [_goal(goal, name, by_variant, control, confidence) for name in order]
            for goal in goals
        },
        chance,
    )


def _events(lines: Iterable[Any]) -> tuple[list[ExposureLine | GoalLine], int]:
    """The lines that are events, and how many are not."""
    events: list[ExposureLine | GoalLine] = []
    left_out = 0
    for line in lines:
        try:
            events.append(msgspec.convert(line, ExposureLine | GoalLine))
        except msgspec.ValidationError:
            left_out += 1
    return events, left_out


def _met(lines: Iterable[ExposureLine | GoalLine], flag: str) -> tuple[dict[str, Met], int]:
    """The clients that met one variant of a flag, and how many met more."""
    met: dict[str, Met] = {}
    switched: set[str] = set()
    for line in lines:
        if not isinstance(line, ExposureLine) or line.flag != flag:
            continue
        client = met.setdefault(line.unit, Met(line.variant, line.time))
        client.since = min(client.since, line.time)
        if client.variant != line.variant:
            switched.add(line.unit)
    return {unit: client for unit, client in met.items() if unit not in switched}, len(switched)


def _goal(
    goal: str,
    variant: str,
    by_variant: Mapping[str, list[Met]],
    control: str,
    confidence: float,
) -> GoalOfVariant:
    mine, others = by_variant[variant], by_variant[control]
    counts = [(sum(goal in one.goals for one in group), len(group)) for group in (mine, others)]
    has_values = any(goal in one.values for group in by_variant.values() for one in group)
    values = [[one.values.get(goal, 0.0) for one in group] for group in (mine, others)]
    is_control = variant == control
    return GoalOfVariant(
        variant,
        len(mine),
        counts[0][0],
        share(*counts[0], confidence),
        mean(values[0], confidence) if has_values else None,
        None if is_control else difference_of_shares(counts[0], counts[1], confidence),
        None
        if is_control or not has_values
        else difference_of_means(values[0], values[1], confidence),
    )

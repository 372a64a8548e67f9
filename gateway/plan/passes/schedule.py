"""The waves of a part: which steps run together, and after which.

A selection's rows are ready when the wave that gave them is over; a step runs in the first wave in which
its rows and the fields that its loader reads are ready.
"""

from __future__ import annotations

from collections.abc import Mapping

from gateway.plan.nodes import Field, Kind, Part, Plan, Selection, Step, child_selections


def schedule_steps(plan: Plan) -> Plan:
    """Set every part's `waves`."""
    return plan._replace(parts=tuple(_schedule_part(part) for part in plan.parts))


def _schedule_part(part: Part) -> Part:
    waves: list[list[Step]] = []
    _place(part.root, 0, True, waves)
    return Part(part.root, tuple(tuple(wave) for wave in waves))


def _place(selection: Selection, ready: int, is_root: bool, waves: list[list[Step]]) -> None:
    """Put the steps of a selection, and of those below it, into their waves."""
    ends = _ends(selection, ready)
    for step in _steps(selection, is_root):
        wave = max(ends.get(number, 1) for number in step.fields) - 1
        while len(waves) <= wave:
            waves.append([])
        waves[wave].append(step)
    for field in selection.fields:
        for child in child_selections(field):
            if child.settled:
                # A property of the root is read with the first wave, awaitable or not.
                _place(child, ends.get(field.id, ready + is_root), False, waves)


def _ends(selection: Selection, ready: int) -> dict[int, int]:
    """The wave after which each step's values are there."""
    by_id = {field.id: field for field in selection.fields}
    ends: dict[int, int] = {}
    for field in selection.fields:
        if field.is_step:
            _end(field, by_id, ready, ends)
    return ends


def _end(field: Field, by_id: Mapping[int, Field], ready: int, ends: dict[int, int]) -> int:
    if not field.after:
        ends[field.id] = ready + 1
    elif field.id not in ends:
        before = (_end(by_id[number], by_id, ready, ends) for number in field.after)
        ends[field.id] = max(max(before), ready) + 1
    return ends[field.id]


def _steps(selection: Selection, is_root: bool) -> list[Step]:
    steps: list[Step] = []
    entities: dict[tuple[int, tuple[int, ...]], list[int]] = {}
    for field in selection.fields:
        if field.kind is Kind.ENTITY:
            entities.setdefault((field.loader, field.after), []).append(field.id)
        elif field.is_step or (is_root and field.kind is Kind.PROPERTY):
            steps.append(Step(selection.id, (field.id,), field.kind))
    steps += [Step(selection.id, tuple(ids), Kind.ENTITY) for ids in entities.values()]
    return steps

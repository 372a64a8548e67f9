"""The waves of a part: which steps run together, and after which.

A selection's rows are ready when the wave that gave them is over; a step runs in the first wave in which
its rows and the fields that its loader reads are ready.
"""

from __future__ import annotations

from dataclasses import replace

from gateway.plan.nodes import Field, Kind, Part, Plan, Selection, Step, child_selections


def schedule_steps(plan: Plan) -> Plan:
    """Set every part's `waves`."""
    return replace(plan, parts=tuple(_schedule_part(part) for part in plan.parts))


def _schedule_part(part: Part) -> Part:
    waves: list[list[Step]] = []

    def place(step: Step, wave: int) -> None:
        while len(waves) <= wave:
            waves.append([])
        waves[wave].append(step)

    def visit(selection: Selection, ready: int, is_root: bool) -> None:
        ends = _ends(selection, ready)
        for step in _steps(selection, is_root):
            place(step, max(ends.get(number, 1) for number in step.fields) - 1)
        for field in selection.fields:
            for child in child_selections(field):
                if child.settled:
                    # A property of the root is read with the first wave, awaitable or not.
                    visit(child, ends.get(field.id, ready + is_root), False)

    visit(part.root, 0, True)
    return replace(part, waves=tuple(tuple(wave) for wave in waves))


def _ends(selection: Selection, ready: int) -> dict[int, int]:
    """The wave after which each step's values are there."""
    by_id = {field.id: field for field in selection.fields}
    ends: dict[int, int] = {}

    def end(field: Field) -> int:
        if field.id not in ends:
            start = max((end(by_id[number]) for number in field.after), default=ready)
            ends[field.id] = max(start, ready) + 1
        return ends[field.id]

    for field in selection.fields:
        if field.is_step:
            end(field)
    return ends


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

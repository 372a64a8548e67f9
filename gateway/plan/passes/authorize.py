"""The fields of a plan that the client may not see: where they stand in the response.

Denied fields are in the plan from the start (`PlanBuilder` puts nothing below them and no loader behind them); this
reads them off again, so that a client is told, once for each place, lists as `@`, and fragments as `... on Type`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gateway.plan.nodes import ListOf, Output, Plan, Selection, composite_of

MOST_PLACES = 100


@dataclass(frozen=True, slots=True)
class Denied:
    """One place of a response that is not answered.

    Attributes:
        path: Where: keys, `@` for the items of a list, `... on Type` for objects of one type among several.
        coordinate: The field.
    """

    path: tuple[str, ...]
    coordinate: str


def find_denied(plan: Plan, at: tuple[str, ...] = ()) -> tuple[Denied, ...]:
    """What is denied, in the order of the response, at most 100 places.

    Args:
        plan: The plan.
        at: Where its rows stand, for one that begins with another's.
    """
    found: dict[tuple[str, ...], Denied] = {}
    for part in plan.parts:
        for denied in _below(part.root, at):
            found.setdefault(denied.path, denied)
            if len(found) >= MOST_PLACES:
                return tuple(found.values())
    return tuple(found.values())


def place_of_rows(plan: Plan, selection: int) -> tuple[str, ...]:
    """Where the objects of a selection stand in the response."""
    found = (_place(part.root, selection, ()) for part in plan.parts)
    return next(place for place in found if place is not None)


def _place(here: Selection, selection: int, path: tuple[str, ...]) -> tuple[str, ...] | None:
    if here.id == selection:
        return path
    for field in here.fields:
        composite = composite_of(field.output)
        if composite is None:
            continue
        inner = (*path, field.key, *_items(field.output))
        for below in composite.selections:
            own = inner if len(composite.selections) == 1 else (*inner, f"... on {below.type}")
            if (found := _place(below, selection, own)) is not None:
                return found
    return None


def is_all_denied(plans: Iterable[Plan]) -> bool:
    """Whether nothing of an operation's plans is left but `__typename`s."""
    roots = (part.root for plan in plans for part in plan.parts)
    fields = [field for root in roots for field in root.fields if not field.hidden]
    left = [field for field in fields if not field.denied and field.name != "__typename"]
    return not left and any(field.denied for field in fields)


def _below(selection: Selection, path: tuple[str, ...]) -> Iterator[Denied]:
    for field in selection.fields:
        if field.hidden:
            continue
        if field.denied:
            yield Denied((*path, field.key), field.coordinate)
            continue
        composite = composite_of(field.output)
        if composite is None:
            continue
        inner = (*path, field.key, *_items(field.output))
        everywhere = _denied_everywhere(composite.selections)
        for below in composite.selections:
            own = inner if len(composite.selections) == 1 else (*inner, f"... on {below.type}")
            for denied in _below(below, own):
                key = denied.path[len(own)]
                if len(denied.path) == len(own) + 1 and key in everywhere:
                    yield Denied((*inner, key), f"{composite.type}.{everywhere[key]}")
                elif _is_of_type(below, denied, len(own)) and own != inner:
                    yield Denied(own, below.type)
                else:
                    yield denied


def _denied_everywhere(selections: tuple[Selection, ...]) -> dict[str, str]:
    """Keys, with their fields, that are denied of each type: those that are asked of an interface."""
    found = [
        {field.key: field.name for field in selection.fields if field.denied}
        for selection in selections
    ]
    if len(found) < 2:
        return {}
    return {key: name for key, name in found[0].items() if all(key in one for one in found)}


def _is_of_type(selection: Selection, denied: Denied, depth: int) -> bool:
    """Whether it is the selection's type that is denied, not the field alone."""
    if len(denied.path) != depth + 1:
        return False
    return any(f.denied == "type" and f.key == denied.path[depth] for f in selection.fields)


def _items(output: Output) -> Iterator[str]:
    while isinstance(output, ListOf):
        yield "@"
        output = output.item

"""The form of rows that is known before the first of them has come: what the loaders of a plan say of theirs.

It decides only how the first code reads rows; whoever is wrong is found out by the rows (`forms`).
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.graph.loader import RowClasses
from gateway.plan.nodes import Kind
from gateway.runtime.bound import BoundField
from gateway.runtime.bound_plan import Bound
from gateway.runtime.forms import RowForm


def forms_of_loaders(bound: Bound) -> dict[int, RowForm]:
    """The form of each selection's rows, by its id, where a loader says of which class they are."""
    forms: dict[int, RowForm] = {}
    for field in bound.fields.values():
        if field.plan.kind not in (Kind.BATCH, Kind.ENTITY):
            continue
        classes: RowClasses | None = getattr(field.loader, "row_classes", None)
        if classes is not None and field.plan.kind is Kind.ENTITY:
            classes = classes.members.get(field.name)
        if classes is not None:
            forms.update(_forms_below(field, classes))
    return forms


def _forms_below(field: BoundField, classes: RowClasses) -> Iterator[tuple[int, RowForm]]:
    selection = field.composite.only if field.composite is not None else None
    if selection is None:
        return
    yield selection.id, RowForm(classes.row_class)
    for below in selection.fields:
        inner = classes.members.get(below.access)
        if inner is not None and below.plan.kind in (Kind.PROPERTY, Kind.ENTITY):
            yield from _forms_below(below, inner)

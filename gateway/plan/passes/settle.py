"""Which selections need a column of rows before the response is shaped.

Those that a step runs on or below, those that are kept for what is deferred, those whose runtime type a function
decides, and each part's root. All others are shaped where they stand, by reading properties of properties.
"""

from __future__ import annotations

from dataclasses import replace

from gateway.plan.nodes import Composite, Field, Plan, Selection, composite_of
from gateway.plan.rewrite import map_children, map_roots


def mark_settled(plan: Plan) -> Plan:
    """Set `settled` of every selection. The types of one field are settled together or not at all."""

    def visit(selection: Selection) -> Selection:
        return replace(selection, fields=tuple(map(visit_field, selection.fields)), settled=True)

    def visit_field(field: Field) -> Field:
        return map_children(field, visit) if needs_rows(field) else field

    def needs_rows(field: Field) -> bool:
        known = found.get(field.id)
        if known is None:
            known = found[field.id] = _needs_rows(composite_of(field.output))
        return known

    def _needs_rows(composite: Composite | None) -> bool:
        if composite is None:
            return False
        return composite.by_call or any(
            selection.is_kept
            or any(below.is_step or needs_rows(below) for below in selection.fields)
            for selection in composite.selections
        )

    found: dict[int, bool] = {}
    return map_roots(plan, visit)


def is_settled(field: Field) -> bool:
    """Whether the objects of a field are gathered into rows, in a plan that has passed `mark_settled`."""
    composite = composite_of(field.output)
    return composite is not None and (
        composite.by_call or any(selection.settled for selection in composite.selections)
    )

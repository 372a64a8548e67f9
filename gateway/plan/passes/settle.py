"""Which selections need a column of rows before the response is shaped.

Those that a step runs on or below, those that are kept for what is deferred, those whose runtime type a function
decides, and each part's root. All others are shaped where they stand, by reading properties of properties.
"""

from __future__ import annotations

from gateway.plan.nodes import Composite, Field, Plan, Selection, composite_of
from gateway.plan.rewrite import map_children, map_roots


def mark_settled(plan: Plan) -> Plan:
    """Set `settled` of every selection. The types of one field are settled together or not at all."""
    return map_roots(plan, _Rows().settled)


class _Rows:
    """Which fields need rows. Methods, and no functions that hold themselves: those would be circles of garbage."""

    def __init__(self) -> None:
        self._found: dict[int, bool] = {}

    def settled(self, selection: Selection) -> Selection:
        fields = tuple(map(self._settled_field, selection.fields))
        return Selection(selection.id, selection.type, fields, True, selection.is_kept)

    def _settled_field(self, field: Field) -> Field:
        return map_children(field, self.settled) if self._needs_rows(field) else field

    def _needs_rows(self, field: Field) -> bool:
        known = self._found.get(field.id)
        if known is None:
            known = self._found[field.id] = self._has_rows(composite_of(field.output))
        return known

    def _has_rows(self, composite: Composite | None) -> bool:
        if composite is None:
            return False
        return composite.by_call or any(
            selection.is_kept
            or any(below.is_step or self._needs_rows(below) for below in selection.fields)
            for selection in composite.selections
        )


def is_settled(field: Field) -> bool:
    """Whether the objects of a field are gathered into rows, in a plan that has passed `mark_settled`."""
    composite = composite_of(field.output)
    return composite is not None and (
        composite.by_call or any(selection.settled for selection in composite.selections)
    )

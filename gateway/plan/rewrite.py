"""Rebuilding a plan's tree: what every pass is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import is_

from gateway.plan.nodes import Composite, Field, ListOf, Output, Part, Plan, Selection


def map_roots(plan: Plan, function: Callable[[Selection], Selection]) -> Plan:
    """The plan with each part's root selection replaced."""
    return plan._replace(parts=tuple(Part(function(part.root), part.waves) for part in plan.parts))


def with_fields(selection: Selection, fields: Iterable[Field]) -> Selection:
    """The selection with other fields; itself where they are the same: most passes change few."""
    made = tuple(fields)
    if len(made) == len(selection.fields) and all(map(is_, made, selection.fields)):
        return selection
    return selection._replace(fields=made)


def map_children(field: Field, function: Callable[[Selection], Selection]) -> Field:
    """The field with each selection right below it replaced."""
    output = _map_output(field.output, function)
    return field if output is field.output else field._replace(output=output)


def _map_output(output: Output, function: Callable[[Selection], Selection]) -> Output:
    if isinstance(output, ListOf):
        item = _map_output(output.item, function)
        return output if item is output.item else output._replace(item=item)
    if not isinstance(output, Composite):
        return output
    selections = tuple(function(selection) for selection in output.selections)
    if all(new is old for new, old in zip(selections, output.selections, strict=True)):
        return output
    return output._replace(selections=selections)

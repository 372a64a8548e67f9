"""A plan as text for people: what `gateway plan QUERY` prints."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.plan.nodes import (
    Composite,
    Field,
    Leaf,
    Output,
    Part,
    Plan,
    Selection,
    Step,
    walk_selections,
)


def print_plan(plan: Plan, *, hides_arguments: bool = False) -> str:
    """The plan as a tree: the response with the kind of each field, then the waves of steps.

    Args:
        plan: The plan.
        hides_arguments: Write `(…)` for the arguments, which may hold a client's literals: for logs.
    """
    title = f"{plan.operation} {plan.name}".rstrip()
    shaping = ", ".join(f"${name}: {_literal(value)}" for name, value in plan.shaping)
    lines = [f"{title} ({shaping})" if shaping else title]
    if plan.overrides:
        lines[0] += f" with {', '.join(plan.overrides)}"
    for part in plan.parts:
        lines += _part(part, hides_arguments)
    return "\n".join(lines) + "\n"


def _part(part: Part, hides: bool) -> Iterator[str]:
    yield from _selection(part.root, "", hides)
    labels = {field.id: field for s in walk_selections(part.root) for field in s.fields}
    for number, wave in enumerate(part.waves):
        steps = ", ".join(_step(step, labels) for step in wave)
        yield f"  wave {number}: {steps}"


def _selection(selection: Selection, indent: str, hides: bool, note: str = "") -> Iterator[str]:
    rows = "rows" if selection.settled else "in place"
    yield f"{indent}  {{{selection.type}}} {rows}{note}"
    for field in selection.fields:
        yield from _field(field, f"{indent}    ", hides)


def _field(field: Field, indent: str, hides: bool) -> Iterator[str]:
    name = field.key if field.key == field.name else f"{field.key} = {field.name}"
    arguments = f"({'…' if hides else field.arguments})" if field.arguments else ""
    notes = [str(field.kind)]
    if field.denied:
        notes.append(f"denied for its {field.denied}")
    if field.hidden:
        notes.append("hidden")
    if field.is_overridden:
        notes.append("overridden")
    if field.after:
        notes.append("after " + ", ".join(f"#{number}" for number in field.after))
    if field.wanted:
        notes.append(f"wants {field.wanted}")
    yield f"{indent}{name}{arguments}: {_type(field.output)}  [{', '.join(notes)}] #{field.id}"
    composite = _composite(field.output)
    if composite is not None:
        note = ", type by call" if composite.by_call else ""
        for selection in composite.selections:
            yield from _selection(selection, indent, hides, note)


def _step(step: Step, fields: dict[int, Field]) -> str:
    names = "+".join(fields[number].coordinate for number in step.fields)
    return f"{step.kind} {names}"


def _composite(output: Output) -> Composite | None:
    if isinstance(output, Composite):
        return output
    return None if isinstance(output, Leaf) else _composite(output.item)


def _type(output: Output) -> str:
    text = output.type if isinstance(output, Leaf | Composite) else f"[{_type(output.item)}]"
    return f"{text}!" if output.non_null else text


def _literal(value: bool | None) -> str:
    return "absent" if value is None else str(value).lower()

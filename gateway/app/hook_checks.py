"""What the marks of hooks mean for the graph: what they read before a source is called, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from gateway.client.vary import VARY_NONE, Vary, joined
from gateway.errors import Diagnostic
from gateway.graph.hook_marks import takes_send
from gateway.graph.register import HOOKS, Mark
from gateway.graph.signature import finding, parameters_of
from gateway.settings.suggestions import suggest_or_list

PARAMETERS = {
    "on_request": (("request",),),
    "principal": (("request",),),
    "on_operation": (("operation", "request"),),
    "on_upstream": (("request",), ("request", "send")),
    "on_response": (("response", "request"),),
}
CALLING = ("resolver", "batch_resolver", "subscription", "entity_resolver", "type_resolver", "schema_directive", "context_factory")  # fmt: skip
"""The kinds that may call a source by `context.http`."""


def read_by_hooks(marks: Sequence[Mark], source: str | None) -> Vary | None:
    """What hooks read of the client before a source is called; None where one of them declares nothing.

    Args:
        marks: The user's Python.
        source: A source's name; None for any.
    """
    return joined(
        mark.vary
        for mark in hooks_of_calls(marks)
        if source is None or not mark.sources or source in mark.sources
    )


def hooks_of_calls(marks: Sequence[Mark]) -> list[Mark]:
    """The hooks that run before a source is called, where the client is known."""
    return [m for m in marks if m.kind == "on_upstream" and not takes_send(m.target)]


def with_hooks(marks: Sequence[Mark]) -> list[Mark]:
    """The marks, where functions that may call any source read what its hooks read, too."""
    read = read_by_hooks(marks, None)
    if read is VARY_NONE:
        return list(marks)
    return [
        replace(mark, vary=joined((mark.vary, read))) if mark.kind in CALLING else mark
        for mark in marks
    ]


def check_hooks(marks: Sequence[Mark], sources: Collection[str] | None) -> list[Diagnostic]:
    """What is wrong with hooks, and which of them keep answers from being shared.

    Args:
        marks: The user's Python.
        sources: Names of the schema's sources; None where they are not known.
    """
    found: list[Diagnostic] = []
    for mark in marks:
        if mark.kind not in HOOKS:
            continue
        forms = PARAMETERS[mark.kind]
        count = len(parameters_of(mark.target))
        if count not in {len(form) for form in forms}:
            expected = " or ".join(f"({', '.join(form)})" for form in forms)
            found.append(finding(mark, f"{mark.title} must take {expected}"))
        for name in mark.sources:
            if sources is not None and name not in sources:
                hint = suggest_or_list(name, sorted(sources))
                found.append(finding(mark, f"{mark.title}: there is no source `{name}`", hint))
        is_of_attempts = mark.kind == "on_upstream" and takes_send(mark.target)
        if is_of_attempts and mark.vary not in (None, VARY_NONE):
            message = f"{mark.title} stands around attempts and knows no client: vary= says nothing"
            found.append(finding(mark, message, "read the client in a hook that takes (request)"))
    return found + [_undeclared(mark) for mark in hooks_of_calls(marks) if mark.vary is None]


def _undeclared(mark: Mark) -> Diagnostic:
    what = f"the sources {', '.join(mark.sources)}" if mark.sources else "any source"
    message = f"{mark.title} does not declare `vary=`, so nothing of {what} is shared"
    hint = "declare the headers that it reads; `vary=()` for none"
    return replace(finding(mark, message, hint), code="NothingIsShared", severity="warning")

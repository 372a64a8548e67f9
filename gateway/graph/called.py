"""Holds the user's functions against how they are called, where no field of the schema says it.

Hooks, labels, scalars, directives, and what tells types apart: each is called with so many values by position. It reads
signatures only; it never calls the user's code.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from gateway.errors import Diagnostic
from gateway.graph.register import Mark
from gateway.graph.signature import finding

FUNCTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "context_factory": ("context",),
    "entity_resolver": ("representations", "context"),
    "on_shutdown": ("state",),
    "on_startup": ("state",),
    "override_label": ("context",),
    "policy_resolver": ("context", "policies"),
    "type_resolver": ("value", "context"),
}
"""What a function of each kind is called with."""

METHODS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "scalar": {"serialize": ("value",), "parse_value": ("value",), "parse_literal": ("node",)},
    "schema_directive": {
        "result": ("value", "context"),
        "argument": ("value",),
        "resolve": ("next", "parent", "context"),
    },
}
"""What the methods of a class of each kind are called with."""

NEVER_AWAITED: Final = frozenset({
    "serialize", "parse_value", "parse_literal", "result", "argument", "type_resolver",
})  # fmt: skip
"""What gives its value at once: a coroutine would be the value."""


def check_calls(marks: Iterable[Mark]) -> list[Diagnostic]:
    """An error for each function that could not be called as it will be."""
    return [found for mark in marks for found in _check(mark)]


def _check(mark: Mark) -> Iterator[Diagnostic]:
    if mark.kind in FUNCTIONS:
        yield from _check_one(mark, mark.kind, mark.target, FUNCTIONS[mark.kind], mark.title)
    for name, values in METHODS.get(mark.kind, {}).items():
        method = inspect.getattr_static(mark.target, name, None)
        is_of_object = inspect.isfunction(method) and inspect.isclass(mark.target)
        if is_of_object and "self" in list(inspect.signature(method).parameters)[:1]:
            values = ("self", *values)
        elif method is not None:
            method = getattr(mark.target, name)
        if method is not None:
            yield from _check_one(mark, name, method, values, f"`{name}` of {mark.title}")


def _check_one(
    mark: Mark, kind: str, function: Callable[..., Any], values: tuple[str, ...], title: str
) -> Iterator[Diagnostic]:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # a built-in without a signature
        return
    by_position = [
        one for one in parameters if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)
    ]
    takes_all = any(one.kind is one.VAR_POSITIONAL for one in parameters)
    needed = [one for one in by_position if one.default is one.empty]
    named = [one for one in parameters if one.kind is one.KEYWORD_ONLY and one.default is one.empty]
    # What a directive's `resolve` takes beyond that are the field's arguments, by their names.
    too_many = (len(needed) > len(values) or bool(named)) and kind != "resolve"
    if too_many or (len(by_position) < len(values) and not takes_all):
        rest = ", **arguments" if kind == "resolve" else ""
        yield finding(mark, f"{title} must take ({', '.join(values)}{rest})")
    if kind in NEVER_AWAITED and inspect.iscoroutinefunction(function):
        yield finding(mark, f"{title} is `async def`, and is not awaited", "write `def`")

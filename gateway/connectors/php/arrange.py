"""Brings a raw answer into the shape that its mapping and the schema declare, before any braces work on it.

    a list with gaps, `{"0": …, "2": …}`     a list: what array_filter() leaves
    `{}` where a list is declared            an empty list
    `[]` where an object is declared         an empty object
    `false` or `""` for an object            null: what fetch() gives where there is no row
    `""` for a list                          null
    anything else                            an error in its place: never a value that was guessed

It changes no value in place: references of serialize() may lead to one from several places.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import is_
from typing import Any

from gateway.connectors.php.rules import Rule

Misfit = Callable[[Any, str], Exception]
"""From a value and what is declared in its place to the error that takes it."""


def arrange(value: Any, rules: Sequence[Rule], misfit: Misfit) -> Any:
    """An object of the answer by its rules. Errors: those of `misfit` that cannot stand in their place."""
    for rule in rules:
        value = _along(value, rule, 0, rule.lists, misfit)
    return value


def is_gapped(value: dict[str, Any]) -> bool:
    """Whether a map is a list whose keys PHP kept: all of them are integers from 0 on."""
    for key in value:
        if not (key.isascii() and key.isdigit()) or (key[0] == "0" and key != "0"):
            return False
    return True


def _along(value: Any, rule: Rule, at: int, lists: int, misfit: Misfit) -> Any:
    """The value with what stands at the rest of a rule's path brought into shape.

    Args:
        at: How many keys of the path are behind.
        lists: How many lists are still to come.
    """
    if at == len(rule.path):
        return _end(value, rule, lists, misfit)
    key = rule.path[at]
    if value.__class__ is dict:
        if key in value:
            old = value[key]
            new = _along(old, rule, at + 1, lists, misfit)
            return value if new is old else {**value, key: new}
        # Only behind the first key: the object itself has been brought into shape.
        if at == 0 or lists == 0 or not is_gapped(value):
            return value
        value = list(value.values())
    if value.__class__ is list:
        if not value:
            return {} if at and lists == 0 else value
        return _each(value, lambda item: _along(item, rule, at, max(lists - 1, 0), misfit))
    return value


def _end(value: Any, rule: Rule, lists: int, misfit: Misfit) -> Any:
    """The value of a rule's place."""
    if value is None:
        return None
    if lists:
        return _list(value, rule, lists, misfit)
    if rule.holds == "object":
        return _object(value, rule, misfit)
    return arrange(value, rule.inner, misfit) if rule.inner and value.__class__ is dict else value


def _list(value: Any, rule: Rule, lists: int, misfit: Misfit) -> Any:
    if value.__class__ is dict and is_gapped(value):
        value = list(value.values())
    if value.__class__ is list:
        if lists == 1 and rule.holds == "leaf":
            return value
        return _each(value, lambda item: _end(item, rule, lists - 1, misfit))
    if rule.holds == "any":
        return value
    if value == "":
        return None
    return _misfit(value, rule, "a list", misfit)


def _object(value: Any, rule: Rule, misfit: Misfit) -> Any:
    if value.__class__ is dict:
        inner = rule.inner
        is_row = rule.takes == "itself" or not value or not is_gapped(value)
        if not is_row and not _reads_any(value, inner):
            return _misfit(value, rule, "an object", misfit)
        return arrange(value, inner, misfit)
    if value.__class__ is list and not value:
        return {}
    if rule.takes == "itself":
        return value
    if value is False or value == "":
        return None
    return _misfit(value, rule, "an object", misfit)


def _reads_any(value: dict[str, Any], rules: Sequence[Rule]) -> bool:
    return any(rule.path[:1] == (key,) for rule in rules for key in value)


def _misfit(value: Any, rule: Rule, declared: str, misfit: Misfit) -> Any:
    error = misfit(value, declared)
    if rule.takes == "nothing":
        raise error
    return error


def _each(values: list[Any], change: Callable[[Any], Any]) -> list[Any]:
    """The same list where nothing changes."""
    changed = [change(item) for item in values]
    if all(map(is_, changed, values)):
        return values
    return changed

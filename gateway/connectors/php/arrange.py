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

from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from operator import is_
from typing import Any

from gateway.connectors.php.rules import PlaceRule

Misfit = Callable[[Any, str], Exception]
"""From a value and what is declared in its place to the error that takes it."""
Arrange = Callable[[Any, Misfit], Any]
"""Errors: those of `misfit` that cannot stand in their place."""
DICT = {dict}


def compile_rules(rules: Sequence[PlaceRule]) -> Arrange:
    """What brings an object of the answer into the shape of its rules."""
    changes = [_at(rule, 0, rule.lists) for rule in rules]
    if len(changes) == 1:
        return changes[0]

    def arrange(value: Any, misfit: Misfit) -> Any:
        for change in changes:
            value = change(value, misfit)
        return value

    return arrange


def is_gapped(value: Iterable[str]) -> bool:
    """Whether a map is a list whose keys PHP kept: all of them are integers from 0 on."""
    for key in value:
        if not (key.isascii() and key.isdigit()) or (key[0] == "0" and key != "0"):
            return False
    return True


def _at(rule: PlaceRule, at: int, lists: int) -> Arrange:
    """What brings the rest of a rule's path into shape.

    Args:
        rule: The rule.
        at: How many keys of its path are behind.
        lists: How many lists are still to come.
    """
    if at == len(rule.path):
        return _end(rule, lists)
    key, inner = rule.path[at], _at(rule, at + 1, lists)
    # The value of a key that stands for the object itself has been brought into shape.
    of_items = _at(rule, at, lists - 1) if at and lists else None

    def along(value: Any, misfit: Misfit) -> Any:
        if value.__class__ is dict:
            old = value.get(key)
            if old is not None:
                new = inner(old, misfit)
                return value if new is old else {**value, key: new}
            if of_items is None or key in value or not is_gapped(value):
                return value
            value = list(value.values())
        if value.__class__ is not list or not at:
            return value
        if of_items is not None:
            return _each(value, of_items, misfit)
        return _each(value, along, misfit) if value else {}

    return along


def _end(rule: PlaceRule, lists: int) -> Arrange:
    """What brings the value of a rule's place into shape."""
    if lists:
        return _list(rule, lists)
    if rule.holds == "object":
        return _object(rule)
    if not rule.inner:
        return lambda value, _: value
    return compile_rules(rule.inner)


def _list(rule: PlaceRule, lists: int) -> Arrange:
    item = _end(rule, lists - 1)
    is_flat = rule.holds == "object" and lists == 1 and not rule.inner
    is_leaf = rule.holds == "leaf" and lists == 1

    def arrange(value: Any, misfit: Misfit) -> Any:
        if value.__class__ is dict and is_gapped(value):
            value = list(value.values())
        if value.__class__ is list:
            if is_leaf or (is_flat and _are_rows(value)):
                return value
            return _each(value, item, misfit)
        if value is None or isinstance(value, Exception):
            return value
        if rule.holds == "any":  # a method takes what is no list as one element
            return item(value, misfit) if value.__class__ is dict else value
        return None if value == "" else _misfit(value, rule, "a list", misfit)

    return arrange


def _object(rule: PlaceRule) -> Arrange:
    inner = compile_rules(rule.inner) if rule.inner else None
    is_anything = rule.takes == "itself"
    numbers = {rule.path[0] for rule in rule.inner if rule.path and rule.path[0].isdigit()}

    def is_row_by_number(value: dict[str, Any]) -> bool:
        return not is_anything and is_gapped(value) and numbers.isdisjoint(value)

    def arrange(value: Any, misfit: Misfit) -> Any:
        if value.__class__ is dict:
            for key in value:  # the first tells, but for keys that are numbers
                if key[:1].isdigit() and is_row_by_number(value):
                    return _misfit(value, rule, "an object", misfit)
                break
            return value if inner is None else inner(value, misfit)
        if value is None:
            return None
        if value.__class__ is list and not value:
            return {}
        if is_anything:
            return value
        if value is False or value == "":
            return None
        return _misfit(value, rule, "an object", misfit)

    return arrange


def _are_rows(values: list[Any]) -> bool:
    """Whether all are objects with names: without a call for each."""
    if set(map(type, values)) != DICT:
        return not values
    for key in set(map(next, map(iter, values), repeat(""))):  # noqa: SIM110 - a third faster
        if key[:1].isdigit():
            return False
    return True


def _misfit(value: Any, rule: PlaceRule, declared: str, misfit: Misfit) -> Any:
    error = misfit(value, declared)
    if rule.takes == "nothing":
        raise error
    return error


def _each(values: list[Any], change: Arrange, misfit: Misfit) -> list[Any]:
    """The same list where nothing changes."""
    changed = [change(item, misfit) for item in values]
    return values if all(map(is_, changed, values)) else changed

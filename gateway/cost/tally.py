"""What an operation has cost: the values that came, counted column by column.

A column is all values of one response key at one place, so that a list of a thousand objects costs a look at its
length and at the objects in it, not at their leaves. What is null costs nothing, and neither does what is below it.
It changes nothing of a result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import chain
from operator import attrgetter
from typing import Any

import msgspec
import orjson

from gateway.cost.formula import NOTHING, Amount, FixedCost, Formula, Given, bounded
from gateway.cost.nodes import FieldCost, ObjectCost, OperationCost
from gateway.runtime.bound import BoundField

Keys = tuple[str, ...]


class Tally:
    """Counts one execution.

    Args:
        cost: Of the operation.
        given: What the request has given.

    Attributes:
        total: What was counted so far.
    """

    def __init__(self, cost: OperationCost, given: Given) -> None:
        self._root = cost.root
        self._given = given
        self._is_done = False
        self.total: Amount = cost.base

    def take(self, data: Any) -> None:
        """Count the data of a result. What was encoded before has been counted by `encoded`."""
        if not self._is_done and isinstance(data, dict):
            self._objects((self._root,), [data])
            # Nobody has asked for the root: it costs nothing.
            self.total = bounded(self.total - self._root.weight)
            self._is_done = True

    def encoded(self, field: BoundField, value: Any) -> None:
        """Count a value that will stand in the data as the text of its rows."""
        cost = self._find(field)
        if cost is not None:
            self._values(cost, [value])

    def _find(self, field: BoundField) -> FieldCost | None:
        """What a field of a plan costs: it is looked for from the root."""
        above = field.selection.field
        if above is None:
            return self._root.by_key.get(field.key)
        found = self._find(above)
        for one in found.objects if found is not None else ():
            if field.key in one.by_key:
                return one.by_key[field.key]
        return None

    def _objects(self, possible: Sequence[ObjectCost], rows: list[Any]) -> None:
        if len(possible) == 1:
            self._of_one(possible[0], rows)
            return
        # Nothing in a result says of which type an object is, but its keys: the most costly that has them counts.
        by_shape: dict[Any, list[Any]] = {}
        for row in rows:
            shape = tuple(row) if type(row) is dict else type(row)
            by_shape.setdefault(shape, []).append(row)
        for alike in by_shape.values():
            keys = set(keys_of(alike[0]))
            fitting = [one for one in possible if one.keys == keys] or possible
            before, most = self.total, self.total
            for one in {(o.weight, o.always, o.fields): o for o in fitting}.values():
                self.total = before
                self._of_one(one, alike)
                most = max(most, self.total)
            self.total = most

    def _of_one(self, cost: ObjectCost, rows: list[Any]) -> None:
        self.total += len(rows) * (cost.weight + self._amount(cost.always))
        for field in cost.fields:
            if field.own is not NOTHING:
                self.total += len(rows) * self._amount(field.own)
            values = column_of(rows, field.key)
            if len(values) > 1 or type(values[0]) is not Encoded:
                self._values(field, values)

    def _values(self, field: FieldCost, values: list[Any]) -> None:
        for _ in range(field.levels):
            if len(values) == 1 and type(values[0]) is list:
                values = values[0]
            else:
                values = list(chain.from_iterable([one for one in values if type(one) is list]))
        # Comparing each value with None would ask its class: whether it is true costs a quarter.
        if not all(values):
            values = [one for one in values if one is not None]
        if not field.objects:
            self.total += field.leaf * len(values)
        elif values:
            only = field.objects[0]
            if len(field.objects) == 1 and only.each is not None:
                self.total += only.each * len(values)
            else:
                self._objects(field.objects, values)

    def _amount(self, formula: Formula) -> Amount:
        return formula.number if type(formula) is FixedCost else formula.value(self._given)


Encoded = orjson.Fragment


def column_of(rows: list[Any], key: str) -> list[Any]:
    """One response key of every object."""
    first = type(rows[0])
    try:
        if first is dict:
            return [row[key] for row in rows]
        if issubclass(first, msgspec.Struct) and (get := _getter(first, key)) is not None:
            return list(map(get, rows))
    except (KeyError, TypeError, AttributeError):
        pass  # they are not all alike
    return [member_of_row(row, key) for row in rows]


@lru_cache(1_000)
def _getter(row_class: type[msgspec.Struct], key: str) -> Callable[[Any], Any] | None:
    name = _name_of(row_class, key)
    return attrgetter(name) if name is not None else None


def member_of_row(row: Any, key: str) -> Any:
    """One response key of an object: a dict, or a row that is sent as it is. None where it has none."""
    if isinstance(row, dict):
        return row.get(key)
    name = _name_of(type(row), key) if isinstance(row, msgspec.Struct) else None
    return getattr(row, name, None) if name is not None else None


def keys_of(row: Any) -> Sequence[str]:
    """The response keys of an object."""
    if isinstance(row, dict):
        return tuple(row)
    return row.__struct_encode_fields__ if isinstance(row, msgspec.Struct) else ()


def _name_of(row_class: type[msgspec.Struct], key: str) -> str | None:
    keys = row_class.__struct_encode_fields__
    return row_class.__struct_fields__[keys.index(key)] if key in keys else None

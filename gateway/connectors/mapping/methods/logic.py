"""Methods that compare and decide: eq, ne, gt, gte, lt, lte, not, and, or.

Source: connectors.md §8.18–8.21.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from gateway.connectors.mapping.methods.kinds import (
    Arguments,
    Method,
    Note,
    one_argument,
    without_arguments,
)
from gateway.connectors.mapping.values import is_number, loose_equal, type_name


def eq(value: Any, arguments: Arguments, note: Note) -> Any:
    """Tell whether input and argument are equal; numbers by value."""
    argument = one_argument("eq", arguments, note)
    other = ... if argument is None else argument(value)
    return ... if other is ... else loose_equal(value, other)


def ne(value: Any, arguments: Arguments, note: Note) -> Any:
    """Tell whether input and argument differ."""
    argument = one_argument("ne", arguments, note)
    other = ... if argument is None else argument(value)
    return ... if other is ... else not loose_equal(value, other)


def _ordering(name: str, compare: Callable[[Any, Any], bool]) -> Method:
    def order(value: Any, arguments: Arguments, note: Note) -> Any:
        argument = one_argument(name, arguments, note)
        other = ... if argument is None else argument(value)
        if other is ...:
            return ...
        comparable = (is_number(value) and is_number(other)) or (
            value.__class__ is str and other.__class__ is str
        )
        if comparable:
            return compare(value, other)
        note(
            f"Method ->{name} compares two numbers or two strings, "
            f"not {type_name(value)} and {type_name(other)}"
        )
        return ...

    return order


gt = _ordering("gt", operator.gt)
gte = _ordering("gte", operator.ge)
lt = _ordering("lt", operator.lt)
lte = _ordering("lte", operator.le)


def not_(value: Any, arguments: Arguments, note: Note) -> Any:
    """Turn true into false and back."""
    if not without_arguments("not", arguments, note):
        return ...
    if value is True or value is False:
        return not value
    note(f"Method ->not requires a boolean input, not {type_name(value)}")
    return ...


def _settling(name: str, settled: bool) -> Method:
    def decide(value: Any, arguments: Arguments, note: Note) -> Any:
        if arguments is None:
            note(f"Method ->{name} requires arguments")
            return ...
        if value is not True and value is not False:
            note(f"Method ->{name} requires a boolean input, not {type_name(value)}")
            return ...
        if value is settled:
            return settled
        for argument in arguments:
            other = argument(value)
            if other is ... or other is settled:
                return other
            if other is not (not settled):  # §8.21: skipped
                note(f"Method ->{name} requires boolean arguments, not {type_name(other)}")
        return not settled

    return decide


and_ = _settling("and", settled=False)
or_ = _settling("or", settled=True)

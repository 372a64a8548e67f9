"""Methods on numbers: add, sub, mul, div, mod, parseInt.

Integers stay integers of 64 bits; a result beyond them, or one that is not finite, is a problem.
Source: connectors.md §8.22–8.23.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable
from typing import Any, Final

from gateway.connectors.mapping.methods.kinds import Arguments, Method, Note
from gateway.connectors.mapping.values import is_number, type_name

_LEAST: Final = -(2**63)
_MOST: Final = 2**63 - 1
_DIGITS = re.compile(r"[+-]?[0-9A-Za-z]+")


def _divide(left: float, right: float) -> float:
    return float(left) / float(right)


def _remainder(left: Any, right: Any) -> Any:
    if left.__class__ is int and right.__class__ is int:
        rest = abs(left) % abs(right)
        return -rest if left < 0 else rest
    return math.fmod(left, right)


def _arithmetic(name: str, apply: Callable[[Any, Any], Any]) -> Method:
    def calculate(value: Any, arguments: Arguments, note: Note) -> Any:
        if arguments is None:
            note(f"Method ->{name} requires arguments")
            return ...
        if not is_number(value):
            note(f"Method ->{name} requires a number as input, not {type_name(value)}")
            return ...
        result = value
        for argument in arguments:
            operand = argument(value)
            if not is_number(operand):
                shown = "no value" if operand is ... else type_name(operand)
                note(f"Method ->{name} requires numbers as arguments, not {shown}")
                return ...
            try:
                result = apply(result, operand)
            except (
                ArithmeticError,
                ValueError,
            ):  # division by zero, overflow; fmod raises ValueError
                result = math.inf
            if not (
                _LEAST <= result <= _MOST if result.__class__ is int else math.isfinite(result)
            ):
                note(f"Method ->{name} has no finite result in range")
                return ...
        return result

    return calculate


add = _arithmetic("add", operator.add)
sub = _arithmetic("sub", operator.sub)
mul = _arithmetic("mul", operator.mul)
div = _arithmetic("div", _divide)
mod = _arithmetic("mod", _remainder)


def parse_int(value: Any, arguments: Arguments, note: Note) -> Any:
    """Read an integer of a base from 2 to 36 out of a string or a number."""
    base: Any = 10
    if arguments:
        base = arguments[0](value) if len(arguments) == 1 else ...
        if base.__class__ is not int or not 2 <= base <= 36:
            note("Method ->parseInt takes one base, an integer from 2 to 36")
            return ...
    if value.__class__ is float and math.isfinite(value):
        value = math.trunc(value)
    if value.__class__ is int:
        value = str(value)
    if value.__class__ is not str:
        note(f"Method ->parseInt requires a string or number input, not {type_name(value)}")
        return ...
    # Digits are checked here because int() also takes prefixes; leading zeros make a number longer,
    # never larger, and 64 binary digits fit.
    digits = value.lstrip("+-").lstrip("0")
    if (
        _DIGITS.fullmatch(value)
        and len(digits) <= 64
        and all(int(digit, 36) < base for digit in digits)
    ):
        number = int(digits or "0", base) * (-1 if value[0] == "-" else 1)
        if _LEAST <= number <= _MOST:
            return number
    note(f"Method ->parseInt found no integer of base {base}")
    return ...

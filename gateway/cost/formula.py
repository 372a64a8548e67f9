"""The cost of an operation as a formula over its variables: small nodes, simplified when they are made.

Constants are folded, so that what depends on no variable is one number. No amount is above `MOST`: sizes that a client
asks for multiply. Pure: it knows no schema.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, TypeAlias

Amount: TypeAlias = int | float
MOST = 2**53
"""An amount that is as large is not told apart from larger ones: every number of JSON up to it is exact."""


def bounded(amount: Amount) -> Amount:
    """An amount that every reader of JSON can hold."""
    if amount > MOST:
        return MOST
    return amount if amount >= -MOST else -MOST


class Given(NamedTuple):
    """What a request gives.

    Attributes:
        variables: Coerced; absent ones are left out.
        raws: The tokens of the literals that the plan leaves open, by their slot; None where the plan's own count.
        is_strict: Whether a field that needs exactly one slicing argument, and has none or two, is an error.
    """

    variables: Mapping[str, Any]
    raws: Sequence[str] | None = None
    is_strict: bool = True


class Formula(Protocol):
    """A part of a formula. Equal parts are equal, and hash alike."""

    def value(self, given: Given) -> Amount:
        """What it amounts to."""
        ...

    def __str__(self) -> str: ...


@dataclass(frozen=True, slots=True)
class FixedCost:
    """A number."""

    number: Amount

    def value(self, given: Given) -> Amount:  # noqa: ARG002 - as of every formula
        """The number."""
        return self.number

    def __str__(self) -> str:
        return f"{self.number:g}" if isinstance(self.number, float) else str(self.number)


@dataclass(frozen=True, slots=True)
class Sum:
    """Several parts and a number."""

    parts: tuple[Formula, ...]
    number: Amount

    def value(self, given: Given) -> Amount:
        """Their sum."""
        total = self.number
        for part in self.parts:
            total += part.value(given)
        return total if total < MOST else MOST

    def __str__(self) -> str:
        texts = [str(part) for part in self.parts]
        return " + ".join([str(FixedCost(self.number)), *texts] if self.number else texts)


@dataclass(frozen=True, slots=True)
class Product:
    """How often something comes, and what it costs each time."""

    size: Formula
    each: Formula

    def value(self, given: Given) -> Amount:
        """Their product."""
        size = self.size.value(given)
        return bounded(size * self.each.value(given)) if size else 0

    def __str__(self) -> str:
        return f"{_in_braces(self.size)} × {_in_braces(self.each)}"


@dataclass(frozen=True, slots=True)
class Largest:
    """One of several, and nobody knows which."""

    options: tuple[Formula, ...]

    def value(self, given: Given) -> Amount:
        """The largest."""
        return max([option.value(given) for option in self.options])

    def __str__(self) -> str:
        return f"max({', '.join(map(str, self.options))})"


@dataclass(frozen=True, slots=True)
class OfRequest:
    """What has to be read of the request.

    Attributes:
        text: For people: `$first`.
        key: What tells it apart.
        amount: Reads it.
    """

    text: str
    key: Hashable
    amount: Callable[[Given], Amount] = field(compare=False)

    def value(self, given: Given) -> Amount:
        """What the request gives."""
        return self.amount(given)

    def __str__(self) -> str:
        return self.text


NOTHING = FixedCost(0)
ONE = FixedCost(1)


def total(parts: Iterable[Formula]) -> Formula:
    """The sum of parts."""
    number: Amount = 0
    left: list[Formula] = []
    for part in parts:
        if isinstance(part, FixedCost):
            number += part.number
        elif isinstance(part, Sum):
            number += part.number
            left += part.parts
        else:
            left.append(part)
    if not left:
        return FixedCost(bounded(number)) if number else NOTHING
    return left[0] if len(left) == 1 and not number else Sum(tuple(left), number)


def times(size: Formula, each: Formula) -> Formula:
    """So often so much."""
    if isinstance(size, FixedCost) and isinstance(each, FixedCost):
        return FixedCost(bounded(size.number * each.number))
    if NOTHING in (size, each):
        return NOTHING
    if size == ONE:
        return each
    return size if each == ONE else Product(size, each)


def largest(options: Iterable[Formula], *, least: Amount | None = None) -> Formula:
    """The largest of several; not below `least`."""
    number = least
    left: dict[Formula, None] = {}
    for option in options:
        if isinstance(option, FixedCost):
            number = option.number if number is None else max(number, option.number)
        else:
            left[option] = None
    if not left:
        return FixedCost(number) if number else NOTHING
    if number is not None and not (number == 0 and all(map(_is_positive, left))):
        left[FixedCost(number)] = None
    return next(iter(left)) if len(left) == 1 else Largest(tuple(left))


def _is_positive(formula: Formula) -> bool:
    """Whether a formula is known never to be below zero."""
    if isinstance(formula, FixedCost):
        return formula.number >= 0
    if isinstance(formula, Sum):
        return formula.number >= 0 and all(map(_is_positive, formula.parts))
    if isinstance(formula, Product):
        return _is_positive(formula.each)
    if isinstance(formula, Largest):
        return any(map(_is_positive, formula.options))
    return isinstance(formula.key, tuple) and formula.key[0] == "size"  # type: ignore[attr-defined]


def _in_braces(formula: Formula) -> str:
    return f"({formula})" if isinstance(formula, Sum) else str(formula)

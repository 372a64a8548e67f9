"""Where the values are that a mapping works on: what every walk over mappings carries with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

Start = TypeVar("Start")


@dataclass(frozen=True, slots=True)
class ValuePlace(Generic[Start]):
    """A value that the mapping has not made itself: a start, and the keys that were taken from it.

    Attributes:
        start: What the walk knows of the object that the keys begin at.
        keys: In order.
        is_listed: Whether a method made a list of such values.
    """

    start: Start
    keys: tuple[str, ...] = ()
    is_listed: bool = False

    def member(self, *names: str) -> ValuePlace[Start]:
        """The value below some keys more."""
        return replace(self, keys=(*self.keys, *names))


@dataclass(frozen=True, slots=True)
class Surroundings(Generic[Start]):
    """What `$`, `@` and bound names stand for; None for a value that the mapping itself has made."""

    input: ValuePlace[Start] | None
    at: ValuePlace[Start] | None
    bound: Mapping[str, ValuePlace[Start] | None]

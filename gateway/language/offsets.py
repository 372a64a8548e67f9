"""Where a node stands in its text, without the tokens that it was made of."""

from __future__ import annotations

from typing import Any

from graphql import Source
from graphql.language import Location


class OffsetLocation(Location):
    """A location that is made of offsets; what of tokens is asked for is made then, by who derives from it."""

    __slots__ = ()

    def __init__(self, start: int, end: int, source: Source) -> None:
        self.start = start
        self.end = end
        self.source = source

    def __reduce__(self) -> Any:
        return type(self), (self.start, self.end, self.source)

"""What ends the quick check without a verdict."""

from __future__ import annotations

from typing import Any, NoReturn

# Steps after which the rules look, where the caller has no budget: a step takes about a microsecond.
MAX_STEPS = 20_000
# Selection sets within each other, those of the fragments that are spread there included; graphql-core ends at 200.
MAX_NESTING = 60


class Doubt(Exception):  # noqa: N818 - it is no error: the rules may find nothing
    """Something that only the rules can judge."""


def doubt(*_args: Any) -> NoReturn:
    """Leave it to the rules."""
    raise Doubt


class StepsLeft:
    """What the check of one document may still cost."""

    __slots__ = ("_left",)

    def __init__(self, most: int) -> None:
        self._left = most

    def take(self, count: int = 1) -> None:
        """Some more. Errors: Doubt where there are none left."""
        self._left -= count
        if self._left < 0:
            raise Doubt

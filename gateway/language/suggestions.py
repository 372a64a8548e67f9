"""How near a name is to a misspelt one, for the reference's "Did you mean …", by a library in C.

graphql-core compares a wrong name with each name that there is in Python: 0.1 ms a comparison, 200 ms for one wrong
type name in a schema of 1,500 types, and up to 50 wrong values are told of one request. Importing this module gives
graphql-core a distance that is the same and some hundred times cheaper. What it suggests stays its own.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from typing import Any


class LexicalDistance:
    """Edits between a name and others, upper and lower case being one edit, as graphql-core counts them.

    Args:
        input_: The wrong name.
    """

    def __init__(self, input_: str) -> None:
        from rapidfuzz.distance import OSA  # most processes never meet a wrong name

        self._distance = OSA.distance
        self._input = input_
        self._lower = input_.lower()

    def measure(self, option: str, threshold: int) -> int | None:
        """Edits to `option`; None for more than `threshold`."""
        if option == self._input:
            return 0
        lower = option.lower()
        if lower == self._lower:
            return 1
        if abs(len(lower) - len(self._lower)) > threshold:
            return None  # before the library reads what may be a megabyte
        distance = self._distance(self._lower, lower, score_cutoff=threshold)
        return distance if distance <= threshold else None


reference: Any = import_module(
    "graphql.pyutils.suggestion_list"
)  # a function has the module's name
reference.LexicalDistance = LexicalDistance
# Names of schemas, which are suggested again and again; making the key is half of a suggestion.
reference.natural_comparison_key = lru_cache(4096)(reference.natural_comparison_key)

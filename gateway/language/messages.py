"""What graphql-core puts into its messages, at a bounded cost: names that are suggested, literals that are shown.

Importing this module gives graphql-core these parts in place of its own. The words of its messages stay its own.

    LexicalDistance   Its own compares a wrong name with each that there is in Python: 0.1 ms a comparison, 200 ms for
                      one wrong type name in a schema of 1,500 types, for each of up to 50 wrong values of a request.
    print_for_error   Its own indents each line of a block string at each level: 3 MB for a document of 30 kB.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from typing import Any

from graphql import Node, version_info

MOST_SHOWN = 2_000
"""Characters of a literal in a message."""
printer: Any = import_module("graphql.language.printer")


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


def print_for_error(ast: Node) -> str:
    """A literal as graphql-core shows it; as the client wrote it, or the beginning of that, where it would be long."""
    written = ast.loc.source.body[ast.loc.start : ast.loc.end] if ast.loc is not None else None
    if written is None or len(written) <= MOST_SHOWN:
        text: str = printer.print_for_error(ast)
        return text if written is None or len(text) <= MOST_SHOWN else written
    return written[:MOST_SHOWN] + "…"


reference: Any = import_module("graphql.pyutils.suggestion_list")  # a function has its name
reference.LexicalDistance = LexicalDistance
# Names of schemas, which are suggested again and again; making the key is half of a suggestion.
reference.natural_comparison_key = lru_cache(4096)(reference.natural_comparison_key)
if version_info >= (3, 3):  # 3.2 shows literals by `print_ast` itself
    for name in ("type.scalars", "type.definition", "utilities.validate_input_value"):
        module: Any = import_module(f"graphql.{name}")
        module.print_for_error = print_for_error

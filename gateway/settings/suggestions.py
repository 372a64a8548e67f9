"""The name that was meant by one that is not known: the hint of a `Diagnostic` or of a `ConfigError`. Pure.

Comparing two names costs the product of their lengths, and a schema may have 20,000 names and as many mistakes: long
names are not compared, and of many names only those that begin or end as the one that is looked for.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection
from typing import Final

MAX_LENGTH: Final = 100
"""Characters of a name that is looked for; what is near has at most 2⅓ times as many."""

MAX_COMPARED: Final = 100
"""Names that one is compared with. All of 20,000 are 0.3 s for each mistake."""

MAX_LISTED: Final = 50


def nearest_name(name: str, known: Collection[str]) -> str | None:
    """The name among `known` that was probably meant; None where none is near."""
    if not 0 < len(name) <= MAX_LENGTH:
        return None
    compared = list(known) if len(known) <= MAX_COMPARED else _alike(name, list(known))
    close = difflib.get_close_matches(name, compared, n=1)
    return close[0] if close else None


def _alike(name: str, known: list[str]) -> list[str]:
    """The names that begin or end as `name`, by as many letters as make each half few: one typing error is in one."""
    most = MAX_COMPARED // 2
    begin = end = known
    for letters in range(1, len(name) + 1):
        if len(begin) > most:
            head = name[:letters]
            begin = [one for one in begin if one.startswith(head)]
        if len(end) > most:
            tail = name[-letters:]
            end = [one for one in end if one.endswith(tail)]
    return begin[:most] + end[:most]


def suggest(name: str, known: Collection[str], sign: str = "") -> str | None:
    """The question whether another name was meant, written behind its sign; None where none is near."""
    close = nearest_name(name, known)
    return f"did you mean `{sign}{close}`?" if close is not None else None


def suggest_or_list(name: str, known: Collection[str]) -> str:
    """As `suggest`; where none is near, the names that there are, in their order; where there is none, to remove it."""
    return suggest(name, known) or (f"known: {_listed(known)}" if known else "remove it")


def _listed(known: Collection[str]) -> str:
    first = ", ".join(list(known)[:MAX_LISTED])
    more = len(known) - MAX_LISTED
    return f"{first} and {more} more" if more > 0 else first

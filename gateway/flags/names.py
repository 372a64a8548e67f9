"""Labels of `@override` that a flag decides: `flag:NAME`, and `flag:NAME:VARIANT` for a flag with names for its values.

Pure: it reads text.
"""

from __future__ import annotations

from typing import NamedTuple

PREFIX = "flag:"


class FlagLabel(NamedTuple):
    """What a label asks of a flag.

    Attributes:
        name: The flag's.
        variant: The one that the label is on for; "" where the flag itself is true or false.
    """

    name: str
    variant: str


def flag_of_label(label: str) -> FlagLabel | None:
    """The flag that decides a label; None for a label that no flag decides. Errors: ValueError."""
    if not label.startswith(PREFIX):
        return None
    name, is_cut, variant = label.removeprefix(PREFIX).partition(":")
    if not name or (is_cut and not variant) or ":" in variant:
        raise ValueError(f"`{label}` names no flag: flag:NAME, or flag:NAME:VARIANT")
    return FlagLabel(name, variant)

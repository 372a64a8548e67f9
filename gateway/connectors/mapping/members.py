"""`Members`: which members of a value matter, nested; and filling in those that are absent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Members:
    """Members of an object, or of the objects of a list.

    Attributes:
        members: By name, each with what matters of it.
        whole: The value matters as it stands: it is a leaf, or what it holds cannot be told.
    """

    members: Mapping[str, Members] = field(default_factory=dict)
    whole: bool = False

    def joined(self, other: Members) -> Members:
        """Give what matters to either."""
        members = dict(self.members)
        for name, member in other.members.items():
            members[name] = members[name].joined(member) if name in members else member
        return Members(members, self.whole or other.whole)


NOTHING: Final = Members()
WHOLE: Final = Members(whole=True)


def fill_value(value: Any, wanted: Members) -> Any:
    """Add the wanted members that are absent as None, at positions that hold an object.

    Shape: a list is filled element by element; the value itself is never changed in place.
    """
    if not wanted.members:
        return value
    if value.__class__ is list:
        return [fill_value(element, wanted) for element in value]
    if value.__class__ is not dict:
        return value
    filled = dict(value)
    for name, member in wanted.members.items():
        filled[name] = fill_value(filled[name], member) if name in filled else None
    return filled

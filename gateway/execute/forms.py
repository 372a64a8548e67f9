"""How generated code reads the rows of a selection.

Code is made for rows that are dicts with every member. Rows of another form are still answered, exactly
and slowly; an `Observer` notes what they were, and the plan's code is made again for that form, a few
times at most. What a form assumes is checked on every row, so it decides only the speed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MemberDescriptorType, WrapperDescriptorType
from typing import Any, NamedTuple

from gateway.execute.bound import BoundSelection
from gateway.plan.nodes import Kind

# NamedTuple members and C slots: reading them runs no code of the user.
SLOTS = (MemberDescriptorType, type(NamedTuple("_Pair", [("left", int)]).left))  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Form:
    """A form of rows.

    Attributes:
        row_class: The exact class of a row.
        has_all: For dicts: whether every member that is asked for is there.
    """

    row_class: type = dict
    has_all: bool = True


DICTS = Form()
SPARSE = Form(has_all=False)


class Observer:
    """Notes the form of a selection's rows where it was not the expected one."""

    __slots__ = ("expected", "found", "names")

    def __init__(self, selection: BoundSelection, expected: Form) -> None:
        self.names = [f.access for f in selection.fields if f.plan.kind is Kind.PROPERTY]
        self.expected = expected
        self.found: Form | None = None

    def saw(self, row: Any) -> None:
        """Note a row that did not fit."""
        if self.found is not None:
            return
        row_class = type(row)
        if row_class is dict:
            if self.expected is DICTS and not all(name in row for name in self.names):
                self.found = SPARSE
        elif self.expected.row_class is not row_class and is_plain(row_class, self.names):
            self.found = Form(row_class)


def is_plain(row_class: type, names: Sequence[str]) -> bool:
    """Whether reading these attributes of an instance runs no code of the user."""
    read: Any = row_class.__getattribute__
    if not isinstance(read, WrapperDescriptorType) or hasattr(row_class, "__getattr__"):
        return False
    if not names or issubclass(row_class, Mapping):
        return False
    members = (
        base.__dict__[name] for name in names for base in row_class.__mro__ if name in base.__dict__
    )
    return all(isinstance(member, SLOTS) or _is_plain_default(member) for member in members)


def _is_plain_default(member: Any) -> bool:
    return not callable(member) and not hasattr(member, "__get__")

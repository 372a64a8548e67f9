"""How generated code reads the rows of a selection.

Code is made for the class of rows that a loader says its rows have, else for dicts with every member. Rows of another
form are still answered, exactly and slowly; a `RowObserver` notes what they were, and the plan's code is made again for
that form, a few times at most. What a form assumes is checked on every row, so it decides only the speed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MemberDescriptorType, WrapperDescriptorType
from typing import Any, NamedTuple

from gateway.graph.loader import DecodedRow
from gateway.graph.member import MemberAccess
from gateway.plan.nodes import Kind
from gateway.runtime.bound import BoundSelection

# NamedTuple members and C slots: reading them runs no code of the user.
SLOTS = (MemberDescriptorType, type(NamedTuple("_Pair", [("left", int)]).left))  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class RowForm:
    """A form of rows.

    Attributes:
        row_class: The exact class of a row.
        has_all: For dicts: whether every member that is asked for is there.
        is_mixed: Whether rows of other classes stand among them: each is looked at then, not all at once.
    """

    row_class: type = dict
    has_all: bool = True
    is_mixed: bool = False

    def takes(self, name: str, type_: str) -> bool:
        """Whether rows promise that a member has the values of a GraphQL type (`DecodedRow`)."""
        if not issubclass(self.row_class, DecodedRow):
            return False
        return self.row_class.__exact__.get(name) == type_


class OtherRowsError(Exception):
    """Rows of another class than the code was made for: raised to leave the fast path."""


class Unseen:
    """The class of rows that nobody has seen yet, where they are read by attribute: no row is one."""


DICTS = RowForm()
UNSEEN = RowForm(Unseen)


class RowObserver:
    """Notes the form of a selection's rows where it was not the expected one."""

    __slots__ = ("_reported", "classes", "expected", "found", "names", "reads_members")

    def __init__(self, selection: BoundSelection, expected: RowForm) -> None:
        self.names = [f.access for f in selection.fields if f.plan.kind is Kind.PROPERTY]
        self.reads_members = reads_members(selection)
        self.expected = expected
        self.classes = frozenset((expected.row_class,))
        self.found: RowForm | None = None
        self._reported: list[RowObserver] = []

    def report_to(self, observers: list[RowObserver]) -> None:
        """From now on, a row that does not fit puts this observer into the list."""
        self._reported = observers

    def saw(self, row: Any) -> None:
        """Note a row that did not fit."""
        if row is None or (self.found is not None and not self.found.is_mixed):
            return
        row_class = type(row)
        if row_class is self.expected.row_class:
            if row_class is dict and self.expected.has_all and not self.has_all(row):
                self._note(replace(self.expected, has_all=False))
        elif self.expected.is_mixed or (row_class is dict and self.reads_members):
            return
        elif row_class is dict:
            self._note(RowForm(has_all=self.has_all(row)))
        elif is_plain(row_class, self.names):
            self._note(RowForm(row_class))

    def has_all(self, row: dict[str, Any]) -> bool:
        """Whether a row has every member that is asked for."""
        return all(name in row for name in self.names)

    def _note(self, form: RowForm) -> None:
        if self.found is None:
            self._reported.append(self)
        self.found = form

    def saw_others(self, rows: Sequence[Any]) -> OtherRowsError:
        """Note that not all rows are of the expected class; the error that ends the attempt."""
        if type(rows) is list:
            if any(type(row) is self.expected.row_class for row in rows):
                self._note(replace(self.expected, is_mixed=True))
            else:
                for row in rows:
                    self.saw(row)
        return OtherRowsError()


def reads_members(selection: BoundSelection) -> bool:
    """Whether a property is read as `getattr` does: what a mapping has is not meant then."""
    return any(field.member is MemberAccess.ATTRIBUTE for field in selection.fields)


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

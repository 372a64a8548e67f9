"""The functions that the code of one plan needs to complete objects, and how they are compiled.

Everything that differs between two places of one text comes in as an argument of `make`, so that equal texts are
compiled once, whichever plan they are of: fragments that stand at many places, and in many operations, cost their
text. `functions` writes the texts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from threading import RLock
from typing import Any

from gateway.codegen.exported import SHAPE_NAMES
from gateway.generated.templates import Template, Templates
from gateway.runtime.bound import BoundSelection
from gateway.runtime.forms import DICTS, UNSEEN, RowForm, RowObserver, reads_members
from gateway.runtime.variants import Growing

# Characters of texts that are kept for other plans.
MOST_KEPT = 2_000_000

templates = Templates("shapes", SHAPE_NAMES, MOST_KEPT)
"""Texts of all plans of this process: they hold no value of any."""


class Later:
    """What can be made when all texts are compiled.

    Args:
        make: Makes it, with a function that makes what it is made of.
    """

    __slots__ = ("make",)

    def __init__(self, make: Callable[[Callable[[Any], Any]], Any]) -> None:
        self.make = make


@dataclass(slots=True)
class ShapeSource:
    """A function that is to be made.

    Attributes:
        source: Its text.
        values: What `make` takes: values, and what has to be made first.
    """

    source: str
    values: list[Any]


class PlanShapes:
    """The functions that the code of one plan needs to complete objects, each made when it is first needed.

    Args:
        forms: How the rows of each selection are read, by its id.
        rows_left: How many rows of each settled selection may still be completed without a function, by its id.
        growing: Admits and charges the client for whom a function is made.

    Attributes:
        observers: Told of rows that have another form, by selection.
        other_forms: Those of them that have been told of some.
        functions: How many were made.
        templates: Their texts, compiled.
    """

    def __init__(
        self, forms: dict[int, RowForm], rows_left: dict[int, int], growing: Growing
    ) -> None:
        self.forms = forms
        self.rows_left = rows_left
        self.growing = growing
        self.observers: dict[int, RowObserver] = {}
        self.other_forms: list[RowObserver] = []
        self.functions = 0
        self.templates: dict[str, Template] = {}
        self._written: list[ShapeSource] = []
        self._unseen: dict[int, RowForm] = {}
        self._tables: dict[int, dict[str, str]] = {}
        self._lock = RLock()  # threads may run a plan at the same time

    def form(self, selection: BoundSelection) -> RowForm:
        """How a selection's rows are expected to be."""
        known = self.forms.get(selection.id) or self._unseen.get(selection.id)
        if known is None:
            known = UNSEEN if reads_members(selection) else DICTS
            self._unseen[selection.id] = known
        return known

    def observer(self, selection: BoundSelection) -> RowObserver:
        """The observer of a selection's rows."""
        if selection.id not in self.observers:
            observer = RowObserver(selection, self.form(selection))
            observer.report_to(self.other_forms)
            self.observers[selection.id] = observer
        return self.observers[selection.id]

    def table(self, type_: Any) -> dict[str, str]:
        """Internal value to name, for the values of an enum that are strings."""
        if id(type_) not in self._tables:
            values = type_.values.items()
            self._tables[id(type_)] = {
                value.value: name for name, value in values if type(value.value) is str
            }
        return self._tables[id(type_)]

    def add(self, source: ShapeSource) -> ShapeSource:
        """Note a function that is to be made, after those that it calls."""
        self._written.append(source)
        return source

    def compile(self, write: Callable[[], ShapeSource]) -> Callable[..., Any]:
        """Write a function and those that it calls, and make them."""
        with self._lock:
            self._written = []
            source = write()
            found = templates.of([written.source for written in self._written])
            self.templates.update(found)
            self.functions += len(self._written)
            self._written = []
        function: Callable[..., Any] = _made(found, source)
        return function


def _made(found: Mapping[str, Template], value: Any) -> Any:
    """A value of a function's namespace: the functions in it are made first."""
    if type(value) is ShapeSource:
        return found[value.source].make(*[_made(found, one) for one in value.values])
    return value.make(partial(_made, found)) if type(value) is Later else value

"""Source to functions: what an emitted plan becomes, and when it is made again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gateway.codegen.emit import emit_plan
from gateway.codegen.first_rows import compile_all
from gateway.codegen.row_classes import forms_of_loaders
from gateway.codegen.shapes import PlanShapes
from gateway.errors import ClientError
from gateway.generated.functions import Generated
from gateway.runtime.bound_plan import Bound
from gateway.runtime.forms import RowForm
from gateway.runtime.variants import Asker, Growing, client_key, unbounded

# How often the code of a plan is made again for rows of another form, beside once for each selection. Each time
# the form of at least one selection is known, an outer one before those in it; a schema whose rows change their
# form all the time stays on the slow path.
MAX_REVISIONS = 4


class Code:
    """The generated functions of one plan.

    Args:
        bound: The plan.
        fingerprint: Of its document and variant.
        growing: Admits and charges the client for whom the code is made again.

    Attributes:
        growing: As given.
        parts: One generator function for each part of the plan.
        rooted_parts: The same, each with the part's root selection.
        other_forms: Observers of rows that turned out to have another form than the code was made for.
        revisions: How often the functions were made again.
        filename: Under which tracebacks show the parts: `<gateway plan FINGERPRINT OPERATION>`.
    """

    def __init__(self, bound: Bound, fingerprint: str, growing: Growing = unbounded) -> None:
        self.bound = bound
        self.is_current = bound.is_current
        self.growing = growing
        self._title = f"plan {fingerprint} {bound.plan.name or 'anonymous'}"
        self._forms: dict[int, RowForm] = forms_of_loaders(bound)
        self._rows_left: dict[int, int] = {}
        self.revisions = 0
        self._make()

    def _make(self) -> None:
        self._shapes = PlanShapes(self._forms, self._rows_left, self.growing)
        self.other_forms = self._shapes.other_forms
        emitted = emit_plan(self.bound, self._shapes)
        self._generated = Generated(emitted.source, self._title, emitted.namespace, emitted.shown)
        self.filename = self._generated.filename
        self.parts: list[Callable[..., Any]] = [
            self._generated.take(name) for name in emitted.parts
        ]
        self.rooted_parts = list(zip(self.parts, self.bound.roots, strict=True))

    @property
    def source(self) -> str:
        """The text of the functions: those that complete objects, which are made now, then the parts."""
        compile_all(self._generated.values())
        return "\n\n".join([*self._shapes.templates, self._generated.source])

    @property
    def functions(self) -> int:
        """How many functions that complete objects were made so far."""
        return self._shapes.functions

    @property
    def text(self) -> str:
        """The text of the parts alone."""
        return self._generated.source

    def revise(self, asker: Asker) -> None:
        """Make the code again, for the form that rows have; later, where the client is not admitted."""
        if self.revisions >= MAX_REVISIONS + len(self.bound.selections):
            return
        observers = self._shapes.observers.items()
        found = {number: o.found for number, o in observers if o.found is not None}
        try:
            with self.growing(client_key(asker)):
                self.revisions += 1
                self._forms = {**self._forms, **found}
                self._make()
        except ClientError:
            return

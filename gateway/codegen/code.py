"""Source to functions: one `compile` for each emitted plan, with its text where tracebacks find it."""

from __future__ import annotations

import builtins
import linecache
import weakref
from collections.abc import Callable
from typing import Any

from gateway.codegen.emit import Emitted, emit_plan
from gateway.errors import ClientError
from gateway.runtime.bound import Bound
from gateway.runtime.forms import Form, Observer
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
        growing: See there.
        parts: One generator function for each part of the plan.
        steps: The same, each with the part's root selection.
        lines: Their text.
        told: Observers of rows that turned out to have another form than the code was made for.
        revisions: How often the functions were made again.
        filename: Under which tracebacks show it: `<gateway plan FINGERPRINT OPERATION>`.
    """

    def __init__(self, bound: Bound, fingerprint: str, growing: Growing = unbounded) -> None:
        self.bound = bound
        self.is_current = bound.is_current
        self.growing = growing
        name = bound.plan.name or "anonymous"
        self.filename = f"<gateway plan {fingerprint} {name}>"
        self._forms: dict[int, Form] = {}
        self.revisions = 0
        self._make()
        weakref.finalize(self, linecache.cache.pop, self.filename, None)

    def _make(self) -> None:
        emitted: Emitted = emit_plan(self.bound, self._forms)
        self._observers = list(emitted.observers.items())
        self.told: list[Observer] = []
        for observer in emitted.observers.values():
            observer.tell(self.told)
        self.parts = self._compile(emitted)
        self.steps = list(zip(self.parts, self.bound.roots, strict=True))

    def _compile(self, emitted: Emitted) -> list[Callable[..., Any]]:
        namespace: dict[str, Any] = {
            **emitted.namespace,
            "__name__": "gateway.generated",
            "__builtins__": builtins,
        }
        exec(compile(emitted.source, self.filename, "exec"), namespace)  # noqa: S102
        self.lines = emitted.source.splitlines(keepends=True)
        linecache.cache[self.filename] = (len(emitted.source), None, self.lines, self.filename)
        return [namespace[name] for name in emitted.parts]

    @property
    def source(self) -> str:
        """The text of the functions."""
        return "".join(self.lines)

    def revise(self, asker: Asker) -> None:
        """Make the code again, for the form that rows have; later, where the client is not admitted."""
        if self.revisions >= MAX_REVISIONS + len(self.bound.selections):
            return
        found = {number: o.found for number, o in self._observers if o.found is not None}
        try:
            with self.growing(client_key(asker)):
                self.revisions += 1
                self._forms = {**self._forms, **found}
                self._make()
        except ClientError:
            return

"""Source to functions: one `compile` for each emitted plan, with its text where tracebacks find it."""

from __future__ import annotations

import builtins
import linecache
import weakref
from collections.abc import Callable
from typing import Any

from gateway.execute.bound import Bound
from gateway.execute.emit import Emitted, emit_plan
from gateway.execute.forms import Form, Observer

# How often the code of a plan is made again for rows of another form, beside once for each selection. Each time
# the form of at least one selection is known, an outer one before those in it; a schema whose rows change their
# form all the time stays on the slow path.
MAX_REVISIONS = 4
TRACED = " traced"


class Code:
    """The generated functions of one plan.

    Attributes:
        parts: One generator function for each part of the plan.
        source: Their text.
        revisions: How often the functions were made again.
        filename: Under which tracebacks show it: `<gateway plan FINGERPRINT OPERATION>`.
    """

    def __init__(self, bound: Bound, fingerprint: str) -> None:
        self.bound = bound
        name = bound.plan.name or "anonymous"
        self.filename = f"<gateway plan {fingerprint} {name}>"
        self._forms: dict[int, Form] = {}
        self.revisions = 0
        self._traced: list[Callable[..., Any]] | None = None
        self._make()
        for filename in (self.filename, self.filename + TRACED):
            weakref.finalize(self, linecache.cache.pop, filename, None)

    @property
    def traced(self) -> list[Callable[..., Any]]:
        """The functions in which each call of a resolver is timed: made for the first sampled request."""
        if self._traced is None:
            emitted = emit_plan(self.bound, self._forms, is_traced=True)
            self._observe(emitted)
            self._traced = self._compile(emitted, self.filename + TRACED)
        return self._traced

    def _make(self) -> None:
        emitted: Emitted = emit_plan(self.bound, self._forms)
        self.source = emitted.source
        self._observers: list[tuple[int, Observer]] = []
        self._told: list[Observer] = []
        self._observe(emitted)
        self.parts = self._compile(emitted, self.filename)
        self._traced = None

    def _observe(self, emitted: Emitted) -> None:
        self._observers += emitted.observers.items()
        for observer in emitted.observers.values():
            observer.tell(self._told)

    def _compile(self, emitted: Emitted, filename: str) -> list[Callable[..., Any]]:
        namespace: dict[str, Any] = {
            **emitted.namespace,
            "__name__": "gateway.generated",
            "__builtins__": builtins,
        }
        exec(compile(emitted.source, filename, "exec"), namespace)  # noqa: S102
        lines = emitted.source.splitlines(keepends=True)
        linecache.cache[filename] = (len(emitted.source), None, lines, filename)
        return [namespace[name] for name in emitted.parts]

    def revise(self) -> None:
        """Make the code again when rows turned out to have another form."""
        if not self._told or self.revisions >= MAX_REVISIONS + len(self.bound.selections):
            return
        found = {number: o.found for number, o in self._observers if o.found is not None}
        self.revisions += 1
        self._forms = {**self._forms, **found}
        self._make()

"""What the plan cache takes from a compiler, and what it gives."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Generic, NamedTuple, TypeVar

from gateway.language.normalize import DocumentLiterals
from gateway.language.slots import Slots

T = TypeVar("T")


@dataclass(slots=True)
class FoundPlan(Generic[T]):
    """A plan, and how it was found.

    Attributes:
        value: What the compiler made.
        how: "hit", "hit_normalized" or "miss".
        literals: The request's own literals, when the plan was made from another text.
    """

    value: T
    how: str
    literals: DocumentLiterals | None = None


@dataclass(slots=True)
class MadePlan(Generic[T]):
    """What a compiler gives.

    Attributes:
        value: What is kept. It may be kept already, for another key: then that is one value under two keys.
        slots: Which literals may vary; None: none may. Of a value that is kept already, the first one's count.
        literals: The document's own literals, when a value that is kept already was made from another text.
    """

    value: T
    slots: Slots | None = None
    literals: DocumentLiterals | None = None


@dataclass(slots=True)
class CacheCounters:
    """What happened so far, for metrics.

    Attributes:
        exact, normalized, misses: How plans were found.
        rejected: Refusals answered from their store.
        evictions: Plans that were let go.
        compile_s: Seconds spent in the compiler, refused documents included.
    """

    exact: int = 0
    normalized: int = 0
    misses: int = 0
    rejected: int = 0
    evictions: int = 0
    compile_s: float = 0.0

    def add(self, other: CacheCounters) -> None:
        """Count what another has counted, too."""
        for field in fields(other):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))


class Key(NamedTuple):
    """What a plan is asked for by.

    Attributes:
        text: The document.
        operation_name: As sent.
        view: The name of the view that the client has; None for the whole schema.
    """

    text: str
    operation_name: str | None = None
    view: str | None = None

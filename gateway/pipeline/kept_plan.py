"""A plan as the cache keeps it, and the plans of one shape."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Generic

from gateway.language.slots import Slots
from gateway.pipeline.found_plan import Key, T


class KeptPlan(Generic[T]):
    """One kept value. `texts` and `shapes` say where to take it out again."""

    __slots__ = ("shapes", "size", "texts", "value")

    def __init__(self, value: T, size: int) -> None:
        self.value = value
        self.size = size
        self.texts: set[Key] = set()
        self.shapes: list[tuple[PlanShape[T], tuple[str, ...]]] = []


@dataclass(slots=True)
class PlanShape(Generic[T]):
    """The plans of all texts with one normalized form: one for each text of its pinned slots."""

    key: Hashable
    slots: Slots
    plans: dict[tuple[str, ...], KeptPlan[T]] = field(default_factory=dict)

    def lookup(self, raws: Sequence[str]) -> KeptPlan[T] | None:
        plan = self.plans.get(self.slots.pins(raws))
        return None if plan is None or self.slots.is_doubtful(raws) else plan

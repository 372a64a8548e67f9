"""Operations of one of two schemas that are served side by side: how many there were, and how many had errors."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.context import Context
from gateway.observe.observer import OperationObserver
from gateway.response.record import Answer

OF_NEITHER = frozenset({
    "RATE_LIMIT_EXCEEDED", "UNCACHED_DOCUMENTS_LIMIT", "TOO_MANY_OPERATIONS", "UNAVAILABLE", "UNAUTHENTICATED",
    "PERSISTED_QUERY_NOT_FOUND",
})  # fmt: skip
"""Codes that say nothing of a schema."""


@dataclass(slots=True)
class Outcomes:
    """Queries and mutations that were answered.

    Attributes:
        operations: How many.
        failed: Those of them with an error, whoever's fault it was: a field that is gone is the client's.
    """

    operations: int = 0
    failed: int = 0

    @property
    def share(self) -> float:
        """Of those that had errors, 0 to 1."""
        return self.failed / self.operations if self.operations else 0.0

    def add(self, operations: int, failed: int) -> None:
        """Count more of them."""
        self.operations += operations
        self.failed += failed

    def __str__(self) -> str:
        return f"{self.failed} of {self.operations} operations"


class ComparedObserver(OperationObserver):
    """An observer that counts beside what the worker's own does.

    Args:
        observer: The worker's.

    Attributes:
        outcomes: What it has counted.
    """

    def __init__(self, observer: OperationObserver) -> None:
        super().__init__(observer.measures, observer.tracing, observer.log)
        self.outcomes = Outcomes()

    def ended(self, answer: Answer, context: Context, took_s: float) -> None:
        """As `OperationObserver`."""
        super().ended(answer, context, took_s)
        codes = answer.record.error_codes
        self.outcomes.add(1, int(not OF_NEITHER.issuperset(codes)))

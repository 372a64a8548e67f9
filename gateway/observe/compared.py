"""Operations of one of two schemas that are served side by side: how many there were, and how many had errors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gateway.client.request import ClientRequest
from gateway.context import Context
from gateway.observe.observer import OperationObserver
from gateway.response.record import Answer

OF_NEITHER = frozenset({
    "RATE_LIMIT_EXCEEDED", "UNCACHED_DOCUMENTS_LIMIT", "TOO_MANY_OPERATIONS", "UNAVAILABLE", "UNAUTHENTICATED",
    "PERSISTED_QUERY_NOT_FOUND", "GRAPHQL_PARSE_FAILED",
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


class OutcomesByClient:
    """Outcomes of which no client alone decides, however many operations it sends.

    Attributes:
        clients: What came of each client's operations, by a small number that stands for it.
    """

    def __init__(self) -> None:
        self.clients: dict[int, Outcomes] = {}

    @property
    def total(self) -> Outcomes:
        """Of all clients."""
        total = Outcomes()
        for outcomes in self.clients.values():
            total.add(outcomes.operations, outcomes.failed)
        return total

    @property
    def shares(self) -> list[float]:
        """Each client's share of errors; without the largest, where there are three."""
        shares = sorted(outcomes.share for outcomes in self.clients.values())
        return shares[:-1] if len(shares) > 2 else shares

    def add(self, client: int, operations: int, failed: int) -> None:
        """Count more operations of a client."""
        self.clients.setdefault(client, Outcomes()).add(operations, failed)

    def add_rows(self, rows: list[list[int]]) -> None:
        """Count what another worker has counted."""
        for row in rows:
            self.add(*row)

    def rows(self) -> list[list[int]]:
        """As another worker reads it."""
        return [[who, found.operations, found.failed] for who, found in self.clients.items()]

    def __str__(self) -> str:
        return str(self.total)


class ComparedObserver(OperationObserver):
    """An observer that counts beside what the worker's own does.

    Args:
        observer: The worker's.
        number_of: The number that stands for a client.

    Attributes:
        outcomes: What it has counted.
    """

    def __init__(
        self, observer: OperationObserver, number_of: Callable[[ClientRequest], int]
    ) -> None:
        super().__init__(observer.measures, observer.tracing, observer.log)
        self.outcomes = OutcomesByClient()
        self._number_of = number_of

    def ended(self, answer: Answer, context: Context, took_s: float) -> None:
        """As `OperationObserver`."""
        super().ended(answer, context, took_s)
        codes = answer.record.error_codes
        failed = int(not OF_NEITHER.issuperset(codes))
        self.outcomes.add(self._number_of(context.client), 1, failed)

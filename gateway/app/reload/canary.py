"""Two schemas side by side: which of them answers a client, and which of them is to go on. It serves nothing itself."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from gateway.app.reload.settings import CanarySettings
from gateway.app.revision import Revision
from gateway.client.request import ClientRequest
from gateway.client.targeting import TargetingKeys
from gateway.observe.compared import ComparedObserver, Outcomes, OutcomesByClient
from gateway.override.buckets import bucket_of, prefix_of
from gateway.override.labels import ALL
from gateway.telemetry.catalogue import CANARY_OPERATIONS
from gateway.telemetry.metrics import Sample

NAME = "canary"
CLIENT_NUMBERS = 1000
"""So many clients are told apart where their errors are counted: what is counted is bounded."""
Verdict = Literal["promoted", "returned", "withdrawn"]


@dataclass(frozen=True, slots=True)
class Trial:
    """A schema that is tried by some of the clients, as all workers read it.

    Attributes:
        digest: Of the files that it is made of.
        percent: Of the clients.
        ends_at: When its window ends, by the machine's monotonic clock.
        max_error_increase, min_operations: As configured.
    """

    digest: str
    percent: float
    ends_at: float
    max_error_increase: float
    min_operations: int

    @classmethod
    def of(cls, digest: str, percent: float, settings: CanarySettings, now: float) -> Trial:
        """The trial that begins now."""
        ends_at = now + settings.window_s
        return cls(digest, percent, ends_at, settings.max_error_increase, settings.min_operations)

    def verdict(
        self, canary: OutcomesByClient, others: OutcomesByClient, now: float
    ) -> Verdict | None:
        """What becomes of it; None while that is not known."""
        increase = mean(canary.shares) - mean(others.shares) - self.max_error_increase
        if now >= self.ends_at:
            return "returned" if increase > 0 else "promoted"
        is_counted = canary.total.operations >= self.min_operations
        is_sure = is_counted and increase > chance(canary.shares, others.shares)
        return "returned" if is_sure else None


def mean(shares: Sequence[float]) -> float:
    """Every client's counts as much as any other's."""
    return math.fsum(shares) / len(shares) if shares else 0.0


def chance(one: Sequence[float], other: Sequence[float]) -> float:
    """By how much two means may differ that are the same: three standard errors of their difference."""
    share = mean([*one, *other])
    spread = 1 / len(one) + (1 / len(other) if other else 0)
    return 3 * math.sqrt(share * (1 - share) * spread)


class Canary:
    """A revision that is served beside the one of before, to some of the clients.

    A client is in it or not by its id alone: it is so in every worker and pod, and another client with another schema.
    One whose key has a view that only this schema has is in it: the other cannot answer it.

    Args:
        before, after: The revisions.
        percent: Of the clients that get `after`.
        keys: By what clients are drawn.

    Attributes:
        after: As given.
        percent: As given.
        outcomes: What came of the operations of each, since both are served.
    """

    def __init__(
        self, before: Revision, after: Revision, percent: float, keys: TargetingKeys
    ) -> None:
        self._before = before
        self.after = after
        self.percent = percent
        self._share = round(percent * ALL / 100)
        self._keys = keys
        self._prefix = prefix_of(NAME, after.digest)
        self._observer = before.pipeline.observer
        self._numbers = prefix_of(f"{NAME} client", after.digest)
        self.outcomes: dict[str, OutcomesByClient] = {}
        for name, revision in (("canary", after), ("others", before)):
            compared = ComparedObserver(self._observer, self._number_of)
            self.outcomes[name] = compared.outcomes
            revision.pipeline.observer = compared

    def revision_of(self, client: ClientRequest) -> Revision:
        """What answers a client's request."""
        view = client.principal.view
        if view is not None and view not in self._before.views and view in self.after.views:
            return self.after
        is_in = bucket_of(self._prefix, self._keys.of(client)) < self._share
        return self.after if is_in else self._before

    def _number_of(self, client: ClientRequest) -> int:
        """A client that has proved who it is, or an address: whoever invents ids has but one."""
        principal = client.principal
        proven = principal.id if principal.is_authenticated else None
        return bucket_of(self._numbers, proven or client.client_key) % CLIENT_NUMBERS

    def end(self) -> None:
        """Count no more."""
        for revision in (self.after, self._before):
            revision.pipeline.observer = self._observer

    def as_json(self) -> dict[str, Any]:
        """For whoever runs the gateway."""
        outcomes = {
            name: {"operations": found.total.operations, "failed": found.total.failed}
            for name, found in self.outcomes.items()
        }
        return {"digest": self.after.digest, "percent": self.percent, **outcomes}


def samples_of(outcomes: Mapping[str, Outcomes]) -> list[Sample]:
    """What was counted, for metrics."""
    return [
        (CANARY_OPERATIONS, (name, result), count)
        for name, found in outcomes.items()
        for result, count in (
            ("answered", found.operations - found.failed),
            ("failed", found.failed),
        )
    ]

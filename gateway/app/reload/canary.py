"""Two schemas side by side: which of them answers a client, and which of them is to go on. It serves nothing itself."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from gateway.app.reload.settings import CanarySettings
from gateway.app.revision import Revision
from gateway.client.request import ClientRequest
from gateway.client.targeting import TargetingKeys
from gateway.observe.compared import ComparedObserver, Outcomes
from gateway.override.buckets import bucket_of, prefix_of
from gateway.override.labels import ALL
from gateway.telemetry.catalogue import CANARY_OPERATIONS
from gateway.telemetry.metrics import Sample

NAME = "canary"
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

    def verdict(self, canary: Outcomes, others: Outcomes, now: float) -> Verdict | None:
        """What becomes of it; None while that is not known."""
        increase = canary.share - others.share - self.max_error_increase
        if now >= self.ends_at:
            return "returned" if increase > 0 else "promoted"
        is_counted = canary.operations >= self.min_operations
        return "returned" if is_counted and increase > chance(canary, others) else None


def chance(one: Outcomes, other: Outcomes) -> float:
    """By how much two shares may differ that mean the same: three standard errors of their difference."""
    operations = one.operations + other.operations
    share = (one.failed + other.failed) / operations
    spread = 1 / one.operations + (1 / other.operations if other.operations else 0)
    return 3 * math.sqrt(share * (1 - share) * spread)


class Canary:
    """A revision that is served beside the one of before, to some of the clients.

    A client is in it or not by its id alone: it is so in every worker and pod, and another client with another schema.

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
        self.outcomes: dict[str, Outcomes] = {}
        for name, revision in (("canary", after), ("others", before)):
            compared = ComparedObserver(self._observer)
            self.outcomes[name] = compared.outcomes
            revision.pipeline.observer = compared

    def revision_of(self, client: ClientRequest) -> Revision:
        """What answers a client's request."""
        is_in = bucket_of(self._prefix, self._keys.of(client)) < self._share
        return self.after if is_in else self._before

    def end(self) -> None:
        """Count no more."""
        for revision in (self.after, self._before):
            revision.pipeline.observer = self._observer

    def as_json(self) -> dict[str, Any]:
        """For whoever runs the gateway."""
        outcomes = {
            name: {"operations": found.operations, "failed": found.failed}
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

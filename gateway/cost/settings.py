"""What may be set about cost. Plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from gateway.settings.kinds import Count, CountOrZero

Counting = Literal["objects", "fields"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceBudget:
    """`[cost.sources.NAME]`: what one operation may cost a source.

    Attributes:
        max: The most that an operation's part for this source may cost, by its estimate. Beyond it no request is
            sent to the source: its fields are null, each with the error `SUBGRAPH_COST_ESTIMATED_TOO_EXPENSIVE`.
        list_size: As `cost.list_size`, for the lists that this source gives.
    """

    max: Count | None = None
    list_size: CountOrZero | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CostSettings:
    """`[cost]`: what operations cost, by the weights and list sizes in the schema.

    Attributes:
        mode: `measure` counts and refuses nothing; `enforce` refuses what is over a limit before anything of it is
            fetched; `off` counts nothing.
        max: The most that one operation may cost, by its estimate; no limit by default.
        list_size: How long a list is taken to be of which the schema says nothing.
        count: What has a cost where the schema gives no weight: `objects`, 1 for each object of an answer; or
            `fields`, 1 for each call of a field that gives objects (the "field cost" of IBM's specification).
        mutation: What a mutation costs beside its fields.
        sources: Budgets of sources by their names.
    """

    mode: Literal["off", "measure", "enforce"] = "off"
    max: Count | None = None
    list_size: CountOrZero = 10
    count: Counting = "objects"
    mutation: CountOrZero = 10
    sources: dict[str, SourceBudget] = field(default_factory=dict)

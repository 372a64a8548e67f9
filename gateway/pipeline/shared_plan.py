"""What of a plan decides who may be given its answers: what it reads of clients, and which sources it asks.

It must hold nothing of the plan itself: what is noted here by plan goes with the plan.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from itertools import count

from gateway.client.vary import Vary, joined
from gateway.graph.loader import called_sources, is_of_python
from gateway.plan.nodes import Kind
from gateway.runtime.bound_plan import Bound

LOADS = frozenset({Kind.BATCH, Kind.ENTITY, Kind.ASYNC})
_NUMBERS: Iterator[int] = count(1)


@dataclass(frozen=True, slots=True)
class SharedPlan:
    """A plan whose executions may be shared.

    Attributes:
        vary: What an execution reads of its client.
        sources: That it may call.
        is_of_sources: Nothing but sources has a part in its answers.
        number: Its own, in this process.
    """

    vary: Vary
    sources: frozenset[str | None]
    is_of_sources: bool
    number: int = field(default_factory=lambda: next(_NUMBERS))


def shared_plan(
    bound: Bound, ambient: Vary | None, unshared: Collection[str | None]
) -> SharedPlan | None:
    """How a plan is shared: None for one that waits for nothing, or asks a source whose calls are not shared.

    Args:
        bound: The plan.
        ambient: What runs beside resolvers reads of the client; None when that is not known.
        unshared: Sources whose calls are not shared.
    """
    sources = sources_of(bound)
    if sources is None or not sources.isdisjoint(unshared):
        return None
    vary = joined((bound.vary, ambient))
    return None if vary is None else SharedPlan(vary, frozenset(sources), is_of_sources(bound))


def sources_of(bound: Bound) -> set[str | None] | None:
    """The sources that a plan's loaders call; None for a plan that waits for nothing."""
    loads = [field for field in bound.fields.values() if field.plan.kind in LOADS]
    if not loads:
        return None
    loaders = [field.loader for field in loads if field.loader is not None]
    return {source for loader in loaders for source in called_sources(loader)}


def is_of_sources(bound: Bound) -> bool:
    """Whether a query's answer is made of what sources and the schema gave alone.

    Nobody knows how fresh is what Python gives.
    """
    return bound.plan.operation == "query" and next(fields_of_python(bound), None) is None


def fields_of_python(bound: Bound) -> Iterator[str]:
    """The coordinates of what functions of Python have a part in."""
    for one in bound.fields.values():
        if (
            one.resolver is not None and not one.plan.name.startswith("__")
            if one.loader is None
            else is_of_python(one.loader)
        ):
            yield one.coordinate

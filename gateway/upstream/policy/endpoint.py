"""What is known of one endpoint of a source: its breaker, how long its good calls take, how many there were.

It must count and remember only: what follows from it is the policy's to say.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from gateway.telemetry.catalogue import BREAKER_STATE, UPSTREAM_DECISIONS
from gateway.telemetry.metrics import Histogram, Sample
from gateway.upstream.policy.breaker import CircuitBreaker
from gateway.upstream.policy.latency import Latency
from gateway.upstream.settings import SourceSettings

STATES = ("closed", "half_open", "open")


@dataclass(slots=True)
class Endpoint:
    """What is known of one endpoint.

    Attributes:
        name: Its label.
        durations: Of the calls that went well, once there is one and somebody measures.
        calls: How many were sent.
    """

    name: str
    breaker: CircuitBreaker
    latency: Latency
    durations: Histogram | None = None
    calls: int = 0


def made_endpoint(name: str, settings: SourceSettings, calls: int = 0) -> Endpoint:
    """An endpoint of which nothing is known yet, but how many calls were counted before."""
    return Endpoint(
        name,
        CircuitBreaker(settings.circuit_breaker),
        Latency(settings.hedge.percentile),
        calls=calls,
    )


def endpoint_samples(source: str, endpoints: Collection[Endpoint]) -> Iterator[Sample]:
    """Calls of each endpoint, and the state of the breaker that lets the least through."""
    for endpoint in endpoints:
        yield UPSTREAM_DECISIONS, (source, endpoint.name, "call"), endpoint.calls
    states = [endpoint.breaker.state for endpoint in endpoints]
    worst = max(states, key=STATES.index, default="closed")
    for state in STATES:
        yield BREAKER_STATE, (source, state), float(state == worst)

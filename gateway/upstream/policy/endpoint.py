"""What is known of each endpoint of a source: its breaker, how long its good calls take, how many there were.

It must count and remember only: what follows from it is the policy's to say.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gateway.telemetry.catalogue import BREAKER_STATE, UPSTREAM_DECISIONS
from gateway.telemetry.metrics import Histogram, Sample
from gateway.upstream.policy.breaker import CircuitBreaker
from gateway.upstream.policy.counters import MAX_ENDPOINTS, Counters
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


class Endpoints(dict[str, Endpoint]):
    """The endpoints of one source by name, each made when it is first asked; what is past the bound is one, "".

    Args:
        source: The source's name.
        settings: Its settings.
        counters: Has what was counted of an endpoint before.
    """

    def __init__(self, source: str, settings: SourceSettings, counters: Counters) -> None:
        super().__init__()
        self._source = source
        self._settings = settings
        self._counters = counters

    def __missing__(self, name: str) -> Endpoint:
        if len(self) >= MAX_ENDPOINTS and name:
            return self[""]
        made = self[name] = Endpoint(
            name,
            CircuitBreaker(self._settings.circuit_breaker),
            Latency(self._settings.hedge.percentile),
            calls=self._counters.counts.pop(("call", self._source, name), 0),
        )
        return made

    def leave_counts(self) -> None:
        """Others take the place of these: they go on from what these have counted."""
        for known in self.values():
            self._counters.counts["call", self._source, known.name] += known.calls

    def samples(self) -> Iterator[Sample]:
        """Calls of each endpoint, and the state of the breaker that lets the least through."""
        for endpoint in self.values():
            yield UPSTREAM_DECISIONS, (self._source, endpoint.name, "call"), endpoint.calls
        states = [endpoint.breaker.state for endpoint in self.values()]
        worst = max(states, key=STATES.index, default="closed")
        for state in STATES:
            yield BREAKER_STATE, (self._source, state), float(state == worst)

"""The HTTP routes as their clients see them: how long answers take, by status, and how many are under way."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.telemetry.catalogue import SERVER_ACTIVE, SERVER_DURATION
from gateway.telemetry.metrics import Histogram, Sample

# These are there from the start with 0: Prometheus sees no increase in a series that begins with the first
# failure, and an alert would wait for the second.
EXPECTED = (200, 400, 429, 500, 503, 504)


class RouteMeasures:
    """The numbers of the GraphQL endpoint.

    Attributes:
        active: Requests that wait for something, without those whose answer goes on.
    """

    def __init__(self) -> None:
        self.active = 0
        self._durations = {status: Histogram() for status in EXPECTED}

    def observe(self, status: int, seconds: float) -> None:
        """Count the duration of one; without a status its client went before."""
        durations = self._durations.get(status)
        if durations is None:
            durations = self._durations[status] = Histogram()
        durations.observe(seconds)

    def samples(self) -> Iterator[Sample]:
        """The values now."""
        yield SERVER_ACTIVE, (), self.active
        for status, durations in self._durations.items():
            yield SERVER_DURATION, (str(status or ""),), durations.sample()

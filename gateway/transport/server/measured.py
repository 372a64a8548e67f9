"""The GraphQL route measured from outside: how long requests take, by status, and how many are under way.

Installed only where metrics are on. It reads the status and whether an answer goes on, and nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any

from gateway.telemetry.catalogue import SERVER_ACTIVE, SERVER_DURATION
from gateway.telemetry.metrics import Histogram, Sample
from gateway.transport.http.asgi import Receive, Scope, Send

# These are there from the start with 0: Prometheus sees no increase in a series that begins with the first
# failure, and an alert would wait for the second.
EXPECTED = (200, 400, 429, 500, 503, 504)
Endpoint = Callable[..., Awaitable[None]]


class MeasuredRoute:
    """The endpoint and its numbers.

    Args:
        endpoint: What answers, an ASGI application that may take more.

    Attributes:
        active: Requests under way, without those whose answer goes on.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self.active = 0
        self._durations = {status: Histogram() for status in EXPECTED}

    async def __call__(
        self, scope: Scope, receive: Receive, send: Send, document_id: str | None = None
    ) -> None:
        status = 0
        is_over = False

        def watch(message: MutableMapping[str, Any]) -> Awaitable[None]:
            nonlocal status, is_over
            if message["type"] == "http.response.start":
                status = message["status"]
            elif not is_over and message.get("more_body"):
                # An answer that goes on, an event stream, counts until its head.
                is_over = True
                self._count(status, time.perf_counter() - begin)
            return send(message)

        self.active += 1
        begin = time.perf_counter()
        try:
            await self._endpoint(scope, receive, watch, document_id)
        except Exception:
            status = status or 500  # what the server will send
            raise
        finally:
            if not is_over:
                self._count(status, time.perf_counter() - begin)

    def _count(self, status: int, seconds: float) -> None:
        """One is over."""
        self.active -= 1
        self.observe(status, seconds)

    def observe(self, status: int, seconds: float) -> None:
        """Count the duration of one; without a status its client went before."""
        durations = self._durations.get(status)
        if durations is None:
            durations = self._durations[status] = Histogram()
        durations.observe(seconds)

    def read(self) -> Iterator[Sample]:
        """The values now."""
        yield SERVER_ACTIVE, (), self.active
        for status, durations in self._durations.items():
            yield SERVER_DURATION, (str(status or ""),), durations.read()

"""The GraphQL route measured from outside: how long requests take, by status, and how many are under way.

Installed only where metrics are on. It reads the status and whether an answer goes on, and nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any

from gateway.telemetry.catalogue import SERVER_ACTIVE, SERVER_DURATION
from gateway.telemetry.metrics import Histogram, Sample
from gateway.transport.asgi import Receive, Scope, Send

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

    async def __call__(self, scope: Scope, receive: Receive, send: Send, *more: Any) -> None:
        exchange = Exchange(self, send)
        self.active += 1
        try:
            await self._endpoint(scope, receive, exchange.send, *more)
        except Exception:
            exchange.status = exchange.status or 500  # what the server will send
            raise
        finally:
            if not exchange.is_over:
                exchange.end()

    def read(self) -> Iterator[Sample]:
        """The values now."""
        yield SERVER_ACTIVE, (), self.active
        for status, durations in self._durations.items():
            yield SERVER_DURATION, (str(status or ""),), durations.read()

    def durations(self, status: int) -> Histogram:
        """Of the answers with a status."""
        found = self._durations.get(status)
        if found is None:
            found = self._durations[status] = Histogram()
        return found


class Exchange:
    """One request: sees what is sent, and ends once.

    Attributes:
        status: Of the answer; 0 until there is one, and when the client went before.
        is_over: Whether it has been counted.
    """

    __slots__ = ("_begin", "_route", "_send", "is_over", "status")

    def __init__(self, route: MeasuredRoute, send: Send) -> None:
        self._route = route
        self._send = send
        self.status = 0
        self.is_over = False
        self._begin = time.perf_counter()

    def send(self, message: MutableMapping[str, Any]) -> Awaitable[None]:
        """Pass a message on. An answer that goes on, an event stream, counts until its head."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
        elif message.get("more_body") and not self.is_over:
            self.end()
        return self._send(message)

    def end(self) -> None:
        """Count it; once."""
        self.is_over = True
        self._route.active -= 1
        self._route.durations(self.status).observe(time.perf_counter() - self._begin)

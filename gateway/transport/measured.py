"""The GraphQL route measured from outside: how long requests take, by status, and how many are under way.

Installed only where metrics are on. It reads the status and whether an answer goes on, and nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any

from gateway.telemetry.catalogue import SERVER_ACTIVE, SERVER_DURATION
from gateway.telemetry.metrics import Family, Histogram, Sample
from gateway.transport.asgi import Receive, Scope, Send

# These are there from the start with 0: Prometheus sees no increase in a series that begins with the first
# failure, and an alert would wait for the second.
EXPECTED = ("200", "400", "429", "500", "503", "504")
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
        self._durations = Family(SERVER_DURATION, Histogram)
        for status in EXPECTED:
            self._durations.of(status)

    async def __call__(self, scope: Scope, receive: Receive, send: Send, *more: Any) -> None:
        exchange = Exchange(self, send)
        self.active += 1
        try:
            await self._endpoint(scope, receive, exchange.send, *more)
        except Exception:
            exchange.status = exchange.status or "500"  # what the server will send
            raise
        finally:
            exchange.end()

    def read(self) -> Iterator[Sample]:
        """The values now."""
        yield SERVER_ACTIVE, (), self.active
        yield from self._durations.read()

    def observe(self, status: str, seconds: float) -> None:
        """Count an answer."""
        self._durations.of(status).observe(seconds)


class Exchange:
    """One request: sees what is sent, and ends once.

    Attributes:
        status: Of the answer; "" until there is one, and when the client went before.
    """

    __slots__ = ("_begin", "_is_over", "_route", "_send", "status")

    def __init__(self, route: MeasuredRoute, send: Send) -> None:
        self._begin = time.perf_counter()
        self._is_over = False
        self._route = route
        self._send = send
        self.status = ""

    def send(self, message: MutableMapping[str, Any]) -> Awaitable[None]:
        """Pass a message on. An answer that goes on, an event stream, counts until its head."""
        if message["type"] == "http.response.start":
            self.status = str(message["status"])
        elif message.get("more_body"):
            self.end()
        return self._send(message)

    def end(self) -> None:
        """Note that it is over; once."""
        if not self._is_over:
            self._is_over = True
            self._route.active -= 1
            self._route.observe(self.status, time.perf_counter() - self._begin)

"""Load shedding of the gateway itself: more than it can do is refused at once, so that the rest is done in time.

It decides by two numbers of this worker, before a byte of the body is read: requests in flight, and how late
the event loop is. Installed only where a limit is set; health checks never come here. It knows nothing of
GraphQL but how a refusal looks.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any

from gateway.errors import ClientError
from gateway.telemetry.catalogue import REQUESTS_SHED
from gateway.telemetry.metrics import Sample
from gateway.transport.asgi import Receive, Scope, Send
from gateway.transport.negotiate import GRAPHQL_RESPONSE, JSON
from gateway.transport.reply import CONTENT_TYPES, refusal

# A lag is known for so long after it is over: short, since all that comes in the meantime is refused.
TICK_S = 0.05
BODY = refusal(ClientError("Service unavailable.", code="UNAVAILABLE"))
Endpoint = Callable[..., Awaitable[None]]


class Shedder:
    """The endpoint behind its limits.

    Args:
        endpoint: What answers, an ASGI application that may take more.
        max_in_flight: Requests at a time, of this worker; None for no limit.
        max_lag_s: How late the event loop may be; None for no limit.
        clock: Seconds. Not the loop's own: uvloop's stands still within an iteration.

    Attributes:
        in_flight: Requests under way. An answer that goes on, an event stream, counts until its first part.
        shed: Requests that were refused, by reason: `in_flight`, `lag`.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        max_in_flight: int | None,
        max_lag_s: float | None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._endpoint = endpoint
        self._max_in_flight = max_in_flight
        self._max_lag_s = max_lag_s
        self._clock = clock
        self._due = self._lag_s = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self.in_flight = 0
        self.shed: Counter[str] = Counter(in_flight=0, lag=0)

    def start(self) -> None:
        """Begin to measure the event loop, where that has a limit."""
        if self._max_lag_s is not None:
            self._due = self._clock() + TICK_S
            self._timer = asyncio.get_running_loop().call_later(TICK_S, self._tick)

    def stop(self) -> None:
        """End measuring."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def read(self) -> Iterator[Sample]:
        """The values now."""
        for reason, count in self.shed.items():
            yield REQUESTS_SHED, (reason,), count

    async def __call__(self, scope: Scope, receive: Receive, send: Send, *more: Any) -> None:
        """Answer, or refuse."""
        reason = self._too_much()
        if reason is not None:
            self.shed[reason] += 1
            await _refuse(scope, send)
            return
        place = _Place(self, send)
        try:
            await self._endpoint(scope, receive, place.send, *more)
        finally:
            place.leave()

    def _too_much(self) -> str | None:
        if self._max_in_flight is not None and self.in_flight >= self._max_in_flight:
            return "in_flight"
        # The timer may be late this very moment, and not have been able to say so.
        if self._max_lag_s is not None and self._max_lag_s < max(
            self._lag_s, self._clock() - self._due
        ):
            return "lag"
        return None

    def _tick(self) -> None:
        self._lag_s = self._clock() - self._due
        self.start()


class _Place:
    """One request among those in flight."""

    __slots__ = ("_has_left", "_send", "_shedder")

    def __init__(self, shedder: Shedder, send: Send) -> None:
        self._shedder = shedder
        self._send = send
        self._has_left = False
        shedder.in_flight += 1

    def send(self, message: MutableMapping[str, Any]) -> Awaitable[None]:
        if message.get("more_body"):
            self.leave()
        return self._send(message)

    def leave(self) -> None:
        if not self._has_left:
            self._has_left = True
            self._shedder.in_flight -= 1


async def _refuse(scope: Scope, send: Send) -> None:
    accepts = b",".join(value for name, value in scope["headers"] if name == b"accept")
    media_type = GRAPHQL_RESPONSE if GRAPHQL_RESPONSE.encode() in accepts else JSON
    headers = [
        (b"content-type", CONTENT_TYPES[media_type]),
        (b"content-length", str(len(BODY)).encode()),
        (b"retry-after", b"1"),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": BODY})

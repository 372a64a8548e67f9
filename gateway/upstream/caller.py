"""In whose name a backend is called: what of a request the calls of this room need to know, and what they note
there.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

if TYPE_CHECKING:
    from gateway.client.request import ClientRequest
    from gateway.response_headers import ResponseState
    from gateway.telemetry.trace import Trace
    from gateway.upstream.cache.outward import OutwardFreshness


class CallStats(msgspec.Struct, eq=False):
    """What one request asked of its backends, for its log line.

    Attributes:
        calls: Upstream calls sent, retries included; a shared call counts for its leader.
        wait_s: Time spent in them, seconds, summed over calls that may overlap.
        by_source: Requests that connectors asked for, by source.
        retries, hedges: Attempts among `calls` beside the first ones.
        shared: Calls that another request made for this one.
        cached: Calls that a stored answer made needless.
        queue_wait_s: Time spent in waiting for a place, seconds.
        trace: The request's timings; None when nobody wants to know.
        outward: What the answer may say of its own freshness; None where it says nothing.
        response: What the answer gets beside the gateway's own headers; None where nothing does.
        tally: Counts what the result has; None where nobody asks.
        exposed: The flags that what was asked depended on; None where it was none.
        tracked: What the client has done, as Python says; None for nothing.
        refused: Sources that are not asked, since the request's part for them costs too much.
        shadows: Begins what is compared when the answer has gone; None where nothing is.
    """

    calls: int = 0
    retries: int = 0
    hedges: int = 0
    shared: int = 0
    cached: int = 0
    wait_s: float = 0.0
    queue_wait_s: float = 0.0
    trace: Trace | None = None
    response: ResponseState | None = None
    outward: OutwardFreshness | None = None
    tally: Any = None
    refused: Collection[str] = ()
    exposed: frozenset[str] | None = None
    tracked: list[tuple[str, float | None, dict[str, Any]]] | None = None
    shadows: list[Callable[[], None]] | None = None
    by_source: dict[str, int] = msgspec.field(default_factory=dict)

    def expose(self, flags: frozenset[str]) -> None:
        """Note that something is asked that depends on flags."""
        self.exposed = flags if self.exposed is None else self.exposed | flags


class Caller(Protocol):
    """Who calls: a request's context, of which nothing else is looked at."""

    @property
    def client(self) -> ClientRequest:
        """What the request says of its client, for hooks."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """The client's headers by lower-case name."""
        ...

    @property
    def deadline(self) -> float:
        """When the answer has to be there, on the event loop's clock, seconds."""
        ...

    @property
    def stats(self) -> CallStats:
        """Where calls are noted."""
        ...

    @property
    def source_urls(self) -> Mapping[str, str]:
        """Base URL of each source by name."""
        ...

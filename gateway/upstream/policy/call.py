"""A call through all its attempts: what was asked for, and the answer, which may be read whole or given back unread.

It must decide nothing: whether there is another attempt is the policy's to say.
"""

from __future__ import annotations

import msgspec

from gateway.errors import UpstreamError
from gateway.upstream.caller import CallStats
from gateway.upstream.content import UNREADABLE, tell
from gateway.upstream.policy.endpoint import Endpoint
from gateway.upstream.transport import (
    Fetched,
    UpstreamRequest,
    UpstreamResponse,
    header_value,
    read_length,
)

# A whole answer, or one whose body is still on the wire.
Answer = Fetched | UpstreamResponse


class UpstreamCall(msgspec.Struct):
    """A call as it was asked for, through all its attempts.

    Attributes:
        request: What to send.
        endpoint: Of that.
        deadline: Of the request that asks, on the event loop's clock.
        stats: What that request asked for.
        is_whole: Whether the body is read too.
    """

    request: UpstreamRequest
    endpoint: Endpoint
    deadline: float
    stats: CallStats
    is_whole: bool


async def read_whole(response: UpstreamResponse, max_bytes: int, source: str) -> bytes:
    """As `UpstreamResponse.read_body`; an error whose body cannot be decoded is still an error, by its status."""
    try:
        return await response.read_body(max_bytes)
    except UpstreamError as exc:
        exc.received_bytes += response.received
        if exc.code != UNREADABLE or response.status < 400:
            raise
        tell(source, f"status {response.status}, {exc.detail}")
        return b""


async def discard(answer: Answer) -> None:
    """Nobody reads it: its connection goes back, or is closed."""
    if not isinstance(answer, Fetched):
        await answer.aclose()


def size_of(answer: UpstreamResponse) -> int | None:
    """The bytes of a body that is not read yet, where its head says so."""
    return read_length(header_value(answer.headers, "content-length"))

"""A call through all its attempts: what was asked for, and the answer, which may be read whole or given back unread.

It must decide nothing: whether there is another attempt is the policy's to say.
"""

from __future__ import annotations

import msgspec

from gateway.errors import UpstreamError
from gateway.upstream.caller import CallStats
from gateway.upstream.content import UNREADABLE, tell
from gateway.upstream.policy.endpoint import Endpoint
from gateway.upstream.settings import SourceSettings
from gateway.upstream.transport import (
    Fetched,
    UpstreamRequest,
    UpstreamResponse,
    header_value,
    read_length,
)

MARKS = b",[{"
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


def check_values(body: bytes, settings: SourceSettings, source: str) -> None:
    """Look before an answer is decoded: 9 MB of `[],` are 3 million lists, and stand the event loop for seconds.

    Each value has a byte, and a mark before or behind it, the first aside, so that counting bytes is enough, at a
    twentieth of the cost of decoding. An answer that is neither an object nor a list, by its first byte, is one value:
    a text with commas. `serialize()`'s text may have noise around it.

    Args:
        body: The answer's, decompressed.
        settings: Of the source: `max_response_values`, `dialect`.
        source: Its name.

    Errors: UpstreamError(RESPONSE_TOO_LARGE).
    """
    most = settings.max_response_values
    if len(body) <= most:
        return
    is_php = settings.dialect == "php"
    if not is_php and body[:64].lstrip(b"\xef\xbb\xbf \t\r\n")[:1] not in (b"[", b"{", b""):
        return
    marks = MARKS + b";" if is_php else MARKS
    if sum(map(body.count, marks)) > most:
        detail = f"over {most} values in {len(body)} bytes: max_response_values"
        raise UpstreamError("RESPONSE_TOO_LARGE", source=source, detail=detail)


async def discard(answer: Answer) -> None:
    """Nobody reads it: its connection goes back, or is closed."""
    if not isinstance(answer, Fetched):
        await answer.aclose()


def size_of(answer: UpstreamResponse) -> int | None:
    """The bytes of a body that is not read yet, where its head says so."""
    return read_length(header_value(answer.headers, "content-length"))

"""The bodies of backends' answers without their content codings, by the bytes where a head cannot be right.

What was put up with is told in the log, once for each source. No I/O of its own.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

from gateway.codings.decode import BodyDecoding, decode_chunks
from gateway.codings.members import BadEncoding
from gateway.errors import UpstreamError
from gateway.telemetry.records import members

logger = logging.getLogger("gateway.upstream")

UNREADABLE = "CONNECTOR_RESPONSE_INVALID"
"""The code of an answer that came and makes no sense: the backend was reached, and would say the same again."""
MAX_TOLD = 1000
_told: set[tuple[str, str]] = set()


async def decode_answer(
    raw: AsyncIterator[bytes], content_encoding: str, source: str
) -> AsyncGenerator[bytes]:
    """A body without its codings. Errors: UpstreamError(CONNECTOR_RESPONSE_INVALID), and those of `raw`."""
    first = b""

    async def watched() -> AsyncIterator[bytes]:
        nonlocal first
        async for data in raw:
            first = first or data[:40]
            yield data

    try:
        decoding = BodyDecoding.of_answer(content_encoding)
        async for piece in decode_chunks(watched(), decoding):
            yield piece
    except BadEncoding as exc:
        detail = f"content-encoding {content_encoding!r:.100}: {exc}; the body begins {first!r}"
        raise UpstreamError(UNREADABLE, source=source, detail=detail[:500]) from exc
    for oddity in decoding.oddities:
        tell(source, oddity)


async def pieces_of(
    raw: AsyncIterator[bytes],
    content_encoding: str | None,
    source: str,
    aclose: Callable[[], Awaitable[None]],
) -> AsyncGenerator[bytes]:
    """A body in pieces, decoded where it has codings; an answer that cannot be is closed. Errors: UpstreamError."""
    if content_encoding is None:
        async for piece in raw:
            yield piece
        return
    try:
        async for piece in decode_answer(raw, content_encoding, source):
            yield piece
    except UpstreamError:
        await aclose()
        raise


def tell(source: str, what: str) -> None:
    """Log once what a source's answers have."""
    if (source, what) not in _told and len(_told) < MAX_TOLD:
        _told.add((source, what))
        logger.warning("%s; said once", what, extra=members(source=source))

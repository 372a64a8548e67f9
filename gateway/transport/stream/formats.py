"""The formats of answers that go on, and which of them a client asks for. Pure: no I/O."""

from __future__ import annotations

from functools import lru_cache
from typing import Protocol

from gateway.response.payloads import PayloadFormat
from gateway.transport.stream.multipart import (
    SUBSCRIPTION_SPECS,
    IncrementalFormat,
    MultipartFormat,
    multipart_specs,
)
from gateway.transport.stream.sse import EventFormat, wants_events


class StreamFormat(Protocol):
    """How the answers of one operation are written.

    Attributes:
        takes: "every operation", "subscription" or "incremental": what is answered so.
        payloads: How those of incremental delivery are written.
        content_type: Of the HTTP answer.
        begin, end: Before the first and after the last answer.
        heartbeat: Says that the connection lives.
    """

    takes: str
    payloads: PayloadFormat
    content_type: bytes
    begin: bytes
    heartbeat: bytes
    end: bytes

    def next(self, body: bytes) -> bytes:
        """An answer."""
        ...

    def only(self, body: bytes) -> bytes:
        """The one answer of an operation that has no more."""
        ...

    def fail(self, body: bytes) -> bytes:
        """The request error that ends the stream."""
        ...


@lru_cache(256)
def stream_format(accept: str | None) -> StreamFormat | None:
    """The format that a client asks for by its header; None for an answer in one piece."""
    if wants_events(accept):
        return EventFormat()
    specs = multipart_specs(accept)
    if any(spec in SUBSCRIPTION_SPECS for spec in specs):
        return MultipartFormat()
    return IncrementalFormat(specs[0]) if specs else None

"""Operations as Server-Sent Events: which requests ask for them, and how events are written. Pure: no I/O.

Source: the GraphQL over SSE protocol in graphql-sse, PROTOCOL.md.
"""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from gateway.response.payloads import PayloadFormat
from gateway.transport.http.negotiate import GRAPHQL_RESPONSE, JSON, quality_of

EVENT_STREAM = "text/event-stream"
TOKEN_HEADER = "x-graphql-event-stream-token"  # noqa: S105 - a header's name


class EventFormat:
    """Writes the answers of an operation that has its stream for itself."""

    takes = "every operation"
    payloads: PayloadFormat = "current"
    content_type = b"text/event-stream; charset=utf-8"
    begin = b":\n\n"
    heartbeat = b":\n\n"
    end = b"event: complete\ndata:\n\n"

    def next(self, body: bytes) -> bytes:
        """One answer. JSON as this service writes it has no line end."""
        return b"event: next\ndata: " + body + b"\n\n"

    def only(self, body: bytes) -> bytes:
        """The one answer of an operation that has no more."""
        return self.next(body)

    def fail(self, body: bytes) -> bytes:
        """The request error that ends the stream."""
        return self.next(body)


class OperationFormat:
    """Writes the answers of one of several operations on a stream.

    Args:
        operation_id: The client's name for it.
    """

    payloads: PayloadFormat = "current"

    def __init__(self, operation_id: str) -> None:
        quoted = orjson.dumps(operation_id)
        self._head = b'event: next\ndata: {"id":' + quoted + b',"payload":'
        self.end = b'event: complete\ndata: {"id":' + quoted + b"}\n\n"

    def next(self, body: bytes) -> bytes:
        """One answer."""
        return self._head + body + b"}\n\n"

    def only(self, body: bytes) -> bytes:
        """The one answer of an operation that has no more."""
        return self.next(body)

    def fail(self, body: bytes) -> bytes:
        """The request error that ends the operation."""
        return self.next(body)


def is_session(method: str, headers: Mapping[str, str], query_string: bytes) -> bool:
    """Whether a request is one of single connection mode, where a stream carries many operations."""
    return (
        method in ("PUT", "DELETE")
        or TOKEN_HEADER in headers
        or (method == "GET" and b"token=" in query_string and wants_events(headers.get("accept")))
    )


def wants_events(accept: str | None) -> bool:
    """Whether a client wants an event stream, and nothing else as much: urql accepts all there is."""
    if accept is None or EVENT_STREAM not in accept.lower():
        return False
    quality, specificity = quality_of(accept, EVENT_STREAM)
    others = (quality_of(accept, offered) for offered in (GRAPHQL_RESPONSE, JSON))
    return (
        specificity == 2
        and quality > 0
        and all(quality > other for other, how in others if how > 0)
    )

"""An answer in one piece, as either adapter sends it: its status, the lines of its head, and its bytes.

Pure: no I/O.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import lru_cache
from http import HTTPStatus
from typing import Protocol

import msgspec

from gateway.errors import ClientError
from gateway.response.record import Answer
from gateway.transport.http.negotiate import GRAPHQL_RESPONSE, JSON

# By the specification's draft these are 422, not 400: the request is understood, and cannot be executed.
UNPROCESSABLE = ("GRAPHQL_VALIDATION_FAILED", "OPERATION_RESOLUTION_FAILURE", "BAD_USER_INPUT")
CONTENT_TYPES = {
    JSON: b"content-type: application/json; charset=utf-8\r\n",
    GRAPHQL_RESPONSE: b"content-type: application/graphql-response+json; charset=utf-8\r\n",
}
# These say what became of the request itself, whatever the answer's media type.
ALWAYS_TOLD = frozenset({401, 403, 405, 408, 413, 415, 417, 426, 429, 431, 500, 501, 503})


class HttpResponse(msgspec.Struct):
    """An answer in one piece.

    Attributes:
        status: Of HTTP.
        head: Header lines, each with its line end, `content-length` among them.
        body: The bytes; the adapters leave them out for HEAD.
    """

    status: int
    head: bytes
    body: bytes


class Channel(Protocol):
    """Where an answer that goes on is written; each adapter has one."""

    async def send(self, data: bytes) -> None:
        """Write on. It waits where the client does not read."""
        ...

    async def disconnected(self) -> None:
        """Return when the client has gone."""
        ...


class StreamingResponse(msgspec.Struct):
    """An answer that goes on.

    Attributes:
        head: Header lines, each with its line end.
        write: Writes the body until it ends, the client goes or the server ends.
        status: Of HTTP.
    """

    head: bytes
    write: Callable[[Channel], Awaitable[None]]
    status: int = 200


def text_response(status: int, text: str, more: bytes = b"") -> HttpResponse:
    """A short answer in plain text."""
    body = text.encode()
    head = b"content-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\n%b"
    return HttpResponse(status, head % (len(body), more), body)


def headers_of(head: bytes) -> list[tuple[bytes, bytes]]:
    """Header lines as pairs."""
    lines = (line.partition(b": ") for line in head.split(b"\r\n") if line)
    return [(name, value) for name, _, value in lines]


def status_of(answer: Answer, media_type: str, *, is_draft: bool) -> int:
    """GraphQL over HTTP: under application/json a well-formed request is 200, whatever became of it."""
    if media_type != GRAPHQL_RESPONSE:
        return answer.status if answer.status in ALWAYS_TOLD else 200
    codes = answer.record.error_codes
    if is_draft and codes:
        if answer.has_data:
            return 294
        if answer.status == 400 and codes[0] in UNPROCESSABLE:
            return 422
    return answer.status


def malformed_status(error: ClientError, media_type: str | None, *, is_draft: bool) -> int:
    """The status of a request that was rejected before the pipeline; 422 where the draft has it."""
    return 422 if is_draft and media_type == GRAPHQL_RESPONSE else error.http_status


@lru_cache(128)
def status_line(status: int) -> bytes:
    """The first line of an answer; 294 has no phrase."""
    phrase = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else ""
    return f"HTTP/1.1 {status} {phrase}\r\n".encode()

"""An answer in one piece: its status, its headers, and its bytes, compressed where that is worth while."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from gateway.answer import Answer, encode_request_error
from gateway.codings import THREAD_BYTES, choose_encoding, compress
from gateway.errors import ClientError
from gateway.transport.http.asgi import Headers, Send
from gateway.transport.http.negotiate import GRAPHQL_RESPONSE, JSON
from gateway.transport.settings import CompressionSettings

# By the specification's draft these are 422, not 400: the request is understood, and cannot be executed.
UNPROCESSABLE = ("GRAPHQL_VALIDATION_FAILED", "OPERATION_RESOLUTION_FAILURE", "BAD_USER_INPUT")
CONTENT_TYPES = {
    JSON: b"application/json; charset=utf-8",
    GRAPHQL_RESPONSE: b"application/graphql-response+json; charset=utf-8",
}


def status_of(answer: Answer, media_type: str, is_draft: bool) -> int:
    """GraphQL over HTTP: under application/json a well-formed request is 200, whatever became of it."""
    if media_type != GRAPHQL_RESPONSE:
        return answer.status if answer.status in (405, 500, 503) else 200
    codes = answer.record.error_codes
    if is_draft and codes:
        if answer.has_data:
            return 294
        if answer.status == 400 and codes[0] in UNPROCESSABLE:
            return 422
    return answer.status


def refusal(exc: ClientError) -> bytes:
    """A protocol error as a GraphQL response."""
    return encode_request_error([{"message": exc.message, "extensions": exc.extensions}])


def answer_headers(
    media_type: str, request_id: str, codes: Sequence[str], allow: str | None
) -> Headers:
    """The headers of an answer in one piece, but for those of its bytes."""
    headers = [
        (b"content-type", CONTENT_TYPES[media_type]),
        (b"x-request-id", request_id.encode("latin-1")),
    ]
    if codes:
        headers.append((b"cache-control", b"no-store"))
    if allow:
        headers.append((b"allow", allow.encode()))
    return headers


def is_compressible(body: bytes, settings: CompressionSettings) -> bool:
    """Whether an answer is worth compressing, for a client that accepts it."""
    return len(body) >= settings.min_size_bytes and bool(settings.encodings)


async def encode_body(
    body: bytes, start: Headers, headers: dict[str, str], settings: CompressionSettings
) -> bytes:
    """An answer in the coding that the client accepts, if any.

    Args:
        body: The answer.
        start: The answer's headers: gets those of the coding.
        headers: The request's.
        settings: The codings.
    """
    start.append((b"vary", b"accept-encoding"))
    encoding = choose_encoding(headers.get("accept-encoding", ""), settings.encodings)
    if encoding is None:
        return body
    start.append((b"content-encoding", encoding.encode()))
    if len(body) > THREAD_BYTES:
        return await asyncio.to_thread(compress, body, encoding)
    return compress(body, encoding)


async def respond(
    send: Send,
    status: int,
    start: Headers,
    body: bytes,
    headers: dict[str, str],
    compression: CompressionSettings,
) -> None:
    """Send an answer in one piece, compressed where that is worth while."""
    if is_compressible(body, compression):
        body = await encode_body(body, start, headers, compression)
    start.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": start})
    await send({"type": "http.response.body", "body": body})

"""The body of a request: read as it arrives, decoded piece by piece, and never more than is allowed."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.codings.decode import DECODED, BodyDecoding, chunk, decode_chunks, parse_codings
from gateway.codings.members import BadEncoding, UnknownCodingError
from gateway.errors import ClientError
from gateway.transport.asgi import ClientDisconnectedError, Receive

MOST_GROWTH = 50
"""Times the length sent that a decoded body beyond `SMALL_BYTES` may have; real ones grow by 10 to 20."""
SMALL_BYTES = 256 * 1024


async def read_body(receive: Receive, max_bytes: int) -> bytes:
    """The request's body, as it was sent.

    Errors: ClientError(REQUEST_TOO_LARGE) as soon as it is over; ClientDisconnectedError.
    """
    body = bytearray()
    has_more = True
    while has_more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnectedError
        body += message.get("body", b"")
        if len(body) > max_bytes:
            raise too_large(max_bytes)
        has_more = bool(message.get("more_body"))
    return bytes(body)


def request_codings(content_encoding: str, *, is_decoded: bool = True) -> tuple[str, ...]:
    """The codings of a request's body. Errors: ClientError(UNSUPPORTED_MEDIA_TYPE) that says which are read."""
    read = ", ".join(DECODED) if is_decoded else "identity"
    try:
        codings = parse_codings(content_encoding)
        problem = "" if is_decoded or not codings else "compression.requests is false"
    except UnknownCodingError as exc:
        codings, problem = (), str(exc)
    if not problem:
        return codings
    raise ClientError(
        f"The content-encoding is not supported: {problem}. Supported: {read}.",
        code="UNSUPPORTED_MEDIA_TYPE",
        headers={"accept-encoding": read},  # RFC 9110 §12.5.3
    )


def check_plain_form(headers: Mapping[str, str]) -> None:
    """A form is read as it arrives, and not decoded. Errors: ClientError(UNSUPPORTED_MEDIA_TYPE)."""
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise ClientError(
            "A form with files is read without Content-Encoding only.",
            code="UNSUPPORTED_MEDIA_TYPE",
            headers={"accept-encoding": "identity"},
        )


async def decode_body(body: bytes, codings: tuple[str, ...], max_bytes: int) -> bytes:
    """A whole body without its codings; what takes long gives the event loop back in between.

    Errors: ClientError(REQUEST_TOO_LARGE), (BAD_REQUEST).
    """
    if not codings:
        return body
    pieces: list[bytes] = []
    size = 0
    try:
        async for piece in decode_chunks(chunk(body), BodyDecoding(codings)):
            size += len(piece)
            if size > max_bytes:
                raise too_large(max_bytes)
            if size > SMALL_BYTES and size > MOST_GROWTH * len(body):
                raise ClientError(
                    f"The decoded body is more than {MOST_GROWTH} times as long as what was sent.",
                    code="REQUEST_TOO_LARGE",
                )
            pieces.append(piece)
    except BadEncoding as exc:
        raise ClientError(
            f"The body does not match its content-encoding: {exc}.", code="BAD_REQUEST"
        ) from None
    return b"".join(pieces)


def too_large(max_bytes: int) -> ClientError:
    """What a client learns of a body that is too large."""
    return ClientError(
        f"The body is larger than http.max_body_bytes, {max_bytes}.", code="REQUEST_TOO_LARGE"
    )

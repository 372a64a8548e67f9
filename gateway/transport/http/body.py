"""The body of a request: read as it arrives, decompressed piece by piece, and never more than is allowed."""

from __future__ import annotations

from gateway.codings import BadEncoding, Decoder, build_decoder
from gateway.errors import ClientError
from gateway.transport.http.asgi import ClientDisconnectedError, Receive


async def read_body(receive: Receive, max_bytes: int, encoding: str | None = None) -> bytes:
    """The request's body, decompressed.

    Errors: ClientError(REQUEST_TOO_LARGE) as soon as it is over, compressed or not;
        ClientError(UNSUPPORTED_MEDIA_TYPE) for a coding that is not known, (BAD_REQUEST) for a broken body.
    """
    decoder = request_decoder(encoding) if encoding else None
    message = await receive()
    body: bytes = message.get("body", b"")
    while message.get("more_body") and len(body) <= max_bytes:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnectedError
        body += message.get("body", b"")
    if len(body) > max_bytes:
        raise too_large(max_bytes)
    return decompress(decoder, body, max_bytes) if decoder else body


def request_decoder(encoding: str) -> Decoder | None:
    """The decoder of `content-encoding`; None for identity. Errors: ClientError(UNSUPPORTED_MEDIA_TYPE)."""
    try:
        return build_decoder(encoding)
    except BadEncoding:
        raise ClientError(
            "Compress the body by zstd, br, gzip or deflate, one of them, or not at all.",
            code="UNSUPPORTED_MEDIA_TYPE",
        ) from None


def decompress(decoder: Decoder, data: bytes, max_bytes: int) -> bytes:
    """A whole body, decompressed. Errors: ClientError(REQUEST_TOO_LARGE), (BAD_REQUEST)."""
    pieces: list[bytes] = []
    size = 0
    try:
        for piece in decoder.feed(data):
            size += len(piece)
            if size > max_bytes:
                raise too_large(max_bytes)
            pieces.append(piece)
        decoder.finish()
    except BadEncoding:
        raise ClientError(
            "The body is not what its content-encoding says.", code="BAD_REQUEST"
        ) from None
    return b"".join(pieces)


def too_large(max_bytes: int) -> ClientError:
    """What a client learns of a body that is too large."""
    return ClientError(
        f"The body is larger than http.max_body_bytes, {max_bytes}.", code="REQUEST_TOO_LARGE"
    )

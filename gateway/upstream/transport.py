"""The port to the network: what a transport takes and gives. Every transport passes one conformance suite.

A transport sends exactly what it is given: no cookies kept, no redirects, no environment proxies, no
re-encoding of the URL. It must know nothing of GraphQL, retries, breakers or sharing: `policy` and
`single_flight` wrap a transport with one of the same shape.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

Header = tuple[str, str]


@dataclass(slots=True)
class Request:
    """One HTTP request to a backend.

    Attributes:
        method: Upper case.
        url: Absolute, already encoded; sent as it is.
        headers: In order, names in any case; no hop-by-hop or length headers.
        body: Bytes, a stream of bytes (sent chunked), or None.
        source: The source's name, for its pool and policies; "" for a call outside any source.
        endpoint: The URL template: a label of few values.
        is_read: Whether the same request may be sent again or shared: GET and HEAD, and what the
            configuration says.
        on_send: Called when a call has its place at the source: until then URL and body may change.
    """

    method: str
    url: str
    headers: Sequence[Header] = ()
    body: bytes | AsyncIterator[bytes] | None = None
    source: str = ""
    endpoint: str = ""
    is_read: bool = False
    on_send: Callable[[], None] | None = None


@dataclass(slots=True)
class Fetched:
    """A whole answer.

    Attributes:
        status: HTTP status code.
        headers: In order, names in lower case.
        body: Decompressed.
    """

    status: int
    headers: Sequence[Header]
    body: bytes


def header_value(headers: Sequence[Header], name: str) -> str | None:
    """The first value of a lower-case header name."""
    return next((value for key, value in headers if key == name), None)


class Response(Protocol):
    """The head of an answer, and its body still on the wire. Always closed by whoever got it.

    Attributes:
        status: HTTP status code.
        headers: In order, names in lower case, values as latin-1 text; `content-encoding` still there.
    """

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Sequence[Header]: ...

    def aiter_bytes(self) -> AsyncIterator[bytes]:
        """The body in chunks as they come, decompressed. Errors: UpstreamError."""
        ...

    async def read(self, max_bytes: int) -> bytes:
        """The whole body, decompressed, and the connection given back.

        Errors: UpstreamError(RESPONSE_TOO_LARGE) past `max_bytes`, counted after decompression;
            otherwise as `send`.
        """
        ...

    async def aclose(self) -> None:
        """Give the connection back, or close it when the body was not read to its end."""
        ...


class Transport(Protocol):
    """Sends requests; one per worker and event loop."""

    async def send(self, request: Request, deadline: float) -> Response:
        """Send, and return when the head of the answer is there.

        Units: `deadline` on `asyncio.get_running_loop().time()`, seconds; it also bounds the reading
            of the body.
        Errors: UpstreamError(HTTP_CLIENT_ERROR) when the backend cannot be reached or breaks off,
            UpstreamError(GATEWAY_TIMEOUT) at the deadline. Cancellation passes through, and the
            connection is then closed, never reused.
        """
        ...

    async def aclose(self) -> None:
        """Close every connection. In-flight requests end with HTTP_CLIENT_ERROR."""
        ...

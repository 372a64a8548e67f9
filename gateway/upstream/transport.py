"""The port to the network: what a transport takes and gives. Every transport passes one conformance suite.

A transport sends exactly what it is given: no cookies kept, no redirects, no environment proxies, no
re-encoding of the URL. It must know nothing of GraphQL, retries, breakers or sharing: `policy` and `client` do that.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, Protocol, overload

import msgspec

from gateway.upstream.cache.hints import CacheHints

if TYPE_CHECKING:
    from gateway.upstream.cache.keys import RequestKeys
    from gateway.upstream.cache.stored import StoredResponse

Header = tuple[str, str]
NAME, VALUE = itemgetter(0), itemgetter(1)
MAX_DIGITS = 18
"""Of numbers in headers: more than any length, and well within 64 bits."""


class UpstreamRequest(msgspec.Struct):
    """One HTTP request to a backend.

    Attributes:
        method: Upper case.
        url: Absolute, already encoded; sent as it is.
        headers: In order, names in any case; no hop-by-hop or length headers.
        added: More of them: what the gateway itself says with this attempt.
        body: Bytes, a stream of bytes (sent chunked), or None.
        source: The source's name, for its pool and policies; "" for a call outside any source.
        endpoint: The URL template: a label of few values.
        is_read: Whether the same request may be sent again or shared: GET and HEAD, and what the
            configuration says.
        is_again: An attempt after one that broke off: on a new connection, so that it is sent once.
        hints: What is known of the answer, for the cache; None where nothing is.
        cache_rules: Digests of the settings and hints that its answer is kept under; the cache sets it.
        cache_keys: Where its answer is kept; the cache sets it.
        cache_result: What its look-up found: `hit`, `miss`; the cache sets it.
        cache_entry: The answer that it was given, as it is kept; None where it is not; the cache sets it.
        cache_lease: The lease in Redis of who asks the origin for all pods; the cache sets it.
        on_send: Called when a call has its place at the source: until then URL and body may change.
    """

    method: str
    url: str
    headers: Sequence[Header] = ()
    body: bytes | AsyncIterator[bytes] | None = None
    source: str = ""
    endpoint: str = ""
    is_read: bool = False
    is_again: bool = False
    on_send: Callable[[], None] | None = None
    added: Sequence[Header] = ()
    hints: CacheHints | None = None
    cache_rules: str = ""
    cache_keys: RequestKeys | None = None
    cache_result: str = ""
    cache_entry: StoredResponse | None = None
    cache_lease: bytes | None = None

    @property
    def may_change(self) -> bool:
        """Whether it is not known before it is sent: no other request is equal to it, and nothing is kept for it."""
        return self.on_send is not None


class Fetched(msgspec.Struct):
    """A whole answer.

    Attributes:
        status: HTTP status code.
        headers: In order, names in lower case.
        body: Decompressed.
    """

    status: int
    headers: Sequence[Header]
    body: bytes


class Headers(Sequence[Header]):
    """An answer's headers as they came, made text when somebody looks.

    A backend's answers have the same names over and over: where each stands is remembered.

    Args:
        raw: Names in any case, and values, in order.
    """

    __slots__ = ("_at", "_names", "_raw")

    def __init__(self, raw: Sequence[tuple[bytes, bytes]]) -> None:
        self._raw: Sequence[tuple[object, bytes]] = raw
        self._names, self._at = _layout(tuple(map(NAME, raw)))

    @classmethod
    def of(cls, headers: Sequence[Header]) -> Headers:
        """The same headers in this form."""
        if isinstance(headers, Headers):
            return headers
        names = tuple(name for name, _ in headers)
        return cls.named(names, tuple(value.encode("latin-1", "replace") for _, value in headers))

    @classmethod
    def named(cls, names: tuple[str, ...], values: tuple[bytes, ...]) -> Headers:
        """Of lower-case names and their values."""
        made = cls.__new__(cls)
        made._names, made._at = _places(names)
        made._raw = tuple(zip(names, values, strict=True))
        return made

    @property
    def names(self) -> tuple[str, ...]:
        """The names, in order."""
        return self._names

    @property
    def values(self) -> tuple[bytes, ...]:
        """The values, in order."""
        return tuple(map(VALUE, self._raw))

    def has(self, names: frozenset[str]) -> bool:
        """Whether one of these is there."""
        return not self._at.keys().isdisjoint(names)

    def without(self, names: frozenset[str]) -> Headers:
        """The others."""
        if self._at.keys().isdisjoint(names):
            return self
        left = _others(self._names, names)
        values = self.values
        return Headers.named(
            tuple([self._names[at] for at in left]), tuple([values[at] for at in left])
        )

    def first(self, name: str) -> str | None:
        """The first value of a lower-case name."""
        at = self._at.get(name)
        return None if at is None else self._raw[at][1].decode("latin-1")

    def all(self, name: str) -> list[str]:
        """All values of a lower-case name, in order."""
        if name not in self._at:
            return []
        found = zip(self._names, self._raw, strict=True)
        return [value.decode("latin-1") for known, (_, value) in found if known == name]

    @overload
    def __getitem__(self, index: int) -> Header: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Header]: ...
    def __getitem__(self, index: int | slice) -> Header | Sequence[Header]:
        return list(self)[index]

    def __iter__(self) -> Iterator[Header]:
        values = [value.decode("latin-1") for _, value in self._raw]
        return zip(self._names, values, strict=True)

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        return f"Headers({list(self)!r})"


@lru_cache(maxsize=1024)
def _layout(raw_names: tuple[bytes, ...]) -> tuple[tuple[str, ...], dict[str, int]]:
    """The names as text in lower case, and where each stands first."""
    return _places(tuple(name.decode("latin-1").lower() for name in raw_names))


@lru_cache(maxsize=1024)
def _places(names: tuple[str, ...]) -> tuple[tuple[str, ...], dict[str, int]]:
    """The names, and where each stands first."""
    return names, {name: at for at, name in reversed([*enumerate(names)])}


@lru_cache(maxsize=1024)
def _others(names: tuple[str, ...], dropped: frozenset[str]) -> tuple[int, ...]:
    """Where the names stand that are not dropped."""
    return tuple(at for at, name in enumerate(names) if name not in dropped)


def header_value(headers: Sequence[Header], name: str) -> str | None:
    """The first value of a lower-case header name."""
    if isinstance(headers, Headers):
        return headers.first(name)
    return next((value for key, value in headers if key == name), None)


def read_length(text: str | bytes | None) -> int | None:
    """A header's value that is a number of ASCII digits; None for any other (RFC 9110 §5.6.2)."""
    if text is None or not text.isascii():
        return None
    text = text.strip()
    return int(text) if text.isdigit() and len(text) <= MAX_DIGITS else None


class UpstreamResponse(Protocol):
    """The head of an answer, and its body still on the wire. Always closed by whoever got it.

    Attributes:
        status: HTTP status code.
        headers: In order, names in lower case, values as latin-1 text; `content-encoding` still there.
    """

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Sequence[Header]: ...

    @property
    def received(self) -> int:
        """Bytes of the body that have come, as they came."""
        ...

    def aiter_bytes(self) -> AsyncIterator[bytes]:
        """The body in chunks as they come, decompressed. Errors: UpstreamError."""
        ...

    def ready(self, max_bytes: int) -> bytes | None:
        """The whole body, where it is there already and need not be decompressed: as `read_body` gives it, or None."""
        ...

    async def read_body(self, max_bytes: int) -> bytes:
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

    async def send(self, request: UpstreamRequest, deadline: float) -> UpstreamResponse:
        """Send, and return when the head of the answer is there.

        Units: `deadline` on `asyncio.get_running_loop().time()`, seconds; it also bounds the reading
            of the body.
        Errors: UpstreamError(HTTP_CLIENT_ERROR) when the backend cannot be reached or breaks off,
            UpstreamError(INVALID_REQUEST_VALUE) when the request cannot be written: nothing is sent then,
            UpstreamError(GATEWAY_TIMEOUT) at the deadline. Cancellation passes through, and the
            connection is then closed, never reused.
        """
        ...

    async def aclose(self) -> None:
        """Close every connection. In-flight requests end with HTTP_CLIENT_ERROR."""
        ...

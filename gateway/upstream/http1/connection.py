"""One HTTP/1.1 connection: bytes of a request out, the parser's events into one `H1Response`.

It carries one exchange at a time and decides whether it may carry another. It knows nothing of pools
but the three calls of `Owner`, and must never be given back while a byte of its answer may be on the way.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

import httptools

from gateway.errors import UpstreamError
from gateway.upstream.http1.exchange import H1Response
from gateway.upstream.http1.origin_socket import OriginSocket
from gateway.upstream.transport import Headers

# As nginx's and Node's order of size; one allowance for the head, its 1xx forerunners and trailers.
HEAD_BYTES = 64 * 1024
MAX_HEADERS = 256
# A body that its caller does not take: above this the socket is not read, so that the backend waits.
BUFFER_BYTES = 256 * 1024


class Owner(Protocol):
    """Who lends the connection out."""

    def release(self, connection: Http1Connection) -> None:
        """It may carry another exchange."""
        ...

    def forget(self, connection: Http1Connection) -> None:
        """It is closed, whatever it was doing; said once."""
        ...


class Http1Connection(OriginSocket):
    """One connection to one origin.

    Args:
        owner: Told when it is free and when it is gone.

    Attributes:
        is_sending: A streamed body is not yet sent whole: set by who sends it.
        used: Exchanges carried to their end.
    """

    __slots__ = (
        "_exchange",
        "_has_surplus",
        "_head_bytes",
        "_is_done",
        "_is_informational",
        "_keep_alive",
        "_owner",
        "_parser",
        "_raw_headers",
        "_silent_bytes",
        "is_sending",
        "used",
    )

    def __init__(self, owner: Owner, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self.is_sending = False
        self.used = 0
        self._owner = owner
        self._parser = httptools.HttpResponseParser(self)
        self._exchange: H1Response | None = None
        self._raw_headers: list[tuple[bytes, bytes]] = []
        self._head_bytes = 0
        self._silent_bytes = 0
        self._is_done = self._has_surplus = self._keep_alive = False
        self._is_informational = False

    # --- for the transport ---

    def begin_exchange(
        self, data: bytes, source: str, deadline: float, *, is_head: bool
    ) -> H1Response:
        """Write a request; the answer's `waiter` is resolved at its head, or at its end where that is near."""
        exchange = H1Response(self, self.loop.create_future(), source, is_head)
        self._exchange = exchange
        self._head_bytes = self._silent_bytes = 0
        self._is_done = self._keep_alive = False
        self._deadline = deadline
        # One timer outlives many exchanges: it is moved only when it would be late.
        if deadline < self._timer_at:
            self._arm(deadline)
        self._transport.write(data)
        return exchange

    def write(self, exchange: H1Response, data: bytes) -> None:
        """Write more of a request. A no-op once its exchange is over."""
        if self._exchange is exchange:
            self._transport.write(data)

    def abandon(self, exchange: H1Response) -> None:
        """Nobody wants the rest of this exchange: close, unless it is over already."""
        if self._exchange is exchange:
            self._exchange = None
            exchange.connection = None
            self.abort()

    def fail(self, error: UpstreamError) -> None:
        """End the exchange with an error, and the connection with it."""
        exchange = self._exchange
        self._exchange = None
        if exchange is not None:
            exchange.error = error
            exchange.connection = None
            exchange.wake()
        self.abort()

    # --- asyncio.Protocol ---

    def data_received(self, data: bytes) -> None:
        """As asyncio says."""
        exchange = self._exchange
        if exchange is None:
            self.abort()  # bytes that no request asked for
            return
        try:
            if exchange.status:
                self._silent_bytes += len(data)
                self._parser.feed_data(data)
            else:
                self._head_bytes += len(data)
                if self._head_bytes <= HEAD_BYTES:
                    self._parser.feed_data(data)
                else:
                    self._feed_long(exchange, data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as exc:
            self._has_surplus = True
            if not self._is_done:
                self._break(f"not HTTP/1.1: {exc}")
        if self._exchange is exchange:
            if self._is_done:
                self._finish(exchange)
            else:
                self._progress(exchange)

    def eof_received(self) -> None:
        """As asyncio says: the transport then closes itself."""
        exchange = self._exchange
        if exchange is None:
            self.abort()  # at once: it must not be lent until `connection_lost` comes
        elif exchange.status and exchange.ends_with_eof():
            self._finish(exchange)

    def connection_lost(self, exc: Exception | None) -> None:
        """As asyncio says."""
        exchange = self._exchange
        if exchange is not None:
            exchange.is_stale = self.used > 0 and self._head_bytes == 0
            cause = f": {type(exc).__name__}: {exc}" if exc is not None else ""
            when = "before an answer" if not exchange.status else "in the middle of the body"
            self._break(f"the backend closed the connection {when}{cause}")
        self._forget()
        del self._parser  # it holds our methods: without it a closed connection is freed at once
        super().connection_lost(exc)

    # --- the parser's events ---

    def on_message_begin(self) -> None:
        """A first byte; behind a whole message it is one too many."""
        if self._is_done:
            self._has_surplus = True

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer."""
        self._raw_headers.append((name, value))

    def on_headers_complete(self) -> None:
        """The head is there."""
        status: int = self._parser.get_status_code()
        headers = self._raw_headers
        exchange = self._exchange
        self._raw_headers = []
        if exchange is None or self._is_done:
            return
        if status < 100:
            self._break(f"{status} is no status")
            return
        if status < 200:
            self._is_informational = True
            if status == 101:
                self._break("the backend switched protocols unasked")
            return
        if len(headers) > MAX_HEADERS:
            self._break("the answer has too many headers")
            return
        exchange.headers = Headers(headers)
        exchange.status = status
        if exchange.is_head:
            self._is_done = True
            self._keep_alive = self._parser.should_keep_alive()

    def on_chunk_header(self) -> None:
        """A chunk: the framing is ours to check, for `gzip, chunked` is a body that we would not undo."""
        exchange = self._exchange
        if exchange is not None and exchange.received == 0 and exchange.status:
            coding = exchange.joined("transfer-encoding") or ""
            if coding.strip(" \t").lower() != "chunked":
                self._break(f"transfer-encoding {coding!r:.100} is not known")

    def on_body(self, data: bytes) -> None:
        """A piece of the body."""
        exchange = self._exchange
        if exchange is None or self._is_done:
            self._has_surplus = True
            return
        exchange.parts.append(data)
        exchange.received += len(data)
        self._silent_bytes = 0

    def on_message_complete(self) -> None:
        """The message ends, and what came is all there is."""
        if self._is_informational:
            self._is_informational = False
        elif not self._is_done:
            self._is_done = True
            self._keep_alive = self._parser.should_keep_alive()

    # --- inside ---

    def _feed_long(self, exchange: H1Response, data: bytes) -> None:
        """Feed what may hold the end of the head, up to its limit, and only then the rest."""
        room = HEAD_BYTES - (self._head_bytes - len(data))
        self._parser.feed_data(data[:room])
        if not exchange.status:
            self._break("the head of the answer is too long")
        elif self._exchange is exchange:
            self._parser.feed_data(data[room:])

    def _finish(self, exchange: H1Response) -> None:
        """The answer is whole: free its caller, and the connection if it is clean."""
        self._exchange = None
        exchange.connection = None
        waiter = exchange.waiter
        is_reusable = (
            self._keep_alive
            and not self._has_surplus
            and not self.is_sending
            and not (waiter is not None and waiter.cancelled())
            and not self.is_closed
            and not self._transport.is_closing()
        )
        if waiter is not None and not waiter.done():
            waiter.set_result(None)
        if is_reusable and exchange.is_head:
            # The parser waits for the body that the length promises.
            self._parser = httptools.HttpResponseParser(self)
        if is_reusable and not self._transport.get_write_buffer_size():
            self.used += 1
            self._raw_headers.clear()  # trailers, which nobody asked for
            self.resume()
            self._owner.release(self)
        else:
            self.abort()

    def _progress(self, exchange: H1Response) -> None:
        """Some of the answer came, and it is not the end."""
        if not exchange.status:
            return
        if self._silent_bytes > HEAD_BYTES or len(self._raw_headers) > MAX_HEADERS:
            self._break("the answer's chunk extensions or trailers are too long")
            return
        limit = exchange.limit
        if limit is not None:
            if exchange.received > limit:
                exchange.wake()
            return
        waiter = exchange.waiter
        if waiter is not None and not exchange.is_short():
            exchange.wake()
        if exchange.received and sum(map(len, exchange.parts)) > BUFFER_BYTES:
            self._is_paused = True
            self._transport.pause_reading()

    def _break(self, detail: str) -> None:
        source = self._exchange.source if self._exchange is not None else None
        self.fail(UpstreamError("HTTP_CLIENT_ERROR", source=source, detail=detail))

    def _is_awaited(self) -> bool:
        return self._exchange is not None

    def _on_deadline(self) -> None:
        exchange = self._exchange
        assert exchange is not None
        when = "the answer's head" if not exchange.status else "the rest of the body"
        detail = f"waiting for {when} took too long"
        self.fail(UpstreamError("GATEWAY_TIMEOUT", source=exchange.source, detail=detail))

    def _on_closed(self) -> None:
        self._owner.forget(self)

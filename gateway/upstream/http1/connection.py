"""One HTTP/1.1 connection: bytes of a request out, the parser's events into one `H1Response`.

It carries one exchange at a time and decides whether it may carry another. It knows nothing of pools
but the three calls of `Owner`, and must never be given back while a byte of its answer may be on the way.
"""

from __future__ import annotations

import asyncio
import select
from math import inf
from typing import Protocol

import httptools

from gateway.errors import UpstreamError
from gateway.upstream.http1.exchange import H1Response
from gateway.upstream.transport import read_length

# As nginx's and Node's order of size; one allowance for the head, its 1xx forerunners and trailers.
HEAD_BYTES = 64 * 1024
MAX_HEADERS = 256
# A body that its caller does not take: above this the socket is not read, so that the backend waits.
BUFFER_BYTES = 256 * 1024
# A body announced as no longer than this is waited for in one go: it is nearly always on its way.
SHORT_BYTES = 64 * 1024


HUNG_UP = select.POLLHUP | select.POLLERR | getattr(select, "POLLRDHUP", 0)  # which Linux alone has


class Owner(Protocol):
    """Who lends the connection out."""

    def release(self, connection: Http1Connection) -> None:
        """It may carry another exchange."""
        ...

    def forget(self, connection: Http1Connection) -> None:
        """It is closed, whatever it was doing; said once."""
        ...


class Http1Connection(asyncio.Protocol):
    """One connection to one origin.

    Args:
        owner: Told when it is free and when it is gone.

    Attributes:
        retires_at: Not to be used again from then on, on the loop's clock.
        idle_since: When it was given back last.
        is_closed: Nothing may be sent any more.
        is_sending: A streamed body is not yet sent whole: set by who sends it.
        used: Exchanges carried to their end.
    """

    __slots__ = (
        "__weakref__",
        "_can_write",
        "_closed",
        "_deadline",
        "_exchange",
        "_has_surplus",
        "_head_bytes",
        "_is_done",
        "_is_informational",
        "_is_paused",
        "_keep_alive",
        "_owner",
        "_parser",
        "_raw_headers",
        "_silent_bytes",
        "_timer",
        "_timer_at",
        "_transport",
        "idle_since",
        "is_closed",
        "is_sending",
        "loop",
        "retires_at",
        "used",
    )

    def __init__(self, owner: Owner, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.retires_at = inf
        self.idle_since = 0.0
        self.is_closed = False
        self.is_sending = False
        self.used = 0
        self._owner = owner
        self._parser = httptools.HttpResponseParser(self)
        self._exchange: H1Response | None = None
        self._raw_headers: list[tuple[bytes, bytes]] = []
        self._deadline = inf
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = inf
        self._head_bytes = 0
        self._silent_bytes = 0
        self._is_done = self._has_surplus = self._keep_alive = False
        self._is_informational = self._is_paused = False
        self._can_write: asyncio.Future[None] | None = None
        self._closed = loop.create_future()

    # --- for the transport ---

    def begin_exchange(
        self, data: bytes, source: str, deadline: float, *, is_head: bool
    ) -> H1Response:
        """Write a request; the answer's `waiter` is resolved at its head, or at its end where that is near."""
        exchange = H1Response(self, self.loop.create_future(), source, is_head=is_head)
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

    async def drain(self) -> None:
        """Until the socket takes more."""
        if self._can_write is not None:
            await self._can_write

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
            wake(exchange)
        self.abort()

    def resume(self) -> None:
        """The caller took what was buffered: read on."""
        if self._is_paused:
            self._is_paused = False
            self._transport.resume_reading()

    def is_hung_up(self) -> bool:
        """Whether the backend has closed, though the event loop has not told yet: a system call."""
        poll = select.poll()
        try:
            poll.register(self._transport.get_extra_info("socket").fileno(), HUNG_UP)
        except (AttributeError, ValueError):  # it is closed on this side
            return True
        return bool(poll.poll(0))

    def close(self) -> None:
        """Close an idle connection with its farewells (TLS close_notify)."""
        self._forget()
        self._transport.close()

    def abort(self) -> None:
        """Close at once; what was not yet sent is dropped."""
        self._forget()
        self._transport.abort()

    async def wait_closed(self) -> None:
        """Until the socket is gone."""
        await asyncio.shield(self._closed)

    # --- asyncio.Protocol ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """As asyncio says."""
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]

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
        elif exchange.status and self._ends_with_eof(exchange):
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
        if not self._closed.done():
            self._closed.set_result(None)

    def pause_writing(self) -> None:
        """As asyncio says."""
        self._can_write = self.loop.create_future()

    def resume_writing(self) -> None:
        """As asyncio says."""
        if self._can_write is not None and not self._can_write.done():
            self._can_write.set_result(None)
        self._can_write = None

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
        exchange.raw_headers = headers
        exchange.status = status
        if exchange.is_head:
            self._is_done = True
            self._keep_alive = self._parser.should_keep_alive()

    def on_chunk_header(self) -> None:
        """A chunk: the framing is ours to check, for `gzip, chunked` is a body that we would not undo."""
        exchange = self._exchange
        if exchange is not None and exchange.received == 0 and exchange.status:
            coding = exchange.raw_header(b"transfer-encoding") or b""
            if coding.strip().lower() != b"chunked":
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
                wake(exchange)
            return
        waiter = exchange.waiter
        if waiter is not None and not self._is_short(exchange):
            wake(exchange)
        if exchange.received and sum(map(len, exchange.parts)) > BUFFER_BYTES:
            self._is_paused = True
            self._transport.pause_reading()

    def _is_short(self, exchange: H1Response) -> bool:
        length = read_length(exchange.raw_header(b"content-length"))
        return length is not None and length <= SHORT_BYTES

    def _ends_with_eof(self, exchange: H1Response) -> bool:
        """Whether the end of the connection is the end of this body (RFC 9112 §6.3, case 8)."""
        return (
            exchange.raw_header(b"content-length") is None
            and exchange.raw_header(b"transfer-encoding") is None
        )

    def _break(self, detail: str) -> None:
        source = self._exchange.source if self._exchange is not None else None
        self.fail(UpstreamError("HTTP_CLIENT_ERROR", source=source, detail=detail))

    def _arm(self, deadline: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = deadline
        self._timer = self.loop.call_at(deadline, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self._timer_at = inf
        exchange = self._exchange
        if exchange is None:
            return
        if self._deadline > self.loop.time():
            if self._deadline < inf:
                self._arm(self._deadline)
            return
        when = "the answer's head" if not exchange.status else "the rest of the body"
        self.fail(
            UpstreamError(
                "GATEWAY_TIMEOUT",
                source=exchange.source,
                detail=f"waiting for {when} took too long",
            )
        )

    def _forget(self) -> None:
        if not self.is_closed:
            self.is_closed = True
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if self._can_write is not None:
                self.resume_writing()
            self._owner.forget(self)


def wake(exchange: H1Response) -> None:
    """Let the caller look."""
    waiter = exchange.waiter
    if waiter is not None and not waiter.done():
        waiter.set_result(None)

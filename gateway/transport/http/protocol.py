"""The handler under `gateway serve`: one connection's bytes, by `RequestReader`, to `Handler` and back. An asyncio
protocol that uvicorn's server starts; nothing of uvicorn's own HTTP is used.

    phase      what it waits for                        data arrives    the client ends (EOF)   then
    READING    a request, or the rest of one            read on         close                   an answer, READING
    RECEIVING  the operation, which reads a form        read on         probe                   an answer, READING
    WORKING    the operation                            hold it         probe                   an answer, READING
    STREAMING  the end of an answer that goes on        hold it         close                   READING
    LINGERING  the client's end, so that it reads why   drop it         close                   CLOSED
    CLOSED     nothing

An answer is written with its head in one write. A client whose sending side has ended may still read (RFC 9112
§9.6), or be gone: `_probe` finds out. Requests that wait behind another are not read before it is answered, and no more
than `HELD_BYTES` of them is held. What is late is ended by `server.connections`.

It must not look into a head, a body or an answer: framing is the reader's, meaning the handler's.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextvars import copy_context
from enum import Enum, auto
from typing import Any

from gateway.errors import ClientError
from gateway.transport.http.body import too_large
from gateway.transport.http.flows import HELD_BYTES, HttpChannel, UploadBody
from gateway.transport.http.forwarded import NOBODY_KNOWN, Peer, peer_of
from gateway.transport.http.handler import Answered, Handler
from gateway.transport.http.head import RawHead, RequestHead
from gateway.transport.http.message_head import FramingError, MessageHead
from gateway.transport.http.reader import HEAD, RequestReader
from gateway.transport.http.respond import HttpResponse, StreamingResponse, status_line
from gateway.transport.http.upgrade import handshake, is_handshake
from gateway.transport.server.connections import (
    LARGE_BYTES,
    SLOWEST,
    Connections,
    WriteWatch,
    has_hung_up,
    unread_bytes,
)
from gateway.transport.server.drain import begin_drain
from gateway.transport.server.served import ServedApp, served_app

LINGER_S = 2.0
LINGER_BYTES = 1024 * 1024
# A request that a client has sent when the server is told to end is answered, by `connection: close`.
LAST_REQUEST_S = 0.25
# A client that has closed both sides answers the first probe with a reset, which the second one meets.
PROBE_S = 0.5
PROBE = b"HTTP/1.1 102 Processing\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"
NO_PLACE = "There are too many connections."
logger = logging.getLogger("gateway.http")


class Phase(Enum):
    """Where a connection is."""

    READING = auto()
    RECEIVING = auto()
    WORKING = auto()
    STREAMING = auto()
    LINGERING = auto()
    CLOSED = auto()


READING, RECEIVING, WORKING, STREAMING, LINGERING, CLOSED = Phase


class HttpProtocol(asyncio.Protocol):
    """One connection.

    Args:
        config: uvicorn's: has the application, a `Gateway`.
        server_state: uvicorn's: has what its server watches, and the headers of every answer.
        app_state: The lifespan's state.
    """

    def __init__(
        self,
        config: Any,
        server_state: Any,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        if not config.loaded:
            config.load()
        self._config = config
        self._app: ServedApp = served_app(config)
        self._server = server_state
        self._app_state = app_state
        self._loop = _loop or asyncio.get_event_loop()
        self._registry: Connections = self._app.connections
        self._handler: Handler = self._app.handler
        self._parse_head: Callable[[RawHead], RequestHead | HttpResponse]
        self._parse_head = self._handler.parse_head
        self._max_body_bytes = self._handler.http.max_body_bytes
        self._reader = RequestReader(self._handler.http.max_header_bytes)
        self._transport: Any = None
        self._peer = NOBODY_KNOWN
        self.phase = READING
        self._message: MessageHead | None = None
        self._head: RequestHead | None = None
        self._pieces: list[bytes] = []
        self._size = 0  # of the body so far
        self._form: UploadBody | None = None
        self._task: asyncio.Task[None] | None = None
        self._gone: asyncio.Event | None = None
        self._writable: asyncio.Event | None = (
            None  # there, and not set, while the client does not read
        )
        self._has_ended = False  # the client sends no more
        self._is_draining = False
        self._dropped = 0
        self._since = self._loop.time()  # what is waited for is waited for since
        self._watch = WriteWatch()

    def __repr__(self) -> str:
        return f"<HttpProtocol {self._peer.address} {self.phase.name} {self._reader.state.name}>"

    # What the event loop calls

    def connection_made(self, transport: Any) -> None:
        """A client has connected."""
        self._transport = transport
        peer = transport.get_extra_info("peername")
        scheme = "https" if transport.get_extra_info("sslcontext") is not None else "http"
        self._peer = peer_of(str(peer[0]) if isinstance(peer, tuple) else "", scheme)
        self._server.connections.add(self)
        if not self._registry.add(self):
            self._parse_head = self._answer_reserved

    def data_received(self, data: bytes) -> None:
        """Bytes have arrived."""
        if self.phase is LINGERING or self.phase is CLOSED:
            self._dropped += len(data)
            if self._dropped > LINGER_BYTES:
                self._transport.abort()
            return
        reader = self._reader
        if self._message is None and not reader.buffered:
            self._since = self._loop.time()  # a request begins
        reader.feed(data)
        if self.phase is READING or self.phase is RECEIVING:
            self._read()
        if reader.buffered > HELD_BYTES:
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        """The client sends no more. True keeps the way back open."""
        self._has_ended = True
        if self._form is not None:
            self._form.cut()
        if self._has_tls() or self.phase in (STREAMING, LINGERING, CLOSED):
            return False
        if self.phase is READING:
            return self._writable is not None and self._reader.buffered > 0
        self._loop.call_later(PROBE_S, self._probe)
        return True

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """The connection is over: so is what was done for it."""
        is_streaming, self.phase = self.phase is STREAMING, CLOSED
        self._registry.remove(self)
        self._server.connections.discard(self)
        if self._form is not None:
            self._form.cut()
        self.resume_writing()
        if is_streaming and self._gone is not None:
            self._gone.set()  # the stream ends itself, in good order
        elif self._task is not None:
            self._task.cancel()

    def pause_writing(self) -> None:
        """The client does not read as fast as it is answered."""
        self._writable = asyncio.Event()

    def resume_writing(self) -> None:
        """It does again."""
        writable, self._writable = self._writable, None
        if writable is not None:
            writable.set()
            self._go_on()

    def shutdown(self) -> None:
        """The server ends: uvicorn's server asks each connection."""
        begin_drain(self._app_state)
        self._is_draining = True
        self._loop.call_later(LAST_REQUEST_S, self._close_idle)

    def _close_idle(self) -> None:
        """Close a connection of a server that ends, where no request is on its way."""
        if self.phase is READING and self._message is None and not self._reader.buffered:
            self._transport.close()

    def sweep(self, now: float) -> str | None:
        """End what is late: as `server.connections.WatchedConnection`."""
        settings = self._registry.settings
        unread = self._transport.get_write_buffer_size()
        if (
            unread or self.phase is LINGERING
        ):  # the kernel is not asked about the many that are idle
            unread = unread_bytes(self._transport)
        if self._reader.buffered > HELD_BYTES and has_hung_up(self._transport):
            self._transport.abort()  # nothing is read of it that would say so
            return None
        if self._watch.is_late(unread, now, settings.write_timeout_s):
            self._transport.abort()
            return "write"
        waited_s = now - self._since
        if self.phase is LINGERING:
            if unread:
                self._since = now  # it has not heard all yet
            elif waited_s > LINGER_S:
                self._transport.abort()
        elif self._form is not None and self._form.is_full:
            self._since = now  # the operation is slow, not the client
        elif self._message is not None and self.phase in (READING, RECEIVING):
            if waited_s > settings.body_timeout_s + self._size / SLOWEST:
                return self._time_out("body")
        elif self.phase is READING and self._writable is None:
            if self._reader.buffered:
                if waited_s > settings.header_timeout_s:
                    return self._time_out("head")
            elif self in self._registry.reserve:
                if waited_s > settings.header_timeout_s:
                    self._registry.count_rejected()
                    self.turn_away()
            elif waited_s > settings.keepalive_s:
                self.phase = CLOSED  # TLS waits for the client's word that it has ended
                self._transport.close()
                return "idle"
        return None

    # Reading

    @property
    def _is_answered(self) -> bool:
        """Whether a request has been answered, and the rest of its body is still to come."""
        return self._message is not None and self._head is None

    def _read(self) -> None:
        """Read requests as far as they have arrived, and answer them in turn."""
        reader = self._reader
        try:
            while self.phase is READING and self._writable is None:
                if self._message is None:
                    message = reader.next_head(self._peer) if reader.buffered else None
                    if message is None:
                        break
                    self._begin(message)
                elif not self._read_body():
                    break
            if self.phase is RECEIVING:
                self._read_form()
            elif self.phase is READING and self._has_ended:
                self._transport.close()
        except FramingError as exc:
            if self._is_answered:
                self._linger()
                return
            self._fail(self._reject_framing(exc.status, exc.message, exc.headers))
        except ClientError as exc:
            assert self._head is not None
            self._fail(self._handler.reject(self._head, exc))

    def _begin(self, message: MessageHead) -> None:
        """A head is whole."""
        if message.upgrade == "websocket" and is_handshake(message):
            self._become_web_socket(message)
            return
        if message.method == "CONNECT":
            raise FramingError(405, "This is no proxy.")
        self._message, self._size, self._since = message, 0, self._loop.time()
        head = self._parse_head(message)
        if isinstance(head, HttpResponse):
            self._answer(head)
            return
        self._head = head
        if message.expects_continue:
            self._write(CONTINUE)
        if head.body == "form":
            self._form = UploadBody(self)
            self._start(head, self._form.receive)

    def _answer_reserved(self, message: RawHead) -> HttpResponse:
        """The answer where all places are taken: health, or that there is none. The connection ends with it."""
        assert self._message is not None
        self._message.keep_alive = False
        health = self._handler.health(message)
        return health if health is not None else self._reject_place()

    def _reject_place(self) -> HttpResponse:
        self._registry.count_rejected()
        return self._reject_framing(503, NO_PLACE)

    def _reject_framing(
        self, status: int, message: str, headers: Mapping[str, str] | None = None
    ) -> HttpResponse:
        """The answer to what is no request, by whom: the client where a head has said so, else who has connected."""
        client = self._head.client if self._head is not None else None
        peer = self._peer if client is None else Peer(client.address, client.client_key)
        return self._handler.reject_framing(status, message, peer, headers)

    def _read_body(self) -> bool:
        """Read the rest of a request; whether it is whole now, and answered or in work."""
        head, reader = self._head, self._reader
        while piece := reader.next_body():
            self._size += len(piece)
            if head is None:
                continue  # it has been answered
            if self._size > self._max_body_bytes:
                raise too_large(self._max_body_bytes)
            if head.body == "json":
                self._pieces.append(piece)
            if reader.state is HEAD:
                break
        if piece is None:
            return False
        if head is None:
            self._next()
            return True
        pieces, self._pieces = self._pieces, []
        self._start(head, pieces[0] if len(pieces) == 1 else b"".join(pieces))
        return True

    def _read_form(self) -> None:
        """Read on for the operation that reads a form, as fast as it does."""
        form = self._form
        assert form is not None
        while not form.is_full and not form.is_whole:
            piece = self._reader.next_body()
            if piece is None:
                return
            self._size += len(piece)
            form.put(piece)
        if form.is_whole:
            self.phase = WORKING
        else:
            self._transport.pause_reading()

    def read_more(self) -> None:
        """The operation that reads a form wants more of it."""
        if self.phase is RECEIVING and not self._transport.is_closing():
            self._transport.resume_reading()
            self._read()

    def _become_web_socket(self, message: MessageHead) -> None:
        """Give the connection to uvicorn's WebSockets, from the handshake on."""
        if self in self._registry.reserve:
            self._message, message.keep_alive = message, False
            self._answer(self._reject_place())
            return
        self.phase = CLOSED
        self._server.connections.discard(self)
        self._registry.remove(self)
        protocol = self._config.ws_protocol_class(
            config=self._config, server_state=self._server, app_state=self._app_state
        )
        protocol.connection_made(self._transport)
        self._transport.set_protocol(protocol)
        protocol.data_received(handshake(message))
        rest = self._reader.rest()
        if rest and not self._transport.is_closing():
            protocol.data_received(rest)

    # Answering

    def _start(self, head: RequestHead, body: Any) -> None:
        """Answer a request: at once, or in a task where something has to be waited for."""
        context = copy_context()
        answer = context.run(self._handler.handle, head, body)
        if isinstance(answer, HttpResponse):
            self._answer(answer)
            return
        self.phase = RECEIVING if self._form is not None else WORKING
        self._run(self._finish(answer), context)

    def _run(self, work: Coroutine[Any, Any, None], context: Any) -> None:
        self._task = task = self._loop.create_task(work, context=context)
        self._server.tasks.add(task)
        task.add_done_callback(self._server.tasks.discard)

    async def _finish(self, coming: Awaitable[Answered] | StreamingResponse) -> None:
        """Write the answer that is waited for."""
        answer: Any = None
        try:
            answer = coming if isinstance(coming, StreamingResponse) else await coming
            if isinstance(answer, StreamingResponse):
                await self._stream(answer)
                return
        except asyncio.CancelledError:
            if self.phase is not CLOSED:  # the server ends
                self._transport.abort()
            raise
        except Exception:
            logger.exception("the connection is closed because the response cannot be sent")
            self._transport.abort()
            return
        finally:
            self._task = None
        self._answer(answer)
        self._go_on()

    def _answer(self, response: HttpResponse) -> None:
        """Write an answer in one piece, and turn to the next request."""
        if self.phase is CLOSED:
            return
        message = self._message
        assert message is not None
        is_read = self._reader.state is HEAD or self._drop_body()
        if (
            not message.keep_alive
            or self._is_draining
            or not (is_read or self._is_rest_short(message))
        ):
            self._write_last(response)
            self._linger()
            return
        body = response.body if message.method != "HEAD" else b""
        self._write(self._assemble(response.status, response.head, b"\r\n", body))
        if is_read:
            self._next()
        else:  # its rest is read and dropped
            self._head = self._form = None
            self.phase = READING

    def _is_rest_short(self, message: MessageHead) -> bool:
        """Whether to read and drop the rest of an answered request's body, so that the connection can be used again."""
        left = self._reader.left
        # With an expectation nobody knows whether the body will come.
        return left is not None and left <= LINGER_BYTES and not message.expects_continue

    def _drop_body(self) -> bool:
        """Drop what has arrived of the request's body; whether that was all of it."""
        try:
            while piece := self._reader.next_body():
                pass
        except FramingError:
            return False
        return piece is not None

    def _next(self) -> None:
        """Turn to the next request."""
        self._server.total_requests += 1
        self._message = self._head = self._form = None
        self._since = self._loop.time()
        self.phase = READING

    def _go_on(self) -> None:
        """Read what has arrived while a request was answered."""
        if self.phase is READING and not self._transport.is_closing():
            self._transport.resume_reading()
            self._read()

    async def _stream(self, response: StreamingResponse) -> None:
        """Write an answer that goes on."""
        message = self._message
        assert message is not None
        self._gone = asyncio.Event()
        ending = b"transfer-encoding: chunked\r\n" if message.is_http_11 else b""
        ending += b"\r\n" if message.keep_alive else b"connection: close\r\n\r\n"
        if self.phase is CLOSED or self._has_ended:
            self._gone.set()  # its client has gone before
        else:
            self.phase = STREAMING
            self._write(self._assemble(response.status, response.head, ending))
        await response.write(HttpChannel(self, is_chunked=message.is_http_11))
        if self.phase is not STREAMING:
            self._transport.close()
            return
        if message.is_http_11:
            self._write(LAST_CHUNK)
        is_last = not message.keep_alive or self._is_draining or not self._drop_body()
        self._next()
        if is_last:
            self._linger()
        self._go_on()

    async def write(self, data: bytes) -> None:
        """Write on, and wait where the client does not read."""
        if self.phase is STREAMING:
            self._write(data)
            if self._writable is not None:
                await self._writable.wait()

    async def wait_gone(self) -> None:
        """Return when the client has gone."""
        assert self._gone is not None
        await self._gone.wait()

    # Ending

    def _fail(self, response: HttpResponse) -> None:
        """Answer a request that cannot be served, and end the connection."""
        if self._task is not None:
            self._task.cancel()
        self._write_last(response)
        self._linger()

    def _write(self, data: bytes) -> None:
        self._watch.written += len(data)
        self._transport.write(data)
        if len(data) > LARGE_BYTES:
            self._registry.add_large(self)

    def unread_bytes(self) -> int:
        """As `server.connections.WatchedConnection`."""
        size: int = self._transport.get_write_buffer_size()
        return size

    def abort(self) -> None:
        """As `server.connections.WatchedConnection`."""
        self._transport.abort()

    def turn_away(self) -> None:
        """As `server.connections.ReservedConnection`: a request that is on its way is not waited for."""
        if self.phase is not READING:
            self._transport.abort()
            return
        self.phase = CLOSED
        self._write_last(self._reject_framing(503, NO_PLACE))
        self._transport.close()
        # TLS waits for the client's word that it has ended, and the registry looks at this connection no more.
        self._loop.call_later(LINGER_S, self._transport.abort)

    def _write_last(self, response: HttpResponse) -> None:
        is_head = self._message is not None and self._message.method == "HEAD"
        body = b"" if is_head else response.body
        ending = b"connection: close\r\n\r\n"
        self._write(self._assemble(response.status, response.head, ending, body))

    def _assemble(self, status: int, head: bytes, ending: bytes, body: bytes = b"") -> bytes:
        lines = self._registry.server_lines(self._server.default_headers)
        return b"".join((status_line(status), lines, head, ending, body))

    def _linger(self) -> None:
        """End our side, and drop what still comes: a reset would take the answer from the client (RFC 9112 §9.6)."""
        if self._has_ended or self._has_tls():
            self.phase = CLOSED
            self._transport.close()
            return
        self.phase, self._since = LINGERING, self._loop.time()
        self._message = self._head = self._form = None
        if not self._transport.is_closing():
            self._transport.write_eof()
            self._transport.resume_reading()

    def _time_out(self, what: str) -> str:
        if self._is_answered:
            self._linger()
        else:
            message = f"The request's {what} did not arrive in time."
            self._fail(self._reject_framing(408, message))
        return what

    def _probe(self) -> None:
        """Write an interim answer (RFC 9110 §15.2) to a client that sends no more: is it still there?"""
        message = self._message
        if self.phase not in (WORKING, RECEIVING) or message is None or not message.is_http_11:
            return
        self._write(PROBE)
        self._loop.call_later(PROBE_S, self._probe)

    def _has_tls(self) -> bool:
        """TLS has no half-closed connections."""
        return not self._transport.can_write_eof()

"""One HTTP/2 connection (RFC 9113) on the h2 package: bytes in, streams filled; requests in, bytes out.

A call that is cancelled or late is reset (RST_STREAM), and what came of it is given back to the connection's
window, so that no number of abandoned calls can stall the others. It knows nothing of pools but `told`.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

import h2.errors
import h2.events
import h2.exceptions

from gateway.errors import UpstreamError
from gateway.upstream.http2.protocol import MAX_STREAMS, ClientConnection, NoHttp2, speaks_http2
from gateway.upstream.http2.stream import H2Stream, explained


class H2Connection(asyncio.Protocol):
    """One connection to one origin.

    Args:
        keepalive_s: Closed after this without a stream.
        max_age_s: No stream is begun after this.
        told: Called when a stream ended, or the connection did.

    Attributes:
        ready: Done when the backend's settings are there. Errors: NoHttp2, OSError.
        streams: Under way, by number.
        is_closed: Nothing may be sent any more.
        is_draining: No stream may be begun any more; closed with its last.
        retires_at: Draining from then on, on the loop's clock.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        keepalive_s: float,
        max_age_s: float,
        told: Callable[[], None],
    ) -> None:
        self.loop = loop
        self.ready: asyncio.Future[None] = loop.create_future()
        self.streams: dict[int, H2Stream] = {}
        self.is_closed = self.is_draining = False
        # As of HTTP/1.1: connections made in one burst do not end in one burst.
        self.retires_at = loop.time() + max_age_s * random.uniform(0.9, 1.0)  # noqa: S311
        self._keepalive_s = keepalive_s
        self._told = told
        self._h2 = ClientConnection()
        self._transport: Any = None
        self._closed: asyncio.Future[None] = loop.create_future()
        self._idle: asyncio.TimerHandle | None = None
        self._can_write = True
        self._writers: list[asyncio.Future[None]] = []
        self._heard_at = 0.0
        self._served = 0

    @property
    def has_room(self) -> bool:
        """Whether a stream may be begun now."""
        if self.is_draining or not self.ready.done():
            return False
        if self.loop.time() >= self.retires_at:
            self.drain()
            return False
        return len(self.streams) < min(MAX_STREAMS, self._h2.remote_settings.max_concurrent_streams)

    def begin(
        self, fields: list[tuple[bytes, bytes]], source: str, deadline: float, *, has_body: bool
    ) -> H2Stream:
        """Send a request's head. Errors: UpstreamError when h2 refuses it."""
        try:
            number = self._h2.get_next_available_stream_id()
            self._h2.send_headers(number, fields, end_stream=not has_body)
        except h2.exceptions.H2Error as exc:
            raise UpstreamError(
                "HTTP_CLIENT_ERROR", source=source, detail=explained(exc), was_sent=False
            ) from exc
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        self.is_draining = number + 2 > ClientConnection.HIGHEST_ALLOWED_STREAM_ID
        stream = H2Stream(self, number, source, deadline, is_sent=not has_body)
        self.streams[number] = stream
        self._flush()
        return stream

    def send_whole(self, stream: H2Stream, body: bytes) -> None:
        """A request's whole body: at once where the backend's windows have room for it."""
        sent = self._send_some(stream, memoryview(body), is_last=True) if body else 0
        if sent < len(body):
            rest = self.send_body(stream, body[sent:], is_last=True)
            stream.sender = self.loop.create_task(rest)  # ends with the stream

    async def send_body(self, stream: H2Stream, data: bytes, *, is_last: bool) -> None:
        """Part of a request's body, as the backend's windows let it; nothing once the stream has ended."""
        view = memoryview(data)
        while stream.connection is not None:
            view = view[self._send_some(stream, view, is_last=is_last) :]
            if not view:
                return
            writer: asyncio.Future[None] = self.loop.create_future()
            self._writers.append(writer)
            await writer

    def _send_some(self, stream: H2Stream, view: memoryview, *, is_last: bool) -> int:
        """As much as there is room for, bytes."""
        sent = 0
        while self._can_write:
            window = self._h2.local_flow_control_window(stream.number)
            room = max(0, min(window, self._h2.max_outbound_frame_size))
            part = bytes(view[sent : sent + room])
            is_end = is_last and sent + len(part) == len(view)
            if not part and not is_end:
                break
            self._h2.send_data(stream.number, part, end_stream=is_end)
            sent += len(part)
            stream.is_sent = is_end
            self._flush()
            if is_end:
                break
        return sent

    def acknowledge(self, stream: H2Stream) -> None:
        """What a stream holds was taken: the backend may send as much again."""
        if stream.unread_bytes:
            self._h2.acknowledge_received_data(stream.unread_bytes, stream.number)
            stream.unread_bytes = 0
            self._flush()

    def abandon(self, stream: H2Stream, *, is_late: bool = False) -> None:
        """Nobody waits for it any more. Where nothing came for half of its wait, nobody uses the connection again.

        A connection that leads nowhere (a host that is gone without a word) would take call after call.
        """
        if stream.connection is None:
            return
        if is_late and self._heard_at < (stream.began_at + self.loop.time()) / 2:
            self.is_draining = True
        self.acknowledge(stream)
        self._h2.reset_stream(stream.number, h2.errors.ErrorCodes.CANCEL)
        self._flush()
        self._end(stream)

    def drain(self) -> None:
        """Let no stream begin; close with the last."""
        self.is_draining = True
        if not self.streams:
            self.close()

    def close(self) -> None:
        """Say goodbye and close."""
        if not self.is_closed:
            self._h2.close_connection()
            self._flush()
            self.fail("the transport was closed")

    async def wait_closed(self) -> None:
        """Until the socket is."""
        await asyncio.wait([self._closed])

    def fail(self, detail: str, *, is_lost: bool = False) -> None:
        """The connection is over: so is every stream."""
        self.is_closed = self.is_draining = True
        if self._idle is not None:
            self._idle.cancel()
        if not self.ready.done():
            self.ready.set_exception(ConnectionError(detail))
        for stream in list(self.streams.values()):
            stream.is_stale = is_lost and self._served > 0 and stream.status == 0
            stream.fail(detail)
            self._end(stream)
        self._wake_writers()
        if self._transport is not None:
            if self._transport.get_write_buffer_size():
                self._transport.abort()  # it takes nothing, so it would never close
            else:
                self._transport.close()
        self._told()

    # asyncio.Protocol

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        if not speaks_http2(transport):
            self.ready.set_exception(NoHttp2())
            self.is_closed = self.is_draining = True
            transport.close()
            return
        self._h2.initiate_connection()
        self._flush()

    def data_received(self, data: bytes) -> None:
        if self.is_closed:
            return
        self._heard_at = self.loop.time()
        try:
            for event in self._h2.receive_data(data):
                self._receive(event)
        except (h2.exceptions.H2Error, UnicodeError, ValueError) as exc:
            self._flush()
            self.fail(explained(exc))
            return
        self._flush()
        if self.is_draining and not self.streams:
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.is_closed:
            self.fail(explained(exc) if exc else "the backend closed the connection", is_lost=True)
        self._closed.set_result(None)

    def pause_writing(self) -> None:
        self._can_write = False

    def resume_writing(self) -> None:
        self._can_write = True
        self._wake_writers()

    # Events

    def _receive(self, event: h2.events.Event) -> None:
        match event:
            case h2.events.RemoteSettingsChanged():
                if not self.ready.done():
                    self.ready.set_result(None)
                self._wake_writers()
                self._told()
            case h2.events.WindowUpdated():
                self._wake_writers()
            case h2.events.ConnectionTerminated():
                self._go_away(event)
            case (
                h2.events.ResponseReceived()
                | h2.events.DataReceived()
                | h2.events.StreamEnded()
                | h2.events.StreamReset()
            ):
                stream = self.streams.get(event.stream_id)
                if stream is not None:
                    self._receive_for(stream, event)

    def _receive_for(self, stream: H2Stream, event: h2.events.Event) -> None:
        match event:
            case h2.events.ResponseReceived():
                stream.begin_answer(event.headers)
            case h2.events.DataReceived():
                stream.unread_bytes += event.flow_controlled_length
                if event.data:
                    stream.parts.append(event.data)
                    stream.received += len(event.data)
            case h2.events.StreamEnded():
                self._served += 1
                self.acknowledge(stream)  # no more comes, so nothing has to be held back
                if not stream.is_sent:  # RFC 9113 §8.1: an answer before its request was whole
                    self._h2.reset_stream(stream.number, h2.errors.ErrorCodes.NO_ERROR)
                self._end(stream)
            case h2.events.StreamReset():
                stream.may_repeat = event.error_code == h2.errors.ErrorCodes.REFUSED_STREAM
                stream.fail(f"the backend reset the stream: {event.error_code!r}")
                self._end(stream)
        stream.wake()

    def _go_away(self, event: h2.events.ConnectionTerminated) -> None:
        self.is_draining = True
        last = event.last_stream_id or 0
        for stream in [stream for stream in self.streams.values() if stream.number > last]:
            stream.may_repeat = True
            stream.fail(f"the backend went away: {event.error_code!r}")
            self._end(stream)
        self._told()

    # Ends

    def _end(self, stream: H2Stream) -> None:
        self.streams.pop(stream.number, None)
        stream.connection = None
        self._wake_writers()
        if not self.streams and not self.is_closed:
            if self.is_draining:
                self.close()
                return
            self._idle = self.loop.call_later(self._keepalive_s, self.drain)
        self._told()

    def _wake_writers(self) -> None:
        writers, self._writers = self._writers, []
        for writer in writers:
            if not writer.done():
                writer.set_result(None)

    def _flush(self) -> None:
        data = self._h2.data_to_send()
        if data and self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

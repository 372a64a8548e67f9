"""HTTP/1.1 by httptools under uvicorn, with a short way for requests that an application answers directly.

    bytes ─ httptools ─► head ─► whole in what was read ─► DirectRoute ─► bytes, written at once
       │                  │                                    └─ has to wait ─► a task ─► bytes
       │                  └─ anything else ─► uvicorn's own way: scope, receive, send, a task
       └─ the head of the request before ─► DirectRoute

Which requests may go it, is decided by the head here and by `DirectRoute` for the rest; whatever does not is
uvicorn's, from its beginning, with what was read of it. Order, flow control, keep-alive, shutdown and counts are
uvicorn's in both ways: a request under way is this connection's `cycle`.
"""

from __future__ import annotations

from collections.abc import Coroutine
from contextvars import copy_context
from typing import Any, NamedTuple, Protocol

from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from gateway.transport.direct import Head, Reply
from gateway.transport.http.asgi import MAX_HEAD, Headers

TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-length: 0\r\nconnection: close\r\n\r\n"
)
FAILED = Reply(
    500,
    STATUS_LINE[500] + b"content-type: text/plain; charset=utf-8\r\ncontent-length: 21\r\n",
    b"Internal Server Error",
)


class Route(Protocol):
    """Answers directly; `direct` has it."""

    path: bytes

    def read(self, raw: Headers) -> Head | None: ...

    def __call__(self, head: Head, body: bytes) -> Reply | Coroutine[Any, Any, Reply] | None: ...


class Known(NamedTuple):
    """A request that came before on a connection: one with the same bytes up to its body means the same.

    Attributes:
        head: These bytes.
        size: Of head and body.
        raw, parsed: What its headers are, and say.
    """

    head: bytes
    size: int
    raw: Headers
    parsed: Head


class Direct:
    """A request that goes the short way and has to wait: what uvicorn's protocol asks of one under way."""

    __slots__ = ("disconnected", "keep_alive", "response_complete")

    def __init__(self, keep_alive: bool) -> None:
        self.disconnected = False
        self.keep_alive = keep_alive
        self.response_complete = False

    @property
    def message_event(self) -> Direct:
        """Nobody waits for more of it."""
        return self

    def set(self) -> None:
        """As `asyncio.Event.set`."""


class DirectProtocol(HttpToolsProtocol):
    """uvicorn's protocol and the short way.

    It is open where the application itself, with nothing but uvicorn's proxy headers around it, says so by
    an attribute `direct`.

    httptools keeps what it is sent until a head is whole: how much that may be is counted here. What is whole
    is the endpoint's to refuse.
    """

    _head_bytes: int | None = None  # None: no head is under way

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        app: Any = self.app
        if isinstance(app, ProxyHeadersMiddleware):
            app = app.app
        is_logged = self.config.access_log and self.access_log
        is_plain = not (self.root_path or self.limit_concurrency is not None or is_logged)
        self._direct: Route | None = getattr(app, "direct", None) if is_plain else None
        self._raw: Headers = []  # of the request before
        self._head: Head | None = None  # what it said
        self._is_held = False
        self._keep_alive = True
        self._body = b""
        self._ended = (
            0  # requests that ended in what is read now; one that went the ordinary way is two
        )
        self._is_between = True  # nothing is read of a request that is not whole
        self._known: Known | None = (
            None  # the last request that came at once and went the short way
        )
        self._idle_since = 0.0  # on the loop's clock; 0 while something is under way

    # What the parser calls

    def on_message_begin(self) -> None:
        """A head begins: uvicorn's scope is made when it turns out to be needed."""
        self._is_between = False
        self._head_bytes = 0
        self.url = b""
        self.headers = []
        self.expect_100_continue = False

    def on_headers_complete(self) -> None:
        """A head is whole: hold the request until its body is, where it may go the short way."""
        self._head_bytes = None
        parser = self.parser
        if (
            self._direct is not None
            and self.url == self._direct.path
            and parser.get_method() == b"POST"
            and (self.cycle is None or self.cycle.response_complete)
            and not self.flow.write_paused
            and not self.expect_100_continue
            and not self.transport.is_closing()
            and parser.get_http_version() == "1.1"
            and not parser.should_upgrade()
            and self._is_known(self._direct)
        ):
            self._is_held, self._body = True, b""
            self._keep_alive = parser.should_keep_alive()
        else:
            self._begin_ordinary()

    def _is_known(self, route: Route) -> bool:
        """Whether the headers let it go the short way; most often they are those of the request before."""
        if self.headers != self._raw:
            self._raw, self._head = self.headers, route.read(self.headers)
        return self._head is not None

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        if self._is_held:
            self._body = self._body + body if self._body else body
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """A request is whole."""
        self._is_between = True
        if self._is_held and self._answer(self._body):
            self._is_held = False
            self._ended += 1
            return
        self._ended += 2
        if self._is_held:
            self._begin_ordinary()
        super().on_message_complete()

    def _answer(self, body: bytes) -> bool:
        """Answer a request whose head is known; whether it goes the short way."""
        assert self._direct is not None
        assert self._head is not None
        context = copy_context()
        try:
            reply = context.run(self._direct, self._head, body)
        except Exception:
            self.logger.exception("Exception in the direct route\n")
            self._write(FAILED, keep_alive=False)
            return True
        if reply is None:
            return False
        if isinstance(reply, Reply):
            self._write(reply, self._keep_alive)
            self.on_response_complete()
            return True
        self.cycle: Any = Direct(self._keep_alive)
        task = self.loop.create_task(self._finish(self.cycle, reply), context=context)
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)
        return True

    def data_received(self, data: bytes) -> None:
        """Read on. A request that is not whole by now goes the ordinary way, which waits for more of it."""
        is_first, known = self._is_between, self._known
        if known is not None and is_first and self._is_again(data, known):
            self._unset_keepalive_if_required()
            self._raw, self._head, self._keep_alive = known.raw, known.parsed, True
            if self._answer(data[len(known.head) :]):
                return
        before = self._head_bytes
        self._ended = 0
        super().data_received(data)
        if self._ended == 1 and is_first and self._is_between and self._keep_alive:
            self._know(data)
        if before is not None and self._head_bytes == before:
            self._head_bytes = before + len(data)
            if self._head_bytes > self.app_state.get(MAX_HEAD, self._head_bytes):
                self.transport.write(TOO_LARGE)
                self.transport.close()
        if self._is_held and not self.transport.is_closing():
            self._begin_ordinary()

    def _know(self, data: bytes) -> None:
        """Remember the head of a request that went the short way, and was all that was read."""
        at = data.find(b"\r\n\r\n")
        if at > 0 and len(data) - at - 4 == len(self._body) and self._head is not None:
            self._known = Known(data[: at + 4], len(data), self._raw, self._head)

    def _is_again(self, data: bytes, known: Known) -> bool:
        """Whether what was read is a request with the same head, and may go the short way: it is not parsed."""
        return (
            len(data) == known.size
            and data.startswith(known.head)
            and (self.cycle is None or self.cycle.response_complete)
            and not self.flow.write_paused
            and not self.transport.is_closing()
        )

    def _begin_ordinary(self) -> None:
        """Give uvicorn the request from its beginning, with the part of the body that is there."""
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        is_held, body = self._is_held, self._body
        self._is_held, self._body = False, b""
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers += headers
        super().on_headers_complete()
        if is_held and body:
            super().on_body(body)

    async def _finish(self, cycle: Direct, coming: Coroutine[Any, Any, Reply]) -> None:
        """Write the answer that is waited for."""
        try:
            reply = await coming
            if self.flow.write_paused and not cycle.disconnected:
                await self.flow.drain()
        except BaseException:  # as uvicorn does, a cancellation at shutdown among them
            self.logger.exception("Exception in the direct route\n")
            reply, cycle.keep_alive = FAILED, False
        cycle.response_complete = True
        if not cycle.disconnected:
            self._write(reply, cycle.keep_alive)
        self.on_response_complete()

    def _write(self, reply: Reply, keep_alive: bool) -> None:
        _, head, body = reply
        for name, value in self.server_state.default_headers:
            head += b"%b: %b\r\n" % (name, value)
        if keep_alive:
            self.transport.write(b"%b\r\n%b" % (head, body))
        else:
            self.transport.write(b"%bconnection: close\r\n\r\n%b" % (head, body))
            self.transport.close()

    # The time without a request: one timer for the connection, which looks how long it was

    def on_response_complete(self) -> None:
        """Begin the next request that waits, or to count the time without one."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)
            return
        self._idle_since = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._watch(self.timeout_keep_alive)

    def _watch(self, wait_s: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(wait_s, self.timeout_keep_alive_handler)

    def timeout_keep_alive_handler(self) -> None:
        """Close the connection when it was idle for so long; look again later when it was not."""
        self.timeout_keep_alive_task = None
        if not self._idle_since or self.transport.is_closing():
            return
        left_s = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if left_s > 0:
            self._watch(left_s)
        else:
            self.transport.close()

    def _unset_keepalive_if_required(self) -> None:
        self._idle_since = 0.0

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is over."""
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
            self.timeout_keep_alive_task = None
        super().connection_lost(exc)

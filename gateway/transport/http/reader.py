"""HTTP/1.1 requests from bytes, without I/O: where a message begins and ends, and what its head says.

    HEAD ──► BODY ──────────────────────────────────► HEAD      content-length
      ├────► SIZE ⇄ DATA ⇄ DATA_END ── 0 ──► TRAILERS ► HEAD    chunked
      └───────────────────────────────────────────────► HEAD    no body
    any state ──► BROKEN: FramingError, and nothing more is read

A head is kept until it is whole. Then llhttp checks its grammar, and this module alone decides the framing, by
RFC 9112 §6: what stands in the head, and never an `Upgrade`, says how long the body is. An `Upgrade` is
reported; who does not take it ignores it (RFC 9110 §7.8). Trailers are counted and dropped: nothing of them
reaches the head (RFC 9110 §6.5.1). All that is not body counts against one limit.

It must not know what a request means, nor hold more than one head and what was fed last.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum, auto
from typing import Any
from urllib.parse import unquote

import httptools

from gateway.transport.http.forwarded import NOBODY_KNOWN, Peer

# A size line: at most 15 digits, so that no size overflows, and extensions, which are ignored (RFC 9112 §7.1.1).
SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})(?:[ \t]*;[^\x00-\x08\x0a-\x1f\x7f]*)?")
TRAILER = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\x00-\x08\x0a-\x1f\x7f]*")
# Host and port, nothing that could be two hosts or a list (RFC 9110 §7.2, RFC 3986 §3.2.2).
HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+;=%-]+)(?::[0-9]*)?")
# A target that names the host too, RFC 9112 §3.2.2; user information in it is an error, RFC 9110 §4.2.4.
ABSOLUTE = re.compile(r"https?://([^/?#]*)((?:[/?][^#]*)?)", re.IGNORECASE)
REQUEST_LINE = re.compile(r"([!-~]+) ([!-~]+) HTTP/1\.([01])")
BARE_LF = re.compile(rb"[^\r]\n")
DIGITS = re.compile(r"[0-9]{1,18}")
CHUNKED = -1


class FramingError(Exception):
    """What was sent is no HTTP request, or one whose end cannot be known: the connection ends with an answer.

    Attributes:
        status: Of that answer.
        headers: More of its headers.
    """

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers


class ReaderState(Enum):
    """What the next bytes are."""

    HEAD = auto()
    BODY = auto()
    SIZE = auto()
    DATA = auto()
    DATA_END = auto()
    TRAILERS = auto()


HEAD, BODY, SIZED, DATA, DATA_END, TRAILERS = ReaderState


class MessageHead:
    """The head of one request.

    Attributes:
        method, target: As sent.
        path, query_string: Of the target; the path decoded.
        peer: Who sent it, set by the connection.
        root_path: Where the application is mounted: nowhere.
        is_http_11: Else it is HTTP/1.0.
        headers: By lower-case name; repeated ones joined.
        repeated: The values of those that stand more than once.
        length: Of the body, bytes; `CHUNKED` when its chunks tell.
        keep_alive: Whether another request may follow.
        expects_continue: Whether the client waits for a 100 before it sends the body.
        upgrade: The protocol that the client would rather use, in lower case; None without one.
        raw: Its bytes, for whoever takes the connection over.
    """

    __slots__ = (
        "expects_continue",
        "headers",
        "is_http_11",
        "keep_alive",
        "length",
        "method",
        "path",
        "peer",
        "query_string",
        "raw",
        "repeated",
        "target",
        "upgrade",
    )
    root_path = ""

    def __init__(self, raw: bytes, peer: Peer = NOBODY_KNOWN) -> None:
        first, *lines = raw[:-4].decode("latin-1").split("\r\n")
        self.raw, self.peer = raw, peer
        request_line = REQUEST_LINE.fullmatch(first)
        if request_line is None:
            raise FramingError(400, "This is not an HTTP/1.1 request.")
        self.method, self.target, minor = request_line.groups()
        self.is_http_11 = minor == "1"
        self.headers: dict[str, str] = {}
        self.repeated: dict[str, list[str]] | None = None
        headers = self.headers
        for line in lines:
            name, _, value = line.partition(":")
            name = name.lower()
            value = value.strip(" \t")
            if name in headers:
                self._repeat(name, value)
            else:
                headers[name] = value
        self._frame()
        target = self.target
        if target[0] != "/" or "#" in target:
            target = self._read_target()
        path, _, query = target.partition("?")
        self.path = unquote(path) if "%" in path else path
        self.query_string = query.encode("latin-1")

    def _repeat(self, name: str, value: str) -> None:
        if self.repeated is None:
            self.repeated = {}
        repeat_header(self.headers, self.repeated, name, value)

    def _frame(self) -> None:
        """Where the message ends (RFC 9112 §6.3), and what else of the head concerns the connection."""
        headers = self.headers
        self.length, self.upgrade, self.expects_continue = 0, None, False
        self.keep_alive = self.is_http_11
        self._check_host(headers.get("host"))
        length = headers.get("content-length")
        if "transfer-encoding" in headers:
            self._frame_transfer(headers["transfer-encoding"], length)
        elif length is not None:
            if not DIGITS.fullmatch(length):  # a list among them, as two headers are one
                raise FramingError(400, "Content-Length is not one number.")
            self.length = int(length)
        connection = headers.get("connection")
        if connection is not None and connection != "keep-alive":
            options = [option.strip() for option in connection.lower().split(",")]
            if "close" in options:
                self.keep_alive = False
            if "upgrade" in options and "upgrade" in headers:
                self.upgrade = headers["upgrade"].lower()
        expect = headers.get("expect")
        if expect is not None and self.is_http_11:  # RFC 9110 §10.1.1: ignored in HTTP/1.0
            if expect.lower() != "100-continue":
                raise FramingError(417, "The only expectation that is met is 100-continue.")
            self.expects_continue = self.length != 0

    def _read_target(self) -> str:
        """RFC 9112 §3.2: other forms than a path. A host in the target is the request's host, whatever `Host` says."""
        absolute = ABSOLUTE.fullmatch(self.target)
        if absolute is not None and HOST.fullmatch(absolute[1]):
            self.headers["host"] = absolute[1]
            return absolute[2] if absolute[2].startswith("/") else f"/{absolute[2]}"
        if self.method != "CONNECT" and (self.method, self.target) != ("OPTIONS", "*"):
            raise FramingError(400, "The request's target is no path and no URL.")
        return self.target

    def _check_host(self, host: str | None) -> None:
        """RFC 9112 §3.2."""
        if host is None:
            if self.is_http_11:
                raise FramingError(400, "The Host header is missing.")
        elif not HOST.fullmatch(host):
            raise FramingError(400, "The Host header is not one host.")

    def _frame_transfer(self, coding: str, length: str | None) -> None:
        """RFC 9112 §6.1: two lengths, or a coding of HTTP/1.0, are what smuggling is made of."""
        if length is not None or not self.is_http_11:
            raise FramingError(
                400, "Transfer-Encoding stands beside Content-Length or in HTTP/1.0."
            )
        if coding.lower() != "chunked":
            raise FramingError(501, "The only transfer coding that is read is chunked.")
        self.length = CHUNKED


def repeat_header(
    headers: dict[str, str], repeated: dict[str, list[str]], name: str, value: str
) -> None:
    """One more line of a header: joined in `headers`, and one of a list in `repeated`.

    Several lines of cookies are one list of pairs, and one value. Source: RFC 9110 §5.2; RFC 6265 §5.4, RFC 9113
    §8.2.3.
    """
    if name == "cookie":
        headers[name] += f"; {value}"
        return
    repeated.setdefault(name, [headers[name]]).append(value)
    headers[name] += f", {value}"


class RequestReader:
    """Reads the requests of one connection.

    Feed bytes; ask for `next_head`, then for `next_body` until it gives b"", then for the next head.

    Args:
        max_head_bytes: How large a head may be, and all that is neither head nor body of one message.

    Attributes:
        buffered: Bytes that were fed and are not read.
        state: What the next bytes are.
    """

    __slots__ = (
        "_at",
        "_buffer",
        "_left",
        "_max_head",
        "_overhead",
        "_read",
        "_seen",
        "buffered",
        "state",
    )

    def __init__(self, max_head_bytes: int) -> None:
        self._max_head = max_head_bytes
        self._buffer = b""
        self._at = 0
        self._seen = 0  # of the buffer: up to here no head ends
        self._left = 0  # of the body or the chunk
        self._overhead = 0  # bytes of this body that are no data
        self._read = 0  # bytes of this body
        self.buffered = 0
        self.state = HEAD

    @property
    def left(self) -> int | None:
        """How much of the body is still to come, bytes; None when only its chunks will tell."""
        if self.state is BODY:
            return self._left - self.buffered
        return 0 if self.state is HEAD else None

    def feed(self, data: bytes) -> None:
        """Take what has arrived."""
        if self.buffered:
            self._seen = max(self._seen - self._at, 0)
            self._buffer = self._buffer[self._at :] + data
        else:
            self._buffer, self._seen = data, 0
        self._at, self.buffered = 0, len(self._buffer)

    def rest(self) -> bytes:
        """What was fed behind the last head, for whoever takes the connection over."""
        rest, self._buffer, self._at, self.buffered = self._buffer[self._at :], b"", 0, 0
        return rest

    def next_head(self, peer: Peer = NOBODY_KNOWN) -> MessageHead | None:
        """The next request's head, sent by `peer`; None when it is not whole yet. Errors: FramingError."""
        buffer, begin = self._buffer, self._at
        if buffer.startswith(b"\r\n", begin):  # RFC 9112 §2.2: one empty line is ignored
            begin += 2
        # A head that comes byte by byte is not searched again for each.
        end = buffer.find(b"\r\n\r\n", max(begin, self._seen - 3) if self._seen else begin)
        size = (end + 4 if end >= 0 else len(buffer)) - begin
        if size > self._max_head:
            raise FramingError(431, f"The head is larger than {self._max_head} bytes.")
        if end < 0:
            is_bare = BARE_LF.search(buffer, max(begin, self._seen - 1))
            if is_bare or buffer.startswith((b"\n", b"\r\n"), begin):
                raise FramingError(400, "A line does not end with CR LF.")
            self._seen = len(buffer)
            return None
        raw = buffer if size == len(buffer) else buffer[begin : end + 4]
        check_grammar(raw)
        head = MessageHead(raw, peer)
        self._at, self._seen, self.buffered = end + 4, 0, len(buffer) - end - 4
        self._left, self._read, self._overhead = head.length, 0, 0
        if head.length:
            self.state = SIZED if head.length == CHUNKED else BODY
        return head

    def next_body(self) -> bytes | None:
        """The next piece of the body; b"" at its end, None when more has to be fed. Errors: FramingError."""
        while True:
            state = self.state
            if state is BODY or state is DATA:
                return self._take()
            if state is HEAD:
                return b""
            if state is SIZED:
                is_read = self._read_size()
            elif state is TRAILERS:
                is_read = self._read_trailer()
            else:
                is_read = self._read_data_end()
            if not is_read:
                return None

    def _take(self) -> bytes | None:
        """What is there of the data."""
        at, end = self._at, min(len(self._buffer), self._at + self._left)
        if at == end:
            return None
        size = end - at
        self._at = end
        self.buffered -= size
        self._left -= size
        self._read += size
        if not self._left:
            self.state = HEAD if self.state is BODY else DATA_END
        return self._buffer[at:end]

    def _read_size(self) -> bool:
        line = self._read_line(None)
        if line is None:
            return False
        match = SIZE.fullmatch(line)
        if match is None:
            raise FramingError(400, "A chunk's size cannot be read.")
        self._left = int(match[1], 16)
        self.state = DATA if self._left else TRAILERS
        return True

    def _read_data_end(self) -> bool:
        if self._read_line(b"") is None:
            return False
        self.state = SIZED
        return True

    def _read_trailer(self) -> bool:
        line = self._read_line(None)
        if line is None:
            return False
        if not line:
            self.state = HEAD
        elif not TRAILER.fullmatch(line):
            raise FramingError(400, "A trailer cannot be read.")
        return True

    def _read_line(self, wanted: bytes | None) -> bytes | None:
        """The next line of the framing, and what it costs: as much as the data, and a head more.

        Args:
            wanted: What it has to be; anything for None.
        """
        buffer, at = self._buffer, self._at
        end = buffer.find(b"\r\n", at)
        size = (end + 2 if end >= 0 else len(buffer)) - at
        if self._overhead + size > self._max_head + self._read:
            raise FramingError(431, f"The body's framing is larger than {self._max_head} bytes.")
        if end < 0:
            if b"\n" in buffer[at:] or (wanted is not None and not b"\r".startswith(buffer[at:])):
                raise FramingError(400, "A line does not end with CR LF.")
            return None
        line = buffer[at:end]
        if wanted is not None and line != wanted:
            raise FramingError(400, "A chunk is longer than its size.")
        self._overhead += size
        self.buffered -= size
        self._at = end + 2
        return line


class _Grammar:
    """What llhttp tells: that the head is whole."""

    is_whole = False

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self.is_whole = True


def check_grammar(raw: bytes) -> None:
    """Whether bytes that end with an empty line are a request's head, by llhttp. Errors: FramingError(400)."""
    grammar = _Grammar()
    parser: Any = httptools.HttpRequestParser(grammar)
    try:
        parser.feed_data(raw)
    except httptools.HttpParserUpgrade:
        pass  # it would end the message here; `MessageHead` says where it ends
    except httptools.HttpParserError as exc:
        raise FramingError(400, f"This is not an HTTP/1.1 request: {exc}") from None
    if not grammar.is_whole:
        raise FramingError(400, "This is not an HTTP/1.1 request.")

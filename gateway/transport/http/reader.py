"""HTTP/1.1 requests from bytes, without I/O: where a message begins and ends.

    HEAD ──► BODY ──────────────────────────────────► HEAD      content-length
      ├────► SIZE ⇄ DATA ⇄ DATA_END ── 0 ──► TRAILERS ► HEAD    chunked
      └───────────────────────────────────────────────► HEAD    no body
    any state ──► BROKEN: FramingError, and nothing more is read

A head is kept until it is whole; then `message_head` says how long the body is. Trailers are counted and dropped:
nothing of them reaches the head (RFC 9110 §6.5.1). All that is not body counts against one limit.

It must not know what a request means, nor hold more than one head and what was fed last.
"""

from __future__ import annotations

import re
from enum import Enum, auto

from gateway.transport.http.forwarded import NOBODY_KNOWN, Peer
from gateway.transport.http.message_head import CHUNKED, FramingError, MessageHead, check_grammar

# A size line: at most 15 digits, so that no size overflows, and extensions, which are ignored (RFC 9112 §7.1.1).
SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})(?:[ \t]*;[^\x00-\x08\x0a-\x1f\x7f]*)?")
TRAILER = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\x00-\x08\x0a-\x1f\x7f]*")
BARE_LF = re.compile(rb"[^\r]\n")


class ReaderState(Enum):
    """What the next bytes are."""

    HEAD = auto()
    BODY = auto()
    SIZE = auto()
    DATA = auto()
    DATA_END = auto()
    TRAILERS = auto()


HEAD, BODY, SIZED, DATA, DATA_END, TRAILERS = ReaderState


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

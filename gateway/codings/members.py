"""The codings that can be undone, each by a library of its own behind one interface.

A *member* is one compressed stream: a body may have several, one behind the other.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable
from typing import ClassVar, Protocol

import brotli

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PIECE_BYTES = 64 * 1024
ALIASES = {"x-gzip": "gzip"}  # RFC 9110 §8.4.1.3


class BadEncoding(ValueError):  # noqa: N818 - it names what the body has, as the caller's log line says
    """A body that is not what its content-encoding says, or costs more than it gives."""


class UnknownCodingError(BadEncoding):
    """A coding that is not decoded here, or too many of them."""


class CodedMember(Protocol):
    """One gzip member, zlib or deflate stream, zstd frame or brotli stream.

    Attributes:
        is_over: It has ended.
        holds_back: There is more output without more input.
        unused: How many of the bytes fed were behind its end.
    """

    is_over: bool
    holds_back: bool
    unused: int

    def take(self, data: memoryview) -> bytes:
        """What `data` gives, at most `PIECE_BYTES`. Errors: BadEncoding."""
        ...


class ZlibMember:
    """A gzip member (RFC 1952), or deflate: RFC 1950, and the bare RFC 1951 that some send."""

    def __init__(self, *, is_gzip: bool) -> None:
        self.is_over = self.holds_back = False
        self.unused = 0
        self._inner = zlib.decompressobj(31) if is_gzip else None

    def take(self, data: memoryview) -> bytes:
        """As `CodedMember`."""
        inner = self._inner
        if inner is None:
            # RFC 1950 §2.2: the method is 8, and the first two bytes divide by 31.
            inner = self._inner = zlib.decompressobj(15 if data[0] & 0x0F == 8 else -15)
        try:
            piece = inner.decompress(data, PIECE_BYTES)
        except zlib.error as exc:
            raise BadEncoding(str(exc)) from exc
        self.is_over = inner.eof
        self.unused = len(inner.unused_data if inner.eof else inner.unconsumed_tail)
        # The last of a match may wait though all input was read.
        self.holds_back = len(piece) == PIECE_BYTES and not inner.eof and not self.unused
        return piece


class BrotliMember:
    """br, RFC 7932. The library itself refuses bytes behind the end."""

    unused = 0

    def __init__(self) -> None:
        self.is_over = self.holds_back = False
        self._inner = brotli.Decompressor()

    def take(self, data: memoryview) -> bytes:
        """As `CodedMember`."""
        try:
            piece: bytes = self._inner.process(data, output_buffer_limit=PIECE_BYTES)
        except brotli.error as exc:
            raise BadEncoding(str(exc)) from exc
        self.is_over = self._inner.is_finished()
        # It may hold output back though it would take more input.
        self.holds_back = bool(piece) and not self.is_over
        return piece


class ZstdMember:
    """A zstd frame, RFC 8878; a skippable one gives nothing."""

    # RFC 9659: a decoder for HTTP needs no window above 8 MB.
    OPTIONS: ClassVar[dict[int, int]] = {zstd.DecompressionParameter.window_log_max: 23}

    def __init__(self) -> None:
        self.is_over = self.holds_back = False
        self.unused = 0
        self._inner = zstd.ZstdDecompressor(options=self.OPTIONS)

    def take(self, data: memoryview) -> bytes:
        """As `CodedMember`."""
        inner = self._inner
        try:
            piece = inner.decompress(data, PIECE_BYTES)
        except zstd.ZstdError as exc:
            raise BadEncoding(str(exc)) from exc
        self.is_over = inner.eof
        self.unused = len(inner.unused_data) if inner.eof else 0
        self.holds_back = not (inner.eof or inner.needs_input)
        return piece


MEMBERS: dict[str, Callable[[], CodedMember]] = {
    "gzip": lambda: ZlibMember(is_gzip=True),
    "deflate": lambda: ZlibMember(is_gzip=False),
    "br": BrotliMember,
    "zstd": ZstdMember,
}

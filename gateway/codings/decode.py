"""What a client or a backend sent without its codings, one by one from the right (RFC 9110 §8.4), in pieces.

A decoder gives pieces of at most `PIECE_BYTES` and its caller counts them: a bomb stops at the caller's limit.
Input that gives nothing is bounded here: members by `MAX_MEMBERS`, padding by `PADDING_BYTES`. `decode_chunks`
gives the event loop back after `TURN_WORK`. It must never copy the rest of a body for a member, nor decode a whole
body in one call.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence

from gateway.codings.members import (
    ALIASES,
    MEMBERS,
    BadEncoding,
    CodedMember,
    UnknownCodingError,
)

# What one call of a library gets: 8 KB of the costliest input, deflate's empty blocks with tables, take 1 ms.
WINDOW_BYTES = 8 * 1024
# Blocked gzip (BGZF) of 64 KB blocks has 256 in 16 MB. Each costs up to 22 µs.
MAX_MEMBERS = 1024
# A zstd block of up to 128 KB gives nothing before its end. No real coding makes a body much longer, but for one
# that is flushed at each small event: 3 times.
PADDING_BYTES = 192 * 1024
MAX_BYTES_PER_BYTE = 4
# curl undoes 5.
MAX_CODINGS = 4
# In bytes of output: 0.5 ms for plain text, 2 ms for the costliest input.
TURN_WORK = 256 * 1024
WORK_PER_BYTE_READ = 16
WORK_PER_MEMBER = 8 * 1024

DECODED = ("zstd", "br", "gzip", "deflate")
"""The codings that `BodyDecoding` undoes."""
# What backends send as a coding and is none: character encodings, MIME's transfer encodings, "nothing".
NO_CODINGS = frozenset(
    {"none", "null", "plain", "text", "binary", "7bit", "8bit", "ascii", "utf-8", "utf8", "json"}
)
# How a member begins that may stand behind another one: for zstd a frame, or one that is skipped (RFC 8878 §3.1.2).
MAGIC = {
    "gzip": (b"\x1f\x8b",),
    "zstd": (b"\x28\xb5\x2f\xfd", *(b"%c\x2a\x4d\x18" % kind for kind in range(0x50, 0x60))),
}
PLAIN = re.compile(rb"(\xef\xbb\xbf)?[\t\n\r\x20-\x7e]")
CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
HEAD_BYTES = 64


KNOWN_NAMES = frozenset({"", "identity", *ALIASES, *MEMBERS})
NOTHING = memoryview(b"")


class Decoder:
    """One coding of one body.

    Args:
        coding: A key of `MEMBERS`.
        is_lenient: Take a body that is plain text, against what its head says, and leave out what is behind the
            end of a whole one. Else both are errors.

    Attributes:
        work: What it took so far, as bytes of output.
        members: How many members it has begun.
        oddity: What a lenient decoder put up with; "" for nothing.
    """

    def __init__(self, coding: str, *, is_lenient: bool = False) -> None:
        self.work = 0
        self.members = 0
        self.oddity = ""
        self._coding = coding
        self._is_lenient = is_lenient
        self._make = MEMBERS[coding]
        self._member: CodedMember | None = None
        self._read = self._given = 0
        self._is_plain = self._is_over = False
        self._held = b""  # what may turn out to be plain text

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What `data` gives, in pieces; an empty one where a call gave nothing. Errors: BadEncoding."""
        if not self._is_lenient:
            yield from self._decode(data)
        elif self._is_plain:
            yield data
        elif not self._is_over:
            yield from self._try(data)

    def finish(self) -> None:
        """Say that no more comes. Errors: BadEncoding when the body was cut short."""
        if self._member is not None and not self._member.is_over and not self._is_plain:
            if self._held and looks_plain(self._held):
                raise BadEncoding(f"the body is not {self._coding}")
            raise BadEncoding("the compressed body was cut short")

    def _try(self, data: bytes) -> Iterator[bytes]:
        if not self._given:
            self._held += data
        try:
            for piece in self._decode(data):
                if piece:
                    self._held = b""
                yield piece
        except BadEncoding:
            if not looks_plain(self._held):
                raise
            self._is_plain = True
            self.oddity = f"the body is not {self._coding}, as its content-encoding says, but plain"
            yield self._held

    def _decode(self, data: bytes) -> Iterator[bytes]:
        view, at = memoryview(data), 0
        member = self._member
        while at < len(view) or (member is not None and member.holds_back):
            if member is None or member.is_over:
                if member is not None and not self._may_follow(bytes(view[at : at + 4])):
                    self._is_over = True
                    self.oddity = f"bytes behind the end of the {self._coding} body were left out"
                    return
                member = self._begin()
            window = NOTHING if member.holds_back else view[at : at + WINDOW_BYTES]
            piece = member.take(window)
            read = len(window) - member.unused  # below zero: of a window before this one
            at += read
            self._count(read, len(piece))
            yield piece

    def _may_follow(self, first: bytes) -> bool:
        """Whether bytes behind a whole member are another one. Errors: BadEncoding unless it is lenient."""
        known = MAGIC.get(self._coding)
        if not self._is_lenient:
            if known is None:
                raise BadEncoding(f"bytes after the end of a {self._coding} body")
            return True
        return any(magic.startswith(first[: len(magic)]) for magic in known or ())

    def _begin(self) -> CodedMember:
        self.members += 1
        self.work += WORK_PER_MEMBER
        if self.members > MAX_MEMBERS:
            raise BadEncoding(f"a {self._coding} body of more than {MAX_MEMBERS} members")
        self._member = self._make()
        return self._member

    def _count(self, read: int, given: int) -> None:
        self._read += read
        self._given += given
        self.work += read * WORK_PER_BYTE_READ + given
        if self._read > self._given * MAX_BYTES_PER_BYTE + PADDING_BYTES:
            raise BadEncoding(f"a {self._coding} body of more padding than content")


def looks_plain(data: bytes) -> bool:
    """Whether a body begins as text does: compressed bytes have control characters among the first."""
    return PLAIN.match(data) is not None and CONTROL.search(data, 0, HEAD_BYTES) is None


class BodyDecoding:
    """All codings of one body.

    Args:
        codings: From `parse_codings`.
        is_lenient: As of `Decoder`.

    Attributes:
        oddities: What a lenient one put up with.
    """

    def __init__(self, codings: Sequence[str], *, is_lenient: bool = False) -> None:
        self._decoders = [Decoder(coding, is_lenient=is_lenient) for coding in reversed(codings)]
        self._unknown = ""
        self._noted: list[str] = []

    @classmethod
    def of_answer(cls, content_encoding: str) -> BodyDecoding:
        """Of a backend's answer, by the bytes where its head cannot be right. Errors: UnknownCodingError."""
        names = [name.strip().lower() for name in content_encoding.split(",")]
        unknown = [name for name in names if name not in KNOWN_NAMES]
        known = [name for name in names if name in KNOWN_NAMES]
        decoding = cls(parse_codings(", ".join(known)), is_lenient=True)
        decoding._noted = [f"content-encoding {name!r:.60} is no coding" for name in unknown]
        decoding._unknown = next((name for name in unknown if name not in NO_CODINGS), "")
        return decoding

    @property
    def work(self) -> int:
        """What it took so far, as bytes of output."""
        return sum(decoder.work for decoder in self._decoders)

    @property
    def oddities(self) -> list[str]:
        """As above."""
        return self._noted + [decoder.oddity for decoder in self._decoders if decoder.oddity]

    def feed(self, data: bytes) -> Iterator[bytes]:
        """As `Decoder`."""
        for piece in self._feed(data, 0):
            if self._unknown and piece:
                if not looks_plain(piece):
                    raise UnknownCodingError(f"content-encoding {self._unknown!r:.60} is not known")
                self._unknown = ""
            yield piece

    def finish(self) -> None:
        """As `Decoder`."""
        for decoder in self._decoders:
            decoder.finish()

    def _feed(self, data: bytes, at: int) -> Iterator[bytes]:
        if at == len(self._decoders):
            yield data
            return
        for piece in self._decoders[at].feed(data):
            yield from self._feed(piece, at + 1)


def parse_codings(content_encoding: str) -> tuple[str, ...]:
    """The codings of a body in the order in which they were applied, without `identity`.

    Errors: UnknownCodingError.
    Source: RFC 9110 §8.4.
    """
    names = [name.strip().lower() for name in content_encoding.split(",", MAX_CODINGS * 2)]
    codings = tuple(ALIASES.get(name, name) for name in names if name not in ("", "identity"))
    for coding in codings:
        if coding not in MEMBERS:
            raise UnknownCodingError(f"content-encoding {coding!r:.100} is not known")
    if len(codings) > MAX_CODINGS:
        raise UnknownCodingError(f"more than {MAX_CODINGS} content codings")
    return codings


async def decode_chunks(raw: AsyncIterator[bytes], decoding: BodyDecoding) -> AsyncGenerator[bytes]:
    """A body's bytes without its codings. Errors: BadEncoding, and those of `raw`."""
    turn = TURN_WORK
    is_empty = True
    async for data in raw:
        is_empty = False
        for piece in decoding.feed(data):
            if piece:
                yield piece
            if decoding.work > turn:
                turn = decoding.work + TURN_WORK
                await asyncio.sleep(0)
    if not is_empty:  # HEAD, 304: an encoding is named, and no body comes
        decoding.finish()


async def chunk(data: bytes) -> AsyncIterator[bytes]:
    """A whole body as the chunks that `decode_chunks` takes."""
    if data:
        yield data

"""The file that a client sent with an operation, as resolvers get it: the value of the scalar `Upload`.

Every place that names a file has a reader of its own, which begins at the first byte. A file that is kept can be
read by all of them; one that is still on its way by whoever reads first, and never by halves.
"""

from __future__ import annotations

import asyncio
import io
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import IO

from gateway.errors import ClientError

PIECE_BYTES = 64 * 1024


class Content:
    """The bytes of one file, for all its readers. It is closed with the last of them.

    Attributes:
        size: In bytes; None until the last has come.
        is_streamed: Whether it comes while it is read, and is kept nowhere.
        lock: Held while one of the readers reads.
    """

    def __init__(
        self, file: IO[bytes], size: int | None, rest: Callable[[], Awaitable[bytes | None]] | None
    ) -> None:
        self.size = size
        self.is_streamed = rest is not None
        self._file = file
        self._rest = rest
        self._left = b""  # came, and was more than was asked for
        self._reader: Upload | None = None  # of a streamed file
        self.lock = asyncio.Lock()
        weakref.finalize(self, file.close)

    async def read(self, reader: Upload, at: int, size: int) -> bytes:
        """`size` bytes for the reader that holds the lock, all that follow for -1. Errors: ClientError."""
        if self.is_streamed:
            self._claim(reader)
            return await self._read_on(at, size)
        return await asyncio.to_thread(self._read_at, at, size)

    def _claim(self, reader: Upload) -> None:
        if self._reader is None:
            self._reader = reader
        elif self._reader is not reader:
            raise ClientError(
                f"The file {reader.filename!r} is streamed, so only one argument can read it. Send it "
                "once for each argument, or ask the operator for uploads.stream = false.",
                code="BAD_USER_INPUT",
            )

    def _read_at(self, at: int, size: int) -> bytes:
        self._file.seek(at)
        return self._file.read(size)

    async def _read_on(self, at: int, size: int) -> bytes:
        data = await asyncio.to_thread(self._file.read, size)
        pieces, have = [data, self._left], len(data) + len(self._left)
        self._left = b""
        while self._rest is not None and (size < 0 or have < size):
            try:
                piece = await self._rest()
            except BaseException:
                self._left = b"".join(pieces)  # for who reads on after a reader was cancelled
                raise
            if piece is None:
                self._rest = None
                self.size = at + have
                break
            pieces.append(piece)
            have += len(piece)
        data = b"".join(pieces)
        if 0 <= size < len(data):
            data, self._left = data[:size], data[size:]
        return data


class Upload:
    """A file. It is gone when the request is over.

    Args:
        content: Its bytes.
        filename: As the client says: never a path to open.
        content_type: As the client says.
    """

    def __init__(self, content: Content, filename: str, content_type: str) -> None:
        self.filename = filename
        self.content_type = content_type
        self._content = content
        self._position = 0

    @property
    def size(self) -> int | None:
        """In bytes; None for a file that is still on its way."""
        return self._content.size

    @property
    def is_streamed(self) -> bool:
        """Whether it comes while it is read."""
        return self._content.is_streamed

    def reader(self) -> Upload:
        """The same file for another place, from its first byte."""
        return Upload(self._content, self.filename, self.content_type)

    async def read(self, size: int = -1) -> bytes:
        """The next `size` bytes; all that are left by default. Fewer only at the end.

        Errors: ClientError(REQUEST_TOO_LARGE), (BAD_REQUEST) for a file that turns out so on its way;
            (BAD_USER_INPUT) for one on its way that another place reads.
        """
        async with self._content.lock:
            data = await self._content.read(self, self._position, size)
            self._position += len(data)
        return data

    async def seek(self, offset: int) -> None:
        """Go on reading at `offset`, from the beginning.

        Errors: io.UnsupportedOperation for a file that came while it was read: it was kept nowhere.
        """
        if offset != self._position and self.is_streamed:
            raise io.UnsupportedOperation(
                "a file that is read as it comes can be read once; uploads.stream = false keeps it"
            )
        if offset < 0:
            raise ValueError(f"negative seek value {offset}")
        self._position = offset

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The bytes that are left, in pieces of 64 KB."""
        while piece := await self.read(PIECE_BYTES):
            yield piece

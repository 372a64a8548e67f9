"""The file that a client sent with an operation, as resolvers get it: the value of the scalar `Upload`."""

from __future__ import annotations

import asyncio
import io
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import IO

PIECE_BYTES = 64 * 1024


class Upload:
    """A file. It is gone when the request is over.

    Args:
        file: Its bytes, or the first of them; closed with the upload.
        filename: As the client says: never a path to open.
        content_type: As the client says.
        size: In bytes; None for a file that is still on its way.
        rest: Waits for what comes after `file`: bytes, or None at the end.

    Attributes:
        size: As above; known once the whole file has been read.
        is_streamed: Whether it comes while it is read.
    """

    def __init__(
        self,
        file: IO[bytes],
        filename: str,
        content_type: str,
        size: int | None,
        rest: Callable[[], Awaitable[bytes | None]] | None = None,
    ) -> None:
        self.filename = filename
        self.content_type = content_type
        self.size = size
        self._file = file
        self._rest = rest
        self.is_streamed = rest is not None
        self._left = b""  # came, and was more than was asked for
        self._position = 0
        self._lock = asyncio.Lock()  # two fields may read one file
        weakref.finalize(self, file.close)

    async def read(self, size: int = -1) -> bytes:
        """The next `size` bytes; all that are left by default. Fewer only at the end.

        Errors: ClientError(REQUEST_TOO_LARGE), (BAD_REQUEST) for a file that turns out so on its way.
        """
        async with self._lock:
            data = await asyncio.to_thread(self._file.read, size)
            if self._rest is not None or self._left:
                data = await self._with_rest(data, size)
            self._position += len(data)
            return data

    async def _with_rest(self, data: bytes, size: int) -> bytes:
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
                self.size = self._position + have
                break
            pieces.append(piece)
            have += len(piece)
        data = b"".join(pieces)
        if 0 <= size < len(data):
            data, self._left = data[:size], data[size:]
        return data

    async def seek(self, offset: int) -> None:
        """Go on reading at `offset`, from the beginning.

        Errors: io.UnsupportedOperation for a file that came while it was read: it was kept nowhere.
        """
        if offset == self._position:
            return
        if self.is_streamed:
            raise io.UnsupportedOperation(
                "a file that is read as it comes can be read once; uploads.stream = false keeps it"
            )
        await asyncio.to_thread(self._file.seek, offset)
        self._position = offset

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The bytes that are left, in pieces of 64 KB."""
        while piece := await self.read(PIECE_BYTES):
            yield piece

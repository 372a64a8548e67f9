"""The file that a client sent with an operation, as resolvers get it: the value of the scalar `Upload`."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import AsyncIterator
from typing import IO

PIECE_BYTES = 64 * 1024


class Upload:
    """A file. It is gone when the request is over.

    Args:
        file: Its bytes; closed with the upload.
        filename: As the client says: never a path to open.
        content_type: As the client says.
        size: In bytes.
    """

    def __init__(self, file: IO[bytes], filename: str, content_type: str, size: int) -> None:
        self.filename = filename
        self.content_type = content_type
        self.size = size
        self._file = file
        weakref.finalize(self, file.close)

    async def read(self, size: int = -1) -> bytes:
        """The next `size` bytes; all that are left by default."""
        return await asyncio.to_thread(self._file.read, size)

    async def seek(self, offset: int) -> None:
        """Go on reading at `offset`, from the beginning."""
        await asyncio.to_thread(self._file.seek, offset)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The bytes that are left, in pieces of 64 KB."""
        while piece := await self.read(PIECE_BYTES):
            yield piece

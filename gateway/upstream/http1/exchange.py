"""One exchange of the native transport: the answer's head, and its body as far as it has come.

The connection fills it, the caller empties it. Where the whole message came at once it no longer
holds a connection, and nothing here awaits.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import msgspec

from gateway.errors import UpstreamError
from gateway.upstream.content import pieces_of
from gateway.upstream.transport import Headers, read_length

if TYPE_CHECKING:
    from gateway.upstream.http1.connection import Http1Connection

# A body announced as no longer than this is waited for in one go.
SHORT_BYTES = 64 * 1024
NO_HEADERS = Headers(())


class H1Response(msgspec.Struct, eq=False):
    """As the port's `UpstreamResponse`.

    Attributes:
        status: 0 until the head is there.
        headers: In order, names in lower case; none until the head is there.
        parts: The body's bytes that wait for the caller, still compressed.
        connection: None once the message is complete or has failed.
        waiter: What the caller awaits now; resolved without a value, then `error` is looked at.
        error: Why there will be no more.
        is_stale: It failed on a connection used before, with no byte of an answer.
        limit: What `read` takes at most while the body comes; None where nobody reads it whole.
        received: Bytes of the body so far.
    """

    connection: Http1Connection | None
    waiter: asyncio.Future[None] | None
    source: str
    is_head: bool
    status: int = 0
    headers: Headers = NO_HEADERS
    parts: list[bytes] = msgspec.field(default_factory=list)
    received: int = 0
    limit: int | None = None
    error: UpstreamError | None = None
    is_stale: bool = False

    def joined(self, name: str) -> str | None:
        """The values of a header, joined as RFC 9110 §5.3 says; None without one."""
        values = self.headers.all(name)
        return ", ".join(values) if values else None

    def wake(self) -> None:
        """Let the caller look."""
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)

    def is_short(self) -> bool:
        """Whether the head announces a body that is nearly always on its way with it."""
        length = read_length(self.joined("content-length"))
        return length is not None and length <= SHORT_BYTES

    def ends_with_eof(self) -> bool:
        """Whether the end of the connection is the end of this body (RFC 9112 §6.3, case 8)."""
        return self.joined("content-length") is None and self.joined("transfer-encoding") is None

    def ready(self, max_bytes: int) -> bytes | None:
        """As the port says."""
        if self.connection is not None or self.error is not None or self.received > max_bytes:
            return None
        if self.headers.first("content-encoding") is not None:
            return None
        parts = self.parts
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def read_body(self, max_bytes: int) -> bytes:
        """As the port says."""
        if self.headers.first("content-encoding") is not None:
            return await self._read_decoded(max_bytes)
        if self.connection is not None:
            self.limit = max_bytes
            if self.received <= max_bytes and self._announced() <= max_bytes:
                self.connection.resume()
                await self.wait()
        if self.received > max_bytes or self._announced() > max_bytes:
            raise self._too_large(max_bytes)
        if self.error is not None:
            raise self.error
        parts = self.parts
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def aiter_bytes(self) -> AsyncIterator[bytes]:
        """As the port says."""
        coding = self.joined("content-encoding")
        return pieces_of(self._aiter_raw(), coding, self.source, self.aclose)

    async def aclose(self) -> None:
        """As the port says."""
        if self.connection is not None:
            self.connection.abandon(self)
        self.parts.clear()

    async def wait(self) -> None:
        """Until the connection has something to say. A cancellation closes the connection."""
        assert self.connection is not None
        waiter = self.waiter = self.connection.loop.create_future()
        try:
            await waiter
        except BaseException:
            if self.connection is not None:
                self.connection.abandon(self)
            raise
        finally:
            self.waiter = None

    def _announced(self) -> int:
        """The length in the head, where the body is still coming; 0 without one."""
        if self.connection is None:
            return 0
        return read_length(self.joined("content-length")) or 0

    async def _aiter_raw(self) -> AsyncIterator[bytes]:
        while True:
            if self.parts:
                parts = self.parts[:]
                self.parts.clear()
                if self.connection is not None:
                    self.connection.resume()
                for part in parts:
                    yield part
            elif self.error is not None:
                raise self.error
            elif self.connection is None:
                return
            else:
                await self.wait()

    async def _read_decoded(self, max_bytes: int) -> bytes:
        parts: list[bytes] = []
        size = 0
        async for piece in self.aiter_bytes():
            size += len(piece)
            if size > max_bytes:
                raise self._too_large(max_bytes)
            parts.append(piece)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _too_large(self, max_bytes: int) -> UpstreamError:
        if self.connection is not None:
            self.connection.abandon(self)
        self.parts.clear()
        return UpstreamError(
            "RESPONSE_TOO_LARGE", source=self.source, detail=f"over {max_bytes} bytes"
        )

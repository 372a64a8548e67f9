"""One exchange over HTTP/2: the answer's head, and its body as far as it has come.

The connection fills it, the caller empties it; what the caller has taken is what the backend may send
anew. It knows nothing of frames.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from math import inf
from typing import TYPE_CHECKING

from gateway.errors import UpstreamError
from gateway.upstream.content import pieces_of
from gateway.upstream.transport import Header, header_value, read_length

if TYPE_CHECKING:
    from gateway.upstream.http2.connection import H2Connection


class H2Stream:
    """As the port's `UpstreamResponse`.

    Attributes:
        number: HTTP/2's own, of the stream.
        began_at: When its head was sent, on the loop's clock.
        is_sent: The request is whole.
        deadline: For all of it, on the loop's clock.
        status: 0 until the head is there.
        headers: In order, names in lower case.
        parts: The body's bytes that wait for the caller, still compressed.
        sender: Sends the rest of a body that the backend's windows hold up.
        received: Bytes of the body so far.
        unread_bytes: What they took of the stream's window.
        connection: None once the answer is complete or has failed, or nobody wants it any more.
        error: Why there will be no more.
        may_repeat: It failed, and the backend says that it has not processed it.
        is_stale: It failed with its connection, which was used before, without a byte of an answer.
    """

    __slots__ = (
        "began_at",
        "connection",
        "deadline",
        "error",
        "headers",
        "is_sent",
        "is_stale",
        "may_repeat",
        "number",
        "parts",
        "received",
        "sender",
        "source",
        "status",
        "unread_bytes",
        "waiter",
    )

    def __init__(
        self,
        connection: H2Connection,
        number: int,
        source: str,
        deadline: float,
        *,
        is_sent: bool,
    ) -> None:
        self.connection: H2Connection | None = connection
        self.is_sent = is_sent
        self.began_at = connection.loop.time()
        self.number = number
        self.source = source
        self.deadline = deadline
        self.status = 0
        self.headers: Sequence[Header] = ()
        self.parts: list[bytes] = []
        self.unread_bytes = self.received = 0
        self.waiter: asyncio.Future[None] | None = None
        self.sender: asyncio.Task[None] | None = None
        self.error: UpstreamError | None = None
        self.may_repeat = False
        self.is_stale = False

    async def head(self) -> None:
        """Until the head is there, or the stream has ended without."""
        while self.status == 0 and self.connection is not None:
            await self._wait()

    def begin_answer(self, fields: Sequence[tuple[bytes, bytes]]) -> None:
        """Its head is there. Errors: ValueError for what is no status."""
        named = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in fields]
        # RFC 9113 §8.3: pseudo fields stand first.
        status = read_length(named[0][1])
        if status is None or not 200 <= status <= 999:
            raise ValueError(f"status {named[0][1]!r:.20}")
        self.status = status
        self.headers = [field for field in named if field[0][:1] != ":"]

    def fail(self, detail: str) -> None:
        """Note why there will be no more."""
        self.error = UpstreamError(
            "HTTP_CLIENT_ERROR", source=self.source, detail=detail, was_sent=not self.may_repeat
        )
        self.wake()

    def ready(self, max_bytes: int) -> None:
        """As the port says: a body is never there at once, its flow is its caller's to control."""

    async def read_body(self, max_bytes: int) -> bytes:
        """As the port says."""
        length = read_length(header_value(self.headers, "content-length"))
        if self.connection is not None and length is not None and length > max_bytes:
            raise await self._too_large(max_bytes)
        parts: list[bytes] = []
        size = 0
        async for piece in self.aiter_bytes():
            size += len(piece)
            if size > max_bytes:
                raise await self._too_large(max_bytes)
            parts.append(piece)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def aiter_bytes(self) -> AsyncIterator[bytes]:
        """As the port says."""
        said = [value for name, value in self.headers if name == "content-encoding"]
        coding = ", ".join(said) if said else None
        return pieces_of(self._aiter_raw(), coding, self.source, self.aclose)

    async def aclose(self) -> None:
        """As the port says: a body that was not read to its end is cancelled, its connection kept."""
        if self.connection is not None:
            self.connection.abandon(self)
        self.parts.clear()

    def wake(self) -> None:
        """There is something new."""
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)

    async def _aiter_raw(self) -> AsyncIterator[bytes]:
        while True:
            if self.parts:
                parts = self.parts[:]
                self.parts.clear()
                if self.connection is not None:
                    self.connection.acknowledge(self)
                for part in parts:
                    yield part
            elif self.error is not None:
                raise self.error
            elif self.connection is None:
                return
            else:
                await self._wait()

    async def _wait(self) -> None:
        """Until `wake`. At the deadline, or when cancelled, the stream is abandoned.

        Errors: UpstreamError(GATEWAY_TIMEOUT).
        """
        connection = self.connection
        assert connection is not None
        waiter = self.waiter = connection.loop.create_future()
        try:
            async with asyncio.timeout_at(None if self.deadline == inf else self.deadline):
                await waiter
        except TimeoutError as exc:
            connection.abandon(self, is_late=True)
            raise UpstreamError(
                "GATEWAY_TIMEOUT", source=self.source, detail="no answer in time"
            ) from exc
        except BaseException:
            connection.abandon(self)
            raise
        finally:
            self.waiter = None

    async def _too_large(self, max_bytes: int) -> UpstreamError:
        await self.aclose()
        return UpstreamError(
            "RESPONSE_TOO_LARGE", source=self.source, detail=f"over {max_bytes} bytes"
        )


def explained(exc: BaseException) -> str:
    """An exception as the log's detail."""
    return f"{type(exc).__name__}: {exc}"[:500]

"""Single connection mode of GraphQL over SSE: one event stream, and requests of their own for its operations.

    PUT ──► 201 token    GET + token ──► the stream    POST + token, operationId ──► 202
                                                       DELETE + token ?operationId= ──► 200

A stream lives in one worker, so its requests have to reach that worker.

Source: the GraphQL over SSE protocol in graphql-sse, PROTOCOL.md.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from urllib.parse import parse_qs

from gateway.errors import ClientError
from gateway.pipeline.pipeline import GraphQLParams
from gateway.transport.http.asgi import Receive, Scope, Send
from gateway.transport.http.handler import Asked
from gateway.transport.stream.endpoint import Running, StreamEndpoint
from gateway.transport.stream.sse import TOKEN_HEADER, EventFormat, OperationFormat
from gateway.transport.tasks import cancel_once, closing, end_all

ReadParams = Callable[[], Awaitable[GraphQLParams | list[GraphQLParams]]]


class SessionFormat(EventFormat):
    """A stream of many operations: each of them tells its own end."""

    end = b""


class Session:
    """One stream and its operations."""

    def __init__(self, max_queue: int) -> None:
        self.is_connected = False
        self.operations: dict[str, asyncio.Task[None]] = {}
        self.queue: asyncio.Queue[bytes] = asyncio.Queue(max_queue)

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """What its operations have to say, until it is closed."""
        while True:
            yield await self.queue.get()

    async def run(self, running: Running, how: OperationFormat) -> None:
        """One operation. It waits where the client does not read."""
        begin = time.perf_counter()
        try:
            chunks = running.chunks(how)
            async with closing(chunks):
                async for chunk in chunks:
                    await self.queue.put(chunk)
            await self.queue.put(how.end)
        finally:
            running.log(time.perf_counter() - begin)

    async def close(self) -> None:
        """End every operation."""
        await end_all(list(self.operations.values()))


class Sessions:
    """The streams of one worker that carry many operations, by their tokens.

    Args:
        streams: Writes them.
    """

    def __init__(self, streams: StreamEndpoint) -> None:
        self._streams = streams
        self.open: dict[str, Session] = {}

    async def respond(
        self, scope: Scope, asked: Asked, read_params: ReadParams, receive: Receive, send: Send
    ) -> None:
        """Answer one request. Errors: ClientError."""
        method = scope["method"]
        if method == "PUT":
            await answer(send, 201, self._reserve())
            return
        query = parse_qs(scope["query_string"].decode("latin-1"))
        token = asked.headers.get(TOKEN_HEADER) or query.get("token", [""])[0]
        session = self.open.get(token)
        if session is None:
            raise ClientError("There is no such stream.", code="STREAM_NOT_FOUND")
        if method == "GET":
            await self._connect(token, session, receive, send)
        elif method == "DELETE":
            task = session.operations.get(query.get("operationId", [""])[0])
            if task is not None:
                cancel_once(task)
            await answer(send, 200, "")
        else:
            self._start(session, await read_params(), asked)
            await answer(send, 202, "")

    def _reserve(self) -> str:
        settings = self._streams.settings
        self._streams.check_room()
        if len(self.open) >= settings.max_streams:
            raise ClientError("This server takes no more streams.", code="UNAVAILABLE")
        token = secrets.token_hex(32)
        self.open[token] = session = Session(settings.max_queue)

        def expire() -> None:
            if not session.is_connected:
                del self.open[token]
                for task in session.operations.values():
                    cancel_once(task)

        asyncio.get_running_loop().call_later(settings.init_timeout_s, expire)
        return token

    async def _connect(self, token: str, session: Session, receive: Receive, send: Send) -> None:
        if session.is_connected:
            raise ClientError("The stream is open already.", code="STREAM_CONFLICT")
        self._streams.check_room()
        session.is_connected = True
        try:
            await self._streams.write(session.chunks(), SessionFormat(), receive, send)
        finally:
            del self.open[token]
            await session.close()

    def _start(
        self, session: Session, params: GraphQLParams | list[GraphQLParams], asked: Asked
    ) -> None:
        if isinstance(params, list):
            raise ClientError("A stream takes no batches.", code="BAD_REQUEST")
        id_ = (params.extensions or {}).get("operationId")
        if not isinstance(id_, str) or not id_:
            raise ClientError("`extensions.operationId` must be a string.", code="BAD_REQUEST")
        if id_ in session.operations:
            raise ClientError(f"Operation with ID {id_!r} already exists.", code="STREAM_CONFLICT")
        if len(session.operations) >= self._streams.settings.max_operations_per_socket:
            raise ClientError("Too many operations on one stream.", code="TOO_MANY_OPERATIONS")
        running = Running(self._streams, params, asked)
        task = asyncio.create_task(session.run(running, OperationFormat(id_)))
        session.operations[id_] = task
        task.add_done_callback(lambda _: session.operations.pop(id_, None))


async def answer(send: Send, status: int, text: str) -> None:
    """A short answer in plain text."""
    body = text.encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})

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
from collections import Counter
from collections.abc import AsyncGenerator
from urllib.parse import parse_qs

from gateway.auth.leases import Lease
from gateway.auth.principal import Principal
from gateway.client.request import ClientRequest
from gateway.concurrency.tasks import cancel_once, closing, end_all
from gateway.errors import ClientError
from gateway.pipeline.operation import GraphQLParams, Operation
from gateway.transport.expiry import ending, expired_body, leased
from gateway.transport.http.head import RequestHead
from gateway.transport.http.respond import Channel, HttpResponse, StreamingResponse, text_response
from gateway.transport.stream.endpoint import RunningStream, StreamEndpoint
from gateway.transport.stream.sse import TOKEN_HEADER, EventFormat, OperationFormat

Owner = tuple[str | None, str | None, str | None]
# Streams that one client may have reserved within `init_timeout_s`.
MAX_RESERVED = 100


class SessionFormat(EventFormat):
    """A stream of many operations: each of them tells its own end."""

    end = b""


class Session:
    """One stream and its operations.

    Args:
        max_queue: What may wait to be sent.
        owner: Who reserved it: nobody else opens it, or runs operations on it.
    """

    def __init__(self, max_queue: int, owner: Owner) -> None:
        self.owner = owner
        self.is_connected = False
        self.operations: dict[str, asyncio.Task[None]] = {}
        self.queue: asyncio.Queue[bytes] = asyncio.Queue(max_queue)

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """What its operations have to say, until it is closed."""
        while True:
            yield await self.queue.get()

    async def serve_operation(
        self, running: RunningStream, how: OperationFormat, lease: Lease | None
    ) -> None:
        """One operation. It waits where the client does not read."""
        begin = time.perf_counter()
        task = asyncio.current_task()
        assert task is not None

        async def expire() -> None:
            cancel_once(task)
            await self.queue.put(how.fail(expired_body()) + how.end)

        with ending(lease, expire):
            await self._run(running, how, begin)

    async def _run(self, running: RunningStream, how: OperationFormat, begin: float) -> None:
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
        self._reserved: Counter[str] = Counter()  # by client

    def handle(
        self, head: RequestHead, params: GraphQLParams | list[GraphQLParams] | None
    ) -> HttpResponse | StreamingResponse:
        """Answer one request. Errors: ClientError."""
        if head.method == "PUT":
            return _response(201, self._reserve(head.client))
        query = parse_qs(head.query_string.decode("latin-1"))
        token = head.client.headers.get(TOKEN_HEADER) or query.get("token", [""])[0]
        session = self.open.get(token)
        if session is None or session.owner != owner_of(head.client.principal):
            raise ClientError("There is no such stream.", code="STREAM_NOT_FOUND")
        if head.method == "GET":
            return self._connect(token, session, head.client.principal)
        if head.method == "DELETE":
            task = session.operations.get(query.get("operationId", [""])[0])
            if task is not None:
                cancel_once(task)
            return _response(200, "")
        self._start(session, params, head.client)
        return _response(202, "")

    def _reserve(self, client: ClientRequest) -> str:
        client_key = client.client_key
        settings = self._streams.settings
        self._streams.check_room()
        if len(self.open) >= settings.max_streams or self._reserved[client_key] >= MAX_RESERVED:
            raise ClientError("The server accepts no more event streams.", code="UNAVAILABLE")
        token = secrets.token_hex(32)
        self.open[token] = session = Session(settings.max_queue, owner_of(client.principal))
        self._reserved[client_key] += 1

        def expire() -> None:
            self._reserved[client_key] -= 1
            if not self._reserved[client_key]:
                del self._reserved[client_key]
            if not session.is_connected:
                del self.open[token]
                for task in session.operations.values():
                    cancel_once(task)

        asyncio.get_running_loop().call_later(settings.init_timeout_s, expire)
        return token

    def _connect(self, token: str, session: Session, principal: Principal) -> StreamingResponse:
        if session.is_connected:
            raise ClientError("The stream is open already.", code="STREAM_CONFLICT")
        self._streams.check_room()
        session.is_connected = True
        response = self._streams.respond_with(session.chunks(), SessionFormat(), principal)
        write = response.write

        async def write_and_close(channel: Channel) -> None:
            try:
                await write(channel)
            finally:
                del self.open[token]
                await session.close()

        response.write = write_and_close
        return response

    def _start(
        self,
        session: Session,
        params: GraphQLParams | list[GraphQLParams] | None,
        client: ClientRequest,
    ) -> None:
        if not isinstance(params, GraphQLParams):
            raise ClientError("Batches are not accepted over event streams.", code="BAD_REQUEST")
        id_ = (params.extensions or {}).get("operationId")
        if not isinstance(id_, str) or not id_:
            raise ClientError("`extensions.operationId` must be a string.", code="BAD_REQUEST")
        if id_ in session.operations:
            raise ClientError(f"Operation with ID {id_!r} already exists.", code="STREAM_CONFLICT")
        if len(session.operations) >= self._streams.settings.max_operations_per_connection:
            raise ClientError("Too many operations on one stream.", code="TOO_MANY_OPERATIONS")
        operation = Operation(params, client, self._streams.serving(client))
        running = RunningStream(self._streams, operation)
        how = OperationFormat(id_)
        task = asyncio.create_task(self._run(session, running, how, client.principal))
        session.operations[id_] = task
        task.add_done_callback(lambda _: session.operations.pop(id_, None))

    async def _run(
        self, session: Session, running: RunningStream, how: OperationFormat, principal: Principal
    ) -> None:
        """One operation, for as long as who asked for it is believed."""
        with leased(self._streams.authenticator, principal) as lease:
            await session.serve_operation(running, how, lease)


def owner_of(principal: Principal) -> Owner:
    """Who may use a stream: a refreshed token is the same owner."""
    return principal.issuer, principal.id, principal.client


def _response(status: int, text: str) -> HttpResponse:
    return text_response(status, text, b"cache-control: no-store\r\n")

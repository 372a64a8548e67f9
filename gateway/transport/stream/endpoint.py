"""Operations over HTTP answers that go on: event streams and multipart, by one loop.

It writes what the formats give, keeps a quiet connection alive, sees that the client has gone, and ends in
good order with the server. Admission is the pipeline's, as for every other transport.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Any

from gateway.answer import Answer, OperationRecord
from gateway.context import Context
from gateway.errors import ClientError
from gateway.pipeline.pipeline import GraphQLParams, Pipeline
from gateway.telemetry.logs import AccessLog
from gateway.transport.http.access import log_line
from gateway.transport.http.asgi import Receive, Send, client_header
from gateway.transport.http.handler import Asked
from gateway.transport.settings import SubscriptionSettings
from gateway.transport.stream.formats import Format
from gateway.transport.tasks import closing, end_all
from gateway.transport.ws.endpoint import MakeContext


class StreamEndpoint:
    """The GraphQL route's answers that go on.

    Args:
        pipeline: Answers operations.
        make_context: Makes the state of one execution.
        settings: What is allowed.
        access_log: Gets one line per operation, when it ends.

    Attributes:
        running: The answers under way.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        make_context: MakeContext,
        settings: SubscriptionSettings,
        access_log: AccessLog,
    ) -> None:
        self.pipeline = pipeline
        self.make_context = make_context
        self.settings = settings
        self.access_log = access_log
        self.running: dict[asyncio.Event, asyncio.Event] = {}
        self._draining = False

    async def respond(
        self, how: Format, params: GraphQLParams, asked: Asked, receive: Receive, send: Send
    ) -> bool:
        """Answer by a stream; False when this operation gets an answer in one piece.

        Errors: ClientError(UNAVAILABLE) beyond the limit.
        """
        everything = how.takes == "every operation"
        if not everything and await self.pipeline.operation_type(params) != how.takes:
            return False
        self.check_room()
        await self._run(params, asked, how, receive, send)
        return True

    def check_room(self) -> None:
        """Errors: ClientError(UNAVAILABLE) when there is room for no other stream."""
        if self._draining or len(self.running) >= self.settings.max_streams:
            raise ClientError("This server takes no more streams.", code="UNAVAILABLE")

    async def _run(
        self, params: GraphQLParams, asked: Asked, how: Format, receive: Receive, send: Send
    ) -> None:
        begin = time.perf_counter()
        operation = Running(self, params, asked)
        try:
            await self.write(operation.chunks(how), how, receive, send)
        finally:
            operation.log(time.perf_counter() - begin)

    async def write(
        self, chunks: AsyncGenerator[bytes, None], how: Any, receive: Receive, send: Send
    ) -> None:
        """Send what a generator gives until it ends, the client goes or the server ends."""
        headers = [(b"content-type", how.content_type), (b"cache-control", b"no-store")]
        # Proxies that collect an answer before they pass it on would keep it for ever.
        headers.append((b"x-accel-buffering", b"no"))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": how.begin, "more_body": True})
        ending, ended = asyncio.Event(), asyncio.Event()
        self.running[ending] = ended
        pump = Pump(chunks, send)
        tasks = [
            asyncio.create_task(task) for task in (pump.run(), disconnected(receive), ending.wait())
        ]
        try:
            while not await finished(tasks, self.settings.heartbeat_s):
                await pump.keep_alive(how.heartbeat)
            whole = tasks[0].done() or self.settings.on_shutdown == "complete"
        finally:
            await end_all(tasks)
            del self.running[ending]
            ended.set()
        # To a client that has gone this does nothing.
        await send({"type": "http.response.body", "body": how.end if whole else b""})

    async def drain(self, timeout_s: float) -> None:
        """End every stream.

        Args:
            timeout_s: What is not over then is cut by the server.
        """
        self._draining = True
        waiting = list(self.running.values())
        for ending in list(self.running):
            ending.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                for ended in waiting:
                    await ended.wait()


class Pump:
    """Sends what a generator gives, from one task: the user's generators may keep to it."""

    def __init__(self, chunks: AsyncGenerator[bytes, None], send: Send) -> None:
        self._chunks = chunks
        self._send = send
        self._is_idle = False

    async def run(self) -> None:
        """Until the generator ends."""
        async with closing(self._chunks):
            self._is_idle = True
            async for chunk in self._chunks:
                self._is_idle = False
                await self._send({"type": "http.response.body", "body": chunk, "more_body": True})
                self._is_idle = True
            self._is_idle = False

    async def keep_alive(self, heartbeat: bytes) -> None:
        """Send a heartbeat, unless a chunk is on its way."""
        if self._is_idle:
            await self._send({"type": "http.response.body", "body": heartbeat, "more_body": True})


class Running:
    """One operation, its answers and its log line.

    Attributes:
        record: What the log says of it.
    """

    def __init__(self, endpoint: StreamEndpoint, params: GraphQLParams, asked: Asked) -> None:
        self._endpoint = endpoint
        self._params = params
        self._asked = asked
        self._first: Context | None = None
        self.record = OperationRecord()

    async def chunks(self, how: Any) -> AsyncGenerator[bytes, None]:
        """The answers as `how` writes them."""
        read_only = self._asked.read_only
        result = await self._endpoint.pipeline.subscribe(
            self._params, self._new_context, read_only=read_only, payloads=how.payloads
        )
        self.record = result.record
        if isinstance(result, Answer):
            yield how.next(result.body)
            return
        async with closing(result):
            async for answer in result:
                yield how.next(answer.body) if answer.has_data else how.fail(answer.body)

    async def _new_context(self) -> Context:
        asked = self._asked
        context = await self._endpoint.make_context(
            asked.headers,
            asked.header_values,
            asked.request_id,
            client_header(asked.headers, "name"),
            client_header(asked.headers, "version"),
        )
        self._first = self._first or context
        return context

    def log(self, duration_s: float) -> None:
        """Write the line of the operation that has ended."""
        line = log_line(self.record, self._first, self._asked.request_id, 200, duration_s)
        self._endpoint.access_log.write(line)


async def finished(tasks: list[asyncio.Task[Any]], timeout_s: float) -> bool:
    """Wait for the first of some tasks; False when none is done in time."""
    done, _ = await asyncio.wait(tasks, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    return bool(done)


async def disconnected(receive: Receive) -> None:
    """Wait until the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass

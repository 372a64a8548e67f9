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

from gateway.auth.authenticator import Authenticator
from gateway.auth.leases import Lease
from gateway.auth.principal import Principal
from gateway.concurrency.awaitable import value_of
from gateway.concurrency.tasks import closing, end_all
from gateway.context import Context
from gateway.errors import ClientError, RequestError
from gateway.pipeline.operation import Operation
from gateway.pipeline.serving import CurrentServing
from gateway.pipeline.subscriptions import kind_of
from gateway.response.record import Answer
from gateway.telemetry.logs import AccessLog
from gateway.transport.expiry import expired_body, leased
from gateway.transport.http.access import log_line
from gateway.transport.http.respond import Channel, StreamingResponse
from gateway.transport.settings import SubscriptionSettings
from gateway.transport.stream.formats import StreamFormat

# Proxies that collect an answer before they pass it on would keep it for ever.
HEAD = b"content-type: %b\r\ncache-control: no-store\r\nx-accel-buffering: no\r\n"


class StreamEndpoint:
    """The GraphQL route's answers that go on.

    Args:
        serving: What a request that begins now is answered by.
        settings: What is allowed.
        access_log: Gets one line per operation, when it ends.
        authenticator: Says how long a principal is believed.

    Attributes:
        running: The answers under way.
    """

    def __init__(
        self,
        serving: CurrentServing,
        settings: SubscriptionSettings,
        access_log: AccessLog,
        authenticator: Authenticator | None = None,
    ) -> None:
        self.serving = serving
        self.settings = settings
        self.access_log = access_log
        self.authenticator = authenticator
        self.running: dict[asyncio.Event, asyncio.Event] = {}
        self._draining = False

    async def takes(self, how: StreamFormat, operation: Operation, *, is_only: bool) -> bool:
        """Whether a format is for this operation.

        Args:
            how: The format.
            operation: The client's.
            is_only: Whether the client accepts no other: then payloads may be one.

        Errors: ClientError with a status that has to be told before the stream begins: 429, 503.
        """
        pipeline = operation.serving.pipeline
        kinds = {how.takes}
        if is_only and how.takes == "incremental":
            kinds |= {"query", "mutation"}
        try:
            pipeline.admission.check(operation.client.client_key)
            await value_of(pipeline.document(operation))
        except (ClientError, RequestError) as exc:
            if isinstance(exc, ClientError) and exc.http_status in (429, 503):
                raise
            return how.takes == "every operation" or "query" in kinds  # the stream tells it
        kind = kind_of(operation.prepared)
        if how.takes != "every operation" and kind not in kinds:
            return False
        self.check_room()
        return True

    def check_room(self) -> None:
        """Errors: ClientError(UNAVAILABLE) when there is room for no other stream."""
        if self._draining or len(self.running) >= self.settings.max_streams:
            raise ClientError("The server accepts no more event streams.", code="UNAVAILABLE")

    def respond(self, how: StreamFormat, operation: Operation) -> StreamingResponse:
        """The answer to an operation that a format takes."""

        async def write(channel: Channel) -> None:
            begin = time.perf_counter()
            running = RunningStream(self, operation)
            try:
                with leased(self.authenticator, operation.client.principal) as lease:
                    await self.write(running.chunks(how), how, channel, lease)
            finally:
                running.log(time.perf_counter() - begin)

        return StreamingResponse(HEAD % how.content_type, write)

    def respond_with(
        self, chunks: AsyncGenerator[bytes, None], how: Any, principal: Principal
    ) -> StreamingResponse:
        """The answer that a generator gives."""

        async def write(channel: Channel) -> None:
            with leased(self.authenticator, principal) as lease:
                await self.write(chunks, how, channel, lease)

        return StreamingResponse(HEAD % how.content_type, write)

    async def write(
        self,
        chunks: AsyncGenerator[bytes, None],
        how: Any,
        channel: Channel,
        lease: Lease | None = None,
    ) -> None:
        """Send what a generator gives until it ends, the client goes, its token or key ends, or the server does."""
        await channel.send(how.begin)
        ending, ended = asyncio.Event(), asyncio.Event()
        self.running[ending] = ended
        pump = Pump(chunks, channel)
        tasks = [
            asyncio.create_task(task)
            for task in (pump.pump(), channel.disconnected(), ending.wait())
        ]
        if lease is not None:
            tasks.append(asyncio.create_task(lease.ended.wait()))
        try:
            while not await finished(tasks, self.settings.heartbeat_s):
                await pump.keep_alive(how.heartbeat)
            is_expired = lease is not None and lease.ended.is_set() and not tasks[0].done()
            whole = tasks[0].done() or is_expired or self.settings.on_shutdown == "complete"
        finally:
            await end_all(tasks)
            del self.running[ending]
            ended.set()
        if is_expired:
            await channel.send(how.fail(expired_body()))
        if whole:
            await channel.send(how.end)  # to a client that has gone this does nothing

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

    def __init__(self, chunks: AsyncGenerator[bytes, None], channel: Channel) -> None:
        self._chunks = chunks
        self._channel = channel
        self._is_idle = False

    async def pump(self) -> None:
        """Until the generator ends."""
        async with closing(self._chunks):
            self._is_idle = True
            async for chunk in self._chunks:
                self._is_idle = False
                await self._channel.send(chunk)
                self._is_idle = True
            self._is_idle = False

    async def keep_alive(self, heartbeat: bytes) -> None:
        """Send a heartbeat, unless a chunk is on its way."""
        if self._is_idle:
            await self._channel.send(heartbeat)


class RunningStream:
    """One operation, its answers and its log line."""

    def __init__(self, endpoint: StreamEndpoint, operation: Operation) -> None:
        self._endpoint = endpoint
        self._operation = operation
        self._first: Context | None = None
        self._record = operation.record
        self._sent = 0

    async def chunks(self, how: Any) -> AsyncGenerator[bytes, None]:
        """The answers as `how` writes them."""
        result = await self._operation.serving.subscriptions.answer(
            self._operation, self._new_context, how.payloads
        )
        self._record = result.record
        if isinstance(result, Answer):
            self._sent = len(result.body)
            yield how.only(result.body)
            return
        async with closing(result):
            async for answer in result:
                self._sent += len(answer.body)
                yield how.next(answer.body) if answer.has_data else how.fail(answer.body)

    async def _new_context(self) -> Context:
        context = await value_of(self._operation.serving.new_context(self._operation.client))
        self._first = self._first or context
        return context

    def log(self, duration_s: float) -> None:
        """Write the line of the operation that has ended."""
        client = self._operation.client
        self._endpoint.access_log.write(
            log_line, self._record, self._first, client, 200, duration_s, self._sent
        )


async def finished(tasks: list[asyncio.Task[Any]], timeout_s: float) -> bool:
    """Wait for the first of some tasks; False when none is done in time."""
    done, _ = await asyncio.wait(tasks, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    return bool(done)

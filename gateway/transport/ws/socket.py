"""One open socket: the I/O around `ws_state`, one task for each operation.

Everything that the protocol says is in the state table; here are limits, time, tasks and the log.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any

import orjson

from gateway.concurrency.awaitable import value_of
from gateway.concurrency.tasks import cancel_once, closing, end_all
from gateway.context import Context
from gateway.errors import ClientError
from gateway.pipeline.checks import reject
from gateway.pipeline.operation import GraphQLParams, Operation
from gateway.response.record import Answer, OperationRecord
from gateway.transport.asgi import Receive, Send
from gateway.transport.expiry import REASON, ending, leased
from gateway.transport.http.access import log_line
from gateway.transport.http.forwarded import Peer
from gateway.transport.http.head import RawHead
from gateway.transport.http.params import checked_params
from gateway.transport.ws import state as ws_state
from gateway.transport.ws.client import SocketClient
from gateway.transport.ws.state import Close, SocketProtocol
from gateway.transport.ws.state import SocketOperation as SocketOperation

if TYPE_CHECKING:
    from gateway.transport.ws.endpoint import WebSocketEndpoint

EXPIRY_GRACE_S = 5.0
"""What was begun with a token may take so long after its end."""


class Socket:
    """One open socket."""

    def __init__(
        self,
        endpoint: WebSocketEndpoint,
        receive: Receive,
        send: Send,
        raw: RawHead,
        peer: Peer,
    ) -> None:
        self._endpoint = endpoint
        self._receive = receive
        self._send = send
        self._client = SocketClient(raw, peer)
        self._leases = ExitStack()
        self._connection = SocketProtocol(endpoint.settings.max_operations_per_connection)
        self._tasks: dict[SocketOperation, asyncio.Task[None]] = {}
        self._streaming: set[SocketOperation] = set()
        self._draining = self._has_expired = False

    async def serve(self) -> None:
        """Until the socket is closed by either side. Errors: OSError when the client is gone."""
        try:
            async with asyncio.timeout(self._endpoint.settings.init_timeout_s) as timer:
                # No name here for the message: it would stay until the next one comes.
                while await self._take(await self._receive(), timer):
                    pass
        except TimeoutError:
            if not timer.expired():
                raise
            await self._close(self._connection.time_out())

    async def _take(self, message: Any, timer: asyncio.Timeout) -> bool:
        """Do what a message asks for; False when there will be no other."""
        if message["type"] == "websocket.disconnect":
            return False
        text = message.get("text")
        received: str | bytes = text if text is not None else message.get("bytes") or b""
        if len(received) > self._most_bytes():
            await self._close(self._connection.close(ws_state.TOO_LARGE))
            return True
        match self._connection.receive(received):
            case Close() as close:
                await self._close(close)
            case ws_state.Reply(text=reply):
                await self._send_text(reply)
            case ws_state.Initialise(params=params):
                timer.reschedule(None)
                await self._initialize(params)
            case SocketOperation() as operation:
                await self._start(operation, size_of(received))
            case ws_state.Cancel(operation=operation):
                self._stop(operation)
            case ws_state.Refuse(id=id_):
                most = self._endpoint.settings.max_operations_per_connection
                error = ClientError(
                    f"More than subscription.max_operations_per_connection, {most}, on one socket.",
                    code="TOO_MANY_OPERATIONS",
                )
                answer = reject(self._endpoint.serving().pipeline.mask, error, OperationRecord())
                await self._send_text(ws_state.refusal(id_, errors_of(answer)))
        return True

    def _most_bytes(self) -> int:
        """Of the next message: what introduces the client is kept for as long as the socket is open."""
        settings = self._endpoint.settings
        if self._connection.state is ws_state.SocketState.OPENED:
            return settings.max_init_bytes
        return settings.max_message_bytes

    async def _initialize(self, params: dict[str, Any]) -> None:
        """Take the client's parameters, if a context can be made with them."""
        try:
            endpoint = self._endpoint
            await self._client.introduce(params, endpoint.authenticator, endpoint.hooks)
            client = self._client.request()
            await value_of(self._endpoint.serving(client).new_context(client))
        except ClientError as exc:
            forbidden = Close(ws_state.FORBIDDEN.code, exc.message)
            await self._close(self._connection.close(forbidden))
        except Exception as exc:  # a context factory is the user's code
            reject(self._endpoint.serving().pipeline.mask, exc, OperationRecord())  # logs it
            await self._close(self._connection.close(ws_state.INTERNAL_ERROR))
        else:
            lease = self._leases.enter_context(
                leased(self._endpoint.authenticator, self._client.principal)
            )
            self._leases.enter_context(ending(lease, self._expire))
            await self._send_text(self._connection.acknowledge())

    async def _expire(self) -> None:
        """Its token or key has ended: so do its streams at once, and the socket when what is under way has answered.

        An operation is told no error: that would be its end for graphql-ws, which else comes back with a fresh token
        and goes on with all of them. It would send a mutation again, which is why those are waited for.
        """
        self._draining = self._has_expired = True
        for operation in list(self._streaming):
            self._stop(operation)
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=EXPIRY_GRACE_S)
        for operation in list(self._tasks):
            self._stop(operation)
        with suppress(OSError):  # the client is gone
            await self._close(self._connection.close(Close(ws_state.FORBIDDEN.code, REASON)))

    async def _start(self, operation: SocketOperation, size: int) -> None:
        try:
            params = checked_params(operation.payload)
            operation.payload.clear()  # what else was sent is not kept for as long as the operation
        except ClientError as exc:
            await self._close(self._connection.close(Close(4400, exc.message)))
            return
        if self._draining:
            return  # the close that follows tells the client to ask elsewhere
        task = asyncio.create_task(self._run(operation, params, size))
        self._tasks[operation] = task
        task.add_done_callback(lambda _: self._tasks.pop(operation, None))

    def _stop(self, operation: SocketOperation) -> None:
        task = self._tasks.get(operation)
        if task is not None:
            cancel_once(task)

    async def _run(self, operation: SocketOperation, params: GraphQLParams, size: int) -> None:
        """One operation, from its first answer to its log line."""
        begin = time.perf_counter()
        client = self._client.request(size)
        operation_ = Operation(params, client, self._endpoint.serving(client))
        made: list[Context] = []
        sent = 0

        async def new_context() -> Context:
            context = await value_of(operation_.serving.new_context(client))
            if not made:
                made.append(context)
            return context

        record, status = OperationRecord(), 200
        try:
            result = await operation_.serving.subscriptions.answer(operation_, new_context)
            record = result.record
            if isinstance(result, Answer):
                status, sent = result.status, len(result.body)
                await self._answer(operation, result)
            else:
                self._streaming.add(operation)
                async with closing(result):
                    if self._has_expired:
                        return
                    async for answer in result:
                        sent += len(answer.body)
                        if not await self._answer(operation, answer):
                            break
            await self._send_text(self._connection.complete(operation))
        except OSError:
            pass  # the client is gone
        finally:
            self._streaming.discard(operation)
            self._endpoint.access_log.write(
                log_line,
                record,
                made[0] if made else None,
                client,
                status,
                time.perf_counter() - begin,
                sent,
            )

    async def _answer(self, operation: SocketOperation, answer: Answer) -> bool:
        """Send one answer; False when it was the operation's last: nothing was executed."""
        if answer.has_data:
            await self._send_text(self._connection.next(operation, answer.body))
        else:
            await self._send_text(self._connection.error(operation, errors_of(answer)))
        return answer.has_data

    async def _send_text(self, text: str | None) -> None:
        if text is not None:
            await self._send({"type": "websocket.send", "text": text})

    async def _close(self, close: Close | None) -> None:
        if close is not None:
            await self._send(
                {"type": "websocket.close", "code": close.code, "reason": close.reason}
            )

    async def drain(self, timeout_s: float) -> None:
        """End the socket in good order."""
        self._draining = True
        try:
            async with asyncio.timeout(timeout_s):
                for operation in list(self._streaming):
                    if self._endpoint.settings.on_shutdown == "complete":
                        await self._send_text(self._connection.complete(operation))
                    self._stop(operation)
                if self._tasks:
                    await asyncio.wait(self._tasks.values())
                if self._connection.state is not ws_state.SocketState.CLOSED:
                    await self._close(self._connection.close(ws_state.GOING_AWAY))
        except (TimeoutError, OSError):
            pass  # a client that does not read, or is gone: the server cuts it

    async def cancel(self) -> None:
        """End every operation: there is nobody to answer."""
        self._leases.close()
        await end_all(list(self._tasks.values()))


def size_of(message: str | bytes) -> int:
    """How many bytes a message has."""
    return (
        len(message) if isinstance(message, bytes) or message.isascii() else len(message.encode())
    )


def errors_of(answer: Answer) -> list[Any]:
    """The formatted errors of a request error."""
    errors: list[Any] = orjson.loads(answer.body)["errors"]
    return errors

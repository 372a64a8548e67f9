"""The handler under any ASGI server: reads a body when the head wants one, sends what the handler answers.

Framing, deadlines and caps of connections are the server's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass

from gateway.concurrency.awaitable import is_awaitable
from gateway.errors import ClientError
from gateway.transport.asgi import ClientDisconnectedError, Receive, Scope, Send
from gateway.transport.http.body import read_body
from gateway.transport.http.forwarded import Peer, peer_of
from gateway.transport.http.handler import Answered, Handler
from gateway.transport.http.message_head import repeat_header
from gateway.transport.http.respond import HttpResponse, StreamingResponse, headers_of

SCHEMES = {"http": "http", "ws": "http", "https": "https", "wss": "https"}


async def serve_http(handler: Handler, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one request."""
    raw = raw_head(scope)
    size = sum(len(name) + len(value) + 4 for name, value in scope["headers"])
    size += len(scope["query_string"]) + len(raw.path)
    most = handler.http.max_header_bytes
    head = (
        handler.reject_framing(431, f"The head is larger than {most} bytes.", raw.peer)
        if size > most
        else handler.parse_head(raw)
    )
    if isinstance(head, HttpResponse):
        await send_response(head, send, is_head=raw.method == "HEAD")
        return
    body: bytes | Receive = receive
    if head.body != "form":
        try:
            body = await read_body(receive, handler.http.max_body_bytes)
        except ClientDisconnectedError:
            return
        except ClientError as exc:
            await send_response(handler.reject(head, exc), send, is_head=raw.method == "HEAD")
            return
    answer = handler.handle(head, body)
    if is_awaitable(answer):
        # A form's rest is read by the operation: nobody else may ask for it.
        watched = receive if head.body != "form" else None
        found = await until_disconnected(answer, watched)
        if found is None:
            return
        answer = found
    if isinstance(answer, HttpResponse):
        await send_response(answer, send, is_head=raw.method == "HEAD")
    else:
        await send_stream(answer, receive, send)


async def until_disconnected(
    coming: Awaitable[Answered], receive: Receive | None
) -> Answered | None:
    """The answer; None when the client has gone before, and then its work is ended."""
    if receive is None:
        return await coming
    work = asyncio.ensure_future(coming)
    gone = asyncio.ensure_future(disconnected(receive))
    try:
        await asyncio.wait((work, gone), return_when=asyncio.FIRST_COMPLETED)
        return work.result() if work.done() else None
    finally:
        gone.cancel()
        work.cancel()
        await asyncio.gather(work, gone, return_exceptions=True)


async def disconnected(receive: Receive) -> None:
    """Wait until the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


class AsgiChannel:
    """Where an answer that goes on is written."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send

    async def send(self, data: bytes) -> None:
        """Write on."""
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def disconnected(self) -> None:
        """Return when the client has gone."""
        await disconnected(self._receive)


async def send_response(response: HttpResponse, send: Send, *, is_head: bool = False) -> None:
    """Send an answer in one piece."""
    headers = headers_of(response.head)
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if is_head else response.body})


async def send_stream(response: StreamingResponse, receive: Receive, send: Send) -> None:
    """Send an answer that goes on."""
    headers = headers_of(response.head)
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await response.write(AsgiChannel(receive, send))
    await send({"type": "http.response.body", "body": b""})  # to a client that has gone: nothing


@dataclass(slots=True)
class ScopeHead:
    """A scope's head: as `RawHead`."""

    method: str
    path: str
    query_string: bytes
    headers: dict[str, str]
    repeated: dict[str, list[str]] | None
    peer: Peer
    root_path: str


def raw_head(scope: Scope) -> ScopeHead:
    """A scope's head."""
    path, root = scope["path"], scope.get("root_path", "")
    if root and path.startswith(root) and path[len(root) :][:1] in ("", "/"):
        path = path[len(root) :]
    headers, repeated = read_headers(scope["headers"])
    client = scope.get("client")
    scheme = SCHEMES.get(scope.get("scheme", ""), "")
    peer = peer_of(client[0] if client else "", scheme)
    method = scope.get("method", "GET")  # a WebSocket's handshake is one
    return ScopeHead(method, path, scope["query_string"], headers, repeated, peer, root)


def read_headers(
    raw: Sequence[tuple[bytes, bytes]],
) -> tuple[dict[str, str], dict[str, list[str]]]:
    """ASGI's headers by name; and the values of those that stand more than once."""
    headers: dict[str, str] = {}
    repeated: dict[str, list[str]] = {}
    for raw_name, raw_value in raw:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        if name in headers:
            repeat_header(headers, repeated, name, value)
        else:
            headers[name] = value
    return headers, repeated

"""A scripted HTTP server on a real socket: each connection is a function of the test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
import uvloop

from gateway.client.request import ClientRequest
from gateway.context import Context
from gateway.upstream.client import Upstream
from gateway.upstream.settings import SourceSettings

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Server:
    """What the scripts saw, and where they listen."""

    def __init__(self) -> None:
        self.url = ""
        self.connections = 0
        self.heads: list[bytes] = []
        self.bodies: list[bytes] = []

    async def read_request(self, reader: asyncio.StreamReader) -> bytes:
        """One request's head, kept with its body. Errors: IncompleteReadError at the end."""
        head = await reader.readuntil(b"\r\n\r\n")
        self.heads.append(head)
        body = b""
        lower = head.lower()
        if b"content-length:" in lower:
            length = int(lower.partition(b"content-length:")[2].partition(b"\r\n")[0])
            body = await reader.readexactly(length)
        elif b"transfer-encoding: chunked" in lower:
            while size := int(await reader.readline(), 16):
                body += await reader.readexactly(size)
                await reader.readexactly(2)
            await reader.readexactly(2)
        self.bodies.append(body)
        return head


def answer(body: bytes = b"{}", status: bytes = b"200 OK", *headers: bytes) -> bytes:
    """A whole response with a length."""
    lines = [b"HTTP/1.1 " + status, b"content-length: %d" % len(body), *headers, b"", b""]
    return b"\r\n".join(lines) + body


@asynccontextmanager
async def serving(
    script: Callable[[Server, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[Server]:
    """A server whose every connection runs `script`."""
    state = Server()
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        state.connections += 1
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await script(state, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            tasks.discard(task)
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    state.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield state
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def upstream_of(**settings: object) -> AsyncIterator[tuple[Upstream, Context]]:
    """An `Upstream` with one source, `s`, and a request's context.

    It sends no deadline header but where that is asked for: its value is another in every call.
    """
    made = Upstream({"s": SourceSettings(**{"deadline_header": "", **settings})})  # type: ignore[arg-type]
    await made.open()
    loop = asyncio.get_running_loop()
    context = Context(
        ClientRequest({}, request_id="r"),
        deadline=loop.time() + 10,
        upstream=made,
        config={},
        source_urls={},
        state={},
    )
    try:
        yield made, context
    finally:
        await made.aclose()


@pytest_asyncio.fixture
async def upstream() -> AsyncIterator[tuple[Upstream, Context]]:
    async with upstream_of() as made:
        yield made


def pytest_asyncio_loop_factories(
    item: pytest.Item,
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Conformance holds on both loops: uvloop serves, asyncio is what other programs run."""
    if item.path.name.startswith("test_conformance"):
        return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
    return {"asyncio": asyncio.new_event_loop}

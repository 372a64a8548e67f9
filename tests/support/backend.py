"""A backend on a real socket that answers from a table and keeps the very bytes that it was asked with."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from inspect import isawaitable
from typing import Any


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it stood on the wire.

    Attributes:
        target: The request target, undecoded.
        headers: Names in lower case, in order.
    """

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def line(self) -> str:
        """Method, target and body, if any, in one line."""
        return f"{self.method} {self.target} {self.body.decode()}".rstrip()


@dataclass(frozen=True, slots=True)
class Answer:
    """One canned answer. A body that is not bytes is sent as JSON."""

    body: Any = None
    status: int = 200
    headers: tuple[tuple[str, str], ...] = (("content-type", "application/json"),)


Answerer = Callable[[Asked], Any]


@dataclass(slots=True)
class Backend:
    """Where it listens, what it answers, and what it was asked."""

    answers: Mapping[str, Any] | Answerer
    url: str = ""
    asked: list[Asked] = field(default_factory=list)

    async def answer(self, asked: Asked) -> Answer:
        """The table's answer by `METHOD target`, then by target; 404 without one."""
        if callable(self.answers):
            found = self.answers(asked)
            if isawaitable(found):
                found = await found
        else:
            missing = Answer({"error": "not found"}, 404)
            found = self.answers.get(asked.target, missing)
            found = self.answers.get(f"{asked.method} {asked.target}", found)
        return found if isinstance(found, Answer) else Answer(found)


async def _request(reader: asyncio.StreamReader) -> Asked | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionResetError):
        return None
    first, *lines = head[:-4].decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = tuple((name.lower(), value) for name, value in (ln.split(": ", 1) for ln in lines))
    body = b""
    for name, value in headers:
        if name == "content-length":
            body = await reader.readexactly(int(value))
    return Asked(method, target, headers, body)


def _written(answer: Answer) -> bytes:
    body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
    lines = [f"HTTP/1.1 {answer.status} Canned"]
    if answer.status != 204:
        lines.append(f"content-length: {len(body)}")
    lines += [f"{name}: {value}" for name, value in answer.headers]
    head = "\r\n".join([*lines, "", ""]).encode("latin-1")
    return head if answer.status == 204 else head + body


@asynccontextmanager
async def backend(answers: Mapping[str, Any] | Answerer) -> AsyncIterator[Backend]:
    """A backend for the time of a `with` block."""
    state = Backend(answers)
    tasks: set[asyncio.Task[Any]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            while (asked := await _request(reader)) is not None:
                state.asked.append(asked)
                writer.write(_written(await state.answer(asked)))
                await writer.drain()
        except asyncio.CancelledError:
            pass  # the block has ended; asyncio's own callback would report it
        finally:
            writer.close()
            tasks.discard(task)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    state.url = f"http://127.0.0.1:{port}"
    try:
        yield state
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # transports that were closed say so in the next turn

"""Plays a case: the project is written, served and asked over sockets, with a real backend behind it."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import tomllib
from collections import defaultdict, deque
from collections.abc import Iterable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import orjson

from tests.cases.case import ABSENT, Call, Case, Message
from tests.support.backend import Answer, Asked, Backend, backend
from tests.support.serving import toml
from tests.transport.served import served
from tests.transport.wire.client import TIME_S, Client

BACKEND = "http://backend.example"
# So many turns of the loop, and a request is as far as it comes without its backend.
TURNS = 50
STREAMS = ("text/event-stream", "multipart/mixed")
ERROR_ID = re.compile(r'(?<="errorId":")[0-9a-f]{16}(?=")')
LEFT = "…"


class Reader(Client):
    """A client that may leave a stream after what it wanted to hear."""

    async def response(self, method: str, until: str | None) -> Message:
        """The next answer; with `until`, as much of its body as that text has."""
        status, headers = await self._head()
        body = b""
        if until is None:
            body = await self._body(status, headers, method)
        else:
            while len(body.replace(b"\r\n", b"\n")) < len(until.encode()):
                async with asyncio.timeout(TIME_S):
                    body += await self.exactly(int(await self._until(b"\r\n"), 16))
                    await self.exactly(2)
        coding = headers.get("content-encoding")
        body = httpx.Response(200, headers={"content-encoding": coding or ""}, content=body).content
        return Message(str(status), tuple(headers.items()), _text(body))


class Gate:
    """Answers from the case's table, when all requests that are sent together are under way."""

    def __init__(self, calls: Iterable[Call]) -> None:
        self._left: defaultdict[str, deque[Message]] = defaultdict(deque)
        for call in calls:
            self._left[call.request.line].append(call.answer)
        self.opened = asyncio.Event()

    async def answer(self, asked: Asked) -> Answer:
        """The next answer to this call; 404 to one that the case has not."""
        await self.opened.wait()
        answers = self._left[asked.line]
        if not answers:
            return Answer({"error": f"the case has no such call: {asked.line}"}, 404)
        found = answers.popleft()
        headers = dict(found.headers)
        headers.setdefault("content-type", "application/json")
        status = int(found.first.split()[0])
        return Answer(found.body.encode(), status, tuple(headers.items()))


async def play(case: Case, folder: Path, protocol: Any) -> tuple[list[list[Message]], list[Asked]]:
    """What the requests of a case are answered, and what the backend was asked.

    Args:
        case: The case.
        folder: For its project.
        protocol: The server's protocol class, as `served` takes it.
    """
    gate = Gate(case.calls)
    async with backend(gate.answer) as source:
        config = write_project(case, folder, source)
        async with served(config, protocol) as server, AsyncExitStack() as stack:
            responses = []
            for requests, expected in case.exchanges:
                gate.opened.clear()
                clients = [await _send(server.port, request, stack) for request in requests]
                gate.opened.set()
                responses.append(
                    [
                        await client.response(request.first.split()[0], _wanted(wanted))
                        for client, request, wanted in zip(
                            clients, requests, _padded(expected, len(requests)), strict=True
                        )
                    ]
                )
        return responses, source.asked


def write_project(case: Case, folder: Path, source: Backend) -> Path:
    """Schema, resolvers, files and `gateway.toml`, with the backend's address in them."""
    tables = tomllib.loads(case.settings.replace(BACKEND, source.url))
    graph = tables.setdefault("graph", {})
    graph["schema"] = ["schema.graphql"]
    (folder / "schema.graphql").write_text(case.schema.replace(BACKEND, source.url))
    if case.resolvers:
        sys.modules.pop("case_resolvers", None)
        graph["resolvers"] = "case_resolvers"
        (folder / "case_resolvers.py").write_text(case.resolvers)
    for name, content in case.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    logs = {"access": "off", "errors": str(folder / "errors.log")}
    tables["logs"] = {**logs, **tables.get("logs", {})}
    (folder / "gateway.toml").write_text(toml(tables))
    return folder / "gateway.toml"


async def _send(port: int, request: Message, stack: AsyncExitStack) -> Reader:
    loop = asyncio.get_running_loop()
    transport, client = await loop.create_connection(Reader, "127.0.0.1", port)
    stack.callback(transport.abort)
    headers = [("host", "gateway.example"), *request.headers]
    body = request.body.encode()
    if dict(request.headers).get("content-type", "").startswith("multipart/"):
        body = body.replace(b"\n", b"\r\n") + b"\r\n"
    if request.first.split()[0] in ("POST", "PUT", "PATCH"):
        headers.append(("content-length", str(len(body))))
    head = [f"{request.first} HTTP/1.1", *(f"{name}: {value}" for name, value in headers), "", ""]
    transport.write("\r\n".join(head).encode() + body)
    for _ in range(TURNS):
        await asyncio.sleep(0)
    return client


def _padded(expected: list[Message], count: int) -> list[Message | None]:
    """The written responses, None where there is none yet."""
    return [*expected, *[None] * (count - len(expected))]


def _wanted(expected: Message | None) -> str | None:
    """What is read of a stream that goes on; None for all of the answer."""
    if expected is None or not expected.body.endswith(LEFT):
        return None
    return expected.body.removesuffix(LEFT).rstrip("\n") + "\n\n"


def _text(body: bytes) -> str:
    """A body as cases write it: lines end with LF, ids are the same each time."""
    return ERROR_ID.sub("(id)", body.decode().replace("\r\n", "\n")).rstrip("\n")


def differences(expected: Message, got: Message) -> list[str]:
    """What is not as it is written, in words."""
    found = [] if got.first == expected.first else [f"status {got.first}, not {expected.first}"]
    headers = dict(got.headers)
    for name, value in expected.headers:
        if headers.get(name, ABSENT) != value:
            found.append(f"{name}: {headers.get(name, ABSENT)}, not {value}")
    wanted = compact(expected.body.removesuffix(LEFT).rstrip("\n"))
    if got.body != wanted:
        found.append(f"body\n{got.body}\nnot\n{wanted}")
    return found


def compact(body: str) -> str:
    """JSON as it is sent, without the line breaks and spaces of the page; any other text as it stands."""
    try:
        return orjson.dumps(json.loads(body)).decode()
    except ValueError:
        return body

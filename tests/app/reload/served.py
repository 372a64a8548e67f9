"""A `gateway serve` of several workers whose files change, for tests."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

ADMIN_KEY = "the key of the tests, long enough"
ROOT = Path(__file__).resolve().parents[3]


def free_port() -> int:
    """A port that nobody has now."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


class Server:
    """The processes of one server.

    Attributes:
        url: The endpoint.
        process: The one that starts the workers.
        log: What was written to standard error, line by line.
    """

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        port: int,
        admin: int,
        http: aiohttp.ClientSession,
    ) -> None:
        self.process = process
        self.url = f"http://127.0.0.1:{port}/graphql"
        self.admin_url = f"http://127.0.0.1:{admin}"
        self.log: list[str] = []
        self.http = http
        self._log_grew = asyncio.Event()
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            self.log.append(line.decode())
            self._log_grew.set()
        self._log_grew.set()

    async def logged(self, text: str) -> str:
        """Wait for a line that holds a text."""
        async with asyncio.timeout(90):
            while True:
                for line in self.log:
                    if text in line:
                        return line
                assert not self._reading.done(), self.log
                self._log_grew.clear()
                await self._log_grew.wait()

    async def query(self, query: str) -> Any:
        """One request on a connection of its own, so that any worker may answer it."""
        async with self.http.post(self.url, json={"query": query}) as answer:
            return await answer.json()

    async def command(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        """One command of the admin port."""
        headers = {"authorization": f"Bearer {ADMIN_KEY}"}
        async with self.http.request(
            method, self.admin_url + path, headers=headers, **options
        ) as answer:
            return answer.status, await answer.json()

    async def pids(self, number: int) -> set[int]:
        """The workers that answer, when there are so many."""
        found: set[int] = set()
        async with asyncio.timeout(60):
            while len(found) < number:
                answers = await asyncio.gather(*(self.query("{ pid }") for _ in range(8)))
                found |= {answer["data"]["pid"] for answer in answers}
        return found

    async def until_served(self, query: str, wanted: Any, answers: int = 24) -> None:
        """Wait until so many answers in a row are as wanted, whichever worker gives them."""
        async with asyncio.timeout(60):
            count = 0
            while count < answers:
                given = await self.query(query)
                count = count + 1 if given.get("data") == wanted else 0

    async def end(self) -> int:
        """Tell it to end; gives the exit code."""
        self.process.send_signal(signal.SIGTERM)
        code = await asyncio.wait_for(self.process.wait(), 60)
        await self._reading
        return code


@asynccontextmanager
async def server_of(
    config: Path, *, workers: int = 2, env: Mapping[str, str] | None = None
) -> AsyncIterator[Server]:
    """A server for the time of a `with` block."""
    port, admin = free_port(), free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway", "serve", "--config", str(config),
        "--workers", str(workers), "--port", str(port),
        env={
            **os.environ,
            "GATEWAY_ADMIN__PORT": str(admin),
            "GATEWAY_ADMIN__KEYS": f'{{"tests": "{ADMIN_KEY}"}}',
            "GATEWAY_TELEMETRY__METRICS__PORT": str(free_port()),
            **(env or {}),
        },
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE, cwd=ROOT,
    )  # fmt: skip
    connector = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(connector=connector) as http:
        server = Server(process, port, admin, http)
        try:
            await server.logged("Ctrl-C ends it")
            yield server
        finally:
            if process.returncode is None:
                await server.end()

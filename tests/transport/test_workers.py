"""Four worker processes of one server: every subscriber gets every event, whichever worker it is published in."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest

from tests.transport.sockets import Client, connected
from tests.transport.stream_project import stream_project

WORKERS = 4


async def serving(url: str) -> None:
    """Wait until the server answers."""
    async with aiohttp.ClientSession() as session, asyncio.timeout(60):
        while True:
            try:
                async with session.post(url, json={"query": "{ pid }"}) as answer:
                    await answer.read()
                    return
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.05)


async def pid_of(client: Client) -> int:
    """The worker that a socket is in."""
    await client.subscribe("{ pid }", "pid")
    found: int = (await client.hear())["payload"]["data"]["pid"]
    await client.hear()
    return found


async def check_workers(url: str) -> None:
    """Sockets in every worker hear what is said in each of them."""
    async with AsyncExitStack() as stack:
        by_worker: dict[int, list[Client]] = {}
        clients: list[Client] = []
        async with asyncio.timeout(60):
            # Whichever worker is free takes a socket: some are opened until each has one.
            while len(by_worker) < WORKERS:
                clients.append(await stack.enter_async_context(connected(url)))
                by_worker.setdefault(await pid_of(clients[-1]), []).append(clients[-1])
        for client in clients:
            await client.subscribe("subscription { said { text } }", "said")
            await client.send(type="ping")
            assert await client.hear() == {"type": "pong"}
        for pid, (speaker, *_) in by_worker.items():
            await speaker.subscribe(f'mutation {{ say(text: "from {pid}") }}', "say")
            for client in clients:
                heard = [await client.hear()]
                while heard[-1]["id"] != "said":
                    heard.append(await client.hear())
                assert heard[-1]["payload"]["data"] == {"said": {"text": f"from {pid}"}}
                if client is speaker:
                    while len(heard) < 3:
                        heard.append(await client.hear())


async def test_every_subscriber_of_four_workers_gets_every_event(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with stream_project(tmp_path) as config:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "gateway", "serve", "--config", str(config),
            "--workers", str(WORKERS), "--port", str(port),
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            url = f"http://127.0.0.1:{port}/graphql"
            await serving(url)
            await check_workers(url)
        finally:
            process.send_signal(signal.SIGTERM)
            _, errors = await asyncio.wait_for(process.communicate(), 60)
    assert b"Traceback" not in errors
    assert process.returncode == 0


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_a_server_that_is_told_to_end_leaves_no_folder(workers: str, tmp_path: Path) -> None:
    with (
        tempfile.TemporaryDirectory() as short,  # a socket's path has to be
        socket.socket() as free,
        stream_project(tmp_path) as config,
    ):
        left = Path(short)
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "gateway", "serve", "--config", str(config),
            "--workers", workers, "--port", str(port),
            env={**os.environ, "TMPDIR": short}, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            await serving(f"http://127.0.0.1:{port}/graphql")
            assert len(list(left.iterdir())) == int(workers) - 1, "where the workers' brokers meet"
        finally:
            process.send_signal(signal.SIGTERM)
            await asyncio.wait_for(process.wait(), 60)
        assert list(left.iterdir()) == []

"""How many connections there may be: one more is told so and closed; a server without descriptors says why."""

from __future__ import annotations

import logging
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from benchmarks.load.upstream import free_port, wait_for_port
from tests.transport.served import served
from tests.transport.wire.case import HOST, get, message, post
from tests.transport.wire.client import Client, connected
from tests.transport.wire.conftest import Wire
from tests.transport.wire.project import write_project
from tests.transport.wire.test_connections import until
from tests.transport.wire.test_cuts import FIRST_FRAME, HANDSHAKE

MOST = 3
FILES = 100


async def echo(client: Client) -> object:
    """What a good request says."""
    await client.send(post("a"))
    answer = await client.answer()
    assert answer.status == 200
    return answer.json["data"]["echo"]


async def test_one_connection_too_many_is_refused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = write_project(tmp_path, f"[server]\nmax_connections = {MOST}\n")
    caplog.set_level(logging.WARNING)
    async with served(config) as server, AsyncExitStack() as stack:
        wire = Wire(server)
        kept = [await stack.enter_async_context(connected(wire.port)) for _ in range(MOST)]
        for client in kept:
            assert await echo(client) == "a"
        for _ in range(20):
            async with connected(wire.port) as refused:
                await refused.send(post("never"))
                answer = await refused.answer()
                assert answer.status == 503
                assert int(answer.headers["retry-after"]) >= 1
                assert await refused.rest() == b""
        for client in kept:  # who is there is served on
            assert await echo(client) == "a"
        kept[0].transport.abort()
        await until(lambda: len(server.connections) < MOST)
        again = await stack.enter_async_context(connected(wire.port))
        assert await echo(again) == "a"
        assert "never" not in wire.state["ran"]
    lines = [record for record in caplog.records if "max_connections" in record.getMessage()]
    assert len(lines) == 1


async def test_websockets_are_connections(tmp_path: Path) -> None:
    config = write_project(tmp_path, f"[server]\nmax_connections = {MOST}\n")
    async with served(config) as server, AsyncExitStack() as stack:
        for _ in range(MOST):
            client = await stack.enter_async_context(connected(server.port))
            await client.send(HANDSHAKE + FIRST_FRAME)
            assert (await client.answer("GET")).status == 101
        async with connected(server.port) as refused:
            await refused.send(get("a"))
            assert (await refused.answer("GET")).status == 503


def ask(port: int) -> bytes:
    """A good request from another process, answered or not."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        client.sendall(post("a", b"connection: close"))
        said = b""
        while data := client.recv(65_536):
            said += data
        return said


def test_a_server_without_descriptors_says_so_and_goes_on(tmp_path: Path) -> None:
    config = write_project(tmp_path, "[server]\nmax_connections = 1000\n")
    port, errors, log = free_port(), tmp_path / "stderr", tmp_path / "errors.log"
    command = [sys.executable, "-m", "gateway", "serve", "--config", str(config), "--port", str(port)]  # fmt: skip
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    with errors.open("wb") as stderr:
        process = subprocess.Popen(command, env=env, stderr=stderr)
    try:
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (FILES, FILES))
        wait_for_port(port)
        crowd = []
        for _ in range(FILES + 20):
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", port))
            crowd.append(client)
        end = time.monotonic() + 10
        while b"descriptor" not in log.read_bytes() and time.monotonic() < end:
            time.sleep(0.05)
        for client in crowd:
            client.close()
        said = b""
        while b"200 OK" not in said and time.monotonic() < end + 10:
            try:
                said = ask(port)
            except OSError:
                time.sleep(0.1)
        assert said.endswith(b'{"data":{"echo":"a"}}')
        told = log.read_text()
        assert told.count("descriptor") == 1  # one line, not one for each connection
        assert "Traceback" not in told + errors.read_text()
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) in (0, -signal.SIGTERM)


async def test_one_client_reserves_a_bounded_number_of_streams(tmp_path: Path) -> None:
    put = message(b"PUT /graphql HTTP/1.1", HOST, b"accept: text/event-stream")
    async with served(write_project(tmp_path)) as server, connected(server.port) as client:
        for _ in range(100):
            await client.send(put)
            assert (await client.answer("PUT")).status == 201
        await client.send(put)
        assert (await client.answer("PUT")).status == 503

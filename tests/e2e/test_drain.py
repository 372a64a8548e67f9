"""SIGTERM and restart under load, with nothing but readiness to go by: not one request fails.

The load is its own balancer: it asks both gateways for their readiness, as a Service or HAProxy does, sends
to whichever is ready, and repeats nothing. (`tests/platform/test_rolling.py` has the chart's order, with
HAProxy told before the signal.)
"""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from demo.__main__ import QUERY
from demo.backends import Backends
from demo.processes import end, spawn
from tests.e2e.conftest import ROOT

CLIENTS = 6
DELAY_S = "1.0"


def lasting_port() -> int:
    """A free port that no outgoing connection takes while its server restarts: below the ephemeral ones."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class Gateways:
    """Two gateways, and who of them is ready."""

    def __init__(self, backends: Backends, folder: Path, session: aiohttp.ClientSession) -> None:
        self._env = {
            **os.environ,
            **backends.environment,
            "GATEWAY_SERVER__SHUTDOWN_DELAY_S": DELAY_S,
            "GATEWAY_LOGS__ACCESS": "off",
            "GATEWAY_TELEMETRY__METRICS__ENABLED": "false",
        }
        self._folder = folder
        self._session = session
        self.ports = [lasting_port(), lasting_port()]
        self.processes: dict[int, subprocess.Popen[bytes]] = {}
        self.ready: set[int] = set()
        self.served = dict.fromkeys(self.ports, 0)
        self.failed: list[str] = []
        self.refused_readiness: dict[int, int] = dict.fromkeys(self.ports, 0)
        self.is_over = False

    def start(self, port: int) -> None:
        command = (sys.executable, "-m", "gateway", "serve", "--config", str(ROOT / "gateway.toml"))
        log = self._folder / f"{port}.log"
        self.processes[port] = spawn((*command, "--port", str(port)), env=self._env, log=log)

    def stop(self) -> None:
        for process in self.processes.values():
            end(process)

    async def watch(self) -> None:
        """Ask readiness, again and again."""
        while not self.is_over:
            for port in self.ports:
                with suppress(aiohttp.ClientError):
                    url = f"http://127.0.0.1:{port}/health/ready"
                    async with self._session.get(url) as answer:
                        if answer.status == 200:
                            self.ready.add(port)
                            continue
                        self.refused_readiness[port] += 1
                self.ready.discard(port)
            await asyncio.sleep(0.02)

    async def ask(self) -> None:
        """One request after another, each to one that is ready."""
        for number in itertools.count():
            if self.is_over:
                return
            ready = sorted(self.ready)
            if not ready:
                await asyncio.sleep(0.01)
                continue
            port = ready[number % len(ready)]
            url = f"http://127.0.0.1:{port}/graphql"
            try:
                async with self._session.post(url, json={"query": QUERY}) as answer:
                    body: Any = await answer.json()
                    if answer.status == 200 and "errors" not in body:
                        self.served[port] += 1
                    else:
                        self.failed.append(f"{answer.status} {body}")
            except aiohttp.ClientError as exc:
                self.failed.append(repr(exc))

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(25):
            while not true():
                await asyncio.sleep(0.02)


@pytest.mark.timeout(150)
async def test_no_request_fails_over_restarts(backends: Backends, tmp_path: Path) -> None:
    async with aiohttp.ClientSession() as session:
        gateways = Gateways(backends, tmp_path, session)
        with ExitStack() as stack:
            stack.callback(gateways.stop)
            for port in gateways.ports:
                gateways.start(port)
            async with asyncio.TaskGroup() as group:
                group.create_task(gateways.watch())
                await gateways.until(lambda: len(gateways.ready) == 2)
                for _ in range(CLIENTS):
                    group.create_task(gateways.ask())
                for port in gateways.ports:
                    await restart(gateways, port)
                gateways.is_over = True
    assert gateways.failed == []
    assert all(count > 0 for count in gateways.served.values())


async def restart(gateways: Gateways, port: int) -> None:
    """End one gateway under load, and start it again."""
    served = gateways.served[port]
    await gateways.until(lambda: gateways.served[port] > served + 5)
    process, refused = gateways.processes[port], gateways.refused_readiness[port]
    process.send_signal(signal.SIGTERM)
    await gateways.until(lambda: process.poll() is not None)
    assert process.returncode in (0, -signal.SIGTERM)
    assert gateways.refused_readiness[port] > refused, "readiness was not 503 before it was gone"
    gateways.start(port)
    served = gateways.served[port]
    await gateways.until(lambda: gateways.served[port] > served + 5)

"""The metrics' port by real worker processes: one page for all of them, whoever dies and whoever owns it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.telemetry.catalogue import MEMORY, SERVER_ACTIVE
from gateway.telemetry.metrics import Registry
from gateway.telemetry.server import FOLDER, MetricsServer
from gateway.telemetry.settings import MetricsSettings
from tests.platform.processes import answers, free_port, started, wait_until

CONFIG = """
[graph]
schema = ["schema.graphql"]
resolvers = "server_resolvers"
[server]
port = {port}
workers = {workers}
[telemetry.metrics]
port = {metrics}
[logs]
access = "off"
"""
SCHEMA = "type Query { pid: Int }"
RESOLVERS = """
import os
from gateway import resolver


@resolver("Query.pid")
def pid(parent, context):
    return os.getpid()
"""


class Served:
    """A gateway that runs, and its page."""

    def __init__(self, port: int, metrics: int, log: Path) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.page = f"http://127.0.0.1:{metrics}/metrics"
        self.log = log

    def ask(self) -> int:
        """The process that answers."""
        request = urllib.request.Request(
            f"{self.url}/graphql",
            json.dumps({"query": "query P { pid }"}).encode(),
            {"content-type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=5) as answer:
            return int(json.load(answer)["data"]["pid"])

    def ask_until(self, workers: int) -> tuple[int, set[int]]:
        """Ask until so many processes have answered; how often that was."""
        pids: set[int] = set()
        asked = 0
        while len(pids) < workers:
            assert asked < 2000, f"only {pids} answer"
            with ThreadPoolExecutor(8) as pool:
                pids.update(pool.map(lambda _: self.ask(), range(16)))
            asked += 16
        return asked, pids

    def read(self) -> dict[tuple[str, tuple[str, ...]], float]:
        """Every sample of the page by name and the values of its labels, which are sorted by name."""
        with urllib.request.urlopen(self.page, timeout=5) as answer:
            text = answer.read().decode()
        return {
            (sample.name, tuple(sample.labels.values())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def requests(self) -> float:
        return self.read()["http_server_request_duration_seconds_count", ("200",)]


@contextmanager
def serving(folder: Path, workers: int, metrics: int | None = None) -> Iterator[Served]:
    port, metrics = free_port(), metrics or free_port()
    (folder / "schema.graphql").write_text(SCHEMA)
    (folder / "server_resolvers.py").write_text(RESOLVERS)
    text = CONFIG.format(port=port, workers=workers, metrics=metrics)
    (folder / "gateway.toml").write_text(text)
    served = Served(port, metrics, folder / "serve.log")
    # The run directory's path has to be short.
    environment = {**os.environ, "TMPDIR": "/tmp"}
    command = [sys.executable, "-m", "gateway", "serve"]
    with started(*command, log=served.log, cwd=folder, env=environment):
        wait_until(lambda: answers(f"{served.url}/health/ready"), "the gateway")
        yield served


@pytest.mark.timeout(300)
def test_two_workers_are_one_page_and_sums_do_not_fall_when_one_dies(tmp_path: Path) -> None:
    with serving(tmp_path, 2) as served:
        # Until the server says its URL, a worker that dies is a start that failed.
        wait_until(lambda: "Ctrl-C ends it" in served.log.read_text(), "the server's word")
        asked, pids = served.ask_until(2)
        wait_until(lambda: served.read()["gateway_workers", ()] == 2, "both workers")
        found = served.read()
        assert served.requests() == asked
        assert found["graphql_server_operation_duration_seconds_count", ("P", "query")] == asked
        assert found["gateway_field_requests_total", ("", "Query.pid")] == asked
        assert found["gateway_upstream_breaker_state", ("", "closed")] == 1

        # One of the two owns the port: both die, one after the other, and the supervisor starts others.
        for number, pid in enumerate(sorted(pids), 1):
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda: answers(served.page), "the page", 60)
            wait_until(lambda: served.read().get(("gateway_workers", ())) == 2, "a new worker", 60)
            assert served.requests() == asked, f"after {number} died"
        more, fresh = served.ask_until(2)
        assert not fresh & pids
        assert served.requests() == asked + more


def test_a_port_that_is_taken_is_said_and_does_no_harm(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with serving(tmp_path, 1, port) as served:
            assert served.ask() > 0
            lines = [
                json.loads(line) for line in served.log.read_text().splitlines() if "{" in line
            ]
            (line,) = [line for line in lines if line.get("event") == "gateway.metrics"]
            assert line["level"] == "warning"
            assert line["message"].startswith(f"metrics are not served: 127.0.0.1:{port} cannot be")
            taken.close()
            wait_until(lambda: answers(served.page), "the port that is free now")
            assert served.read()["http_server_request_duration_seconds_count", ("200",)] == 1


def registry_with(requests: float) -> Registry:
    registry = Registry()
    registry.add(lambda: [(SERVER_ACTIVE, (), requests), (MEMORY, (), 1.0)])
    return registry


async def page_of(server: MetricsServer) -> str:
    return (await server.page())[0].decode()


async def test_a_worker_that_is_too_busy_to_answer_counts_as_it_was_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = MetricsSettings(port=free_port())
    owner = MetricsServer(settings, registry_with(1), str(tmp_path))
    await owner.listen()
    sockets: list[Any] = []

    async def hang(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sockets.append(writer)

    async def tell(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'{"http_server_active_requests": [[[], 5]]}')
        await writer.drain()
        writer.close()

    path = tmp_path / FOLDER / "other.sock"
    other = await asyncio.start_unix_server(tell, path)
    assert "http_server_active_requests 6.0" in await page_of(owner)
    other.close()
    path.unlink(missing_ok=True)
    other = await asyncio.start_unix_server(hang, path)
    monkeypatch.setattr("gateway.telemetry.server.PEER_TIMEOUT_S", 0.05)
    assert "http_server_active_requests 6.0" in await page_of(owner)
    other.close()
    for writer in sockets:
        writer.close()
    path.unlink(missing_ok=True)
    assert "http_server_active_requests 1.0" in await page_of(owner)
    await owner.aclose()


async def test_the_port_goes_to_the_next_when_its_owner_ends(tmp_path: Path) -> None:
    settings = MetricsSettings(port=free_port())
    first = MetricsServer(settings, registry_with(1), str(tmp_path))
    await first.listen()
    await first.aclose()
    second = MetricsServer(settings, registry_with(2), str(tmp_path))
    await second.listen()
    assert first.owns_port
    assert second.owns_port
    assert "http_server_active_requests 2.0" in await page_of(second)
    await second.aclose()


async def test_a_worker_that_cannot_be_asked_says_so_and_serves(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / ("x" * 100)  # longer than a socket's path may be
    folder.mkdir()
    server = MetricsServer(MetricsSettings(port=free_port()), registry_with(3), str(folder))
    await server.listen()
    assert "http_server_active_requests 3.0" in await page_of(server)
    await server.aclose()
    assert "this worker's metrics are missing from the totals" in caplog.text


async def test_the_port_has_one_page_and_names_no_server() -> None:
    port = free_port()
    server = MetricsServer(MetricsSettings(port=port), registry_with(1))
    await server.listen()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
        page, nowhere = await http.get("/metrics"), await http.get("/")
        posted = await http.post("/metrics")
    await server.aclose()
    assert page.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "date" in page.headers
    assert "server" not in page.headers
    assert (nowhere.status_code, posted.status_code) == (404, 405)

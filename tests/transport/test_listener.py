"""Where clients come in: a unix socket, proxies in front, paths of health. TLS is in test_tls.py."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest

from gateway.app.config import build_config
from gateway.cli.sockets import bind_unix
from gateway.errors import ConfigError
from gateway.testing import GatewayClient
from gateway.transport.server.connections import RESERVE
from gateway.transport.server.protocols import HttpProtocol
from tests.transport.served import served
from tests.transport.wire.clock import Clock
from tests.transport.wire.test_connections import until

ASK = {"query": "{ hello }"}
RESOLVERS = """
from gateway import resolver


@resolver("Query.hello", vary=[])
def hello(parent, context):
    return "hello"
"""


def write_project(folder: Path, more: str = "") -> Path:
    (folder / "schema.graphql").write_text("type Query { hello: String }")
    (folder / "listener_resolvers.py").write_text(RESOLVERS)
    config = folder / "gateway.toml"
    config.write_text(
        f"""
[graph]
schema = "schema.graphql"
resolvers = "listener_resolvers"
[logs]
access = "{folder}/access.log"
{more}
"""
    )
    return config


@asynccontextmanager
async def serving(config: Path, *options: str) -> AsyncIterator[str]:
    """`gateway serve` as users start it; what it says when it answers."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway", "serve", "--config", str(config), *options,
        stderr=asyncio.subprocess.PIPE, env={**os.environ, "GATEWAY_TELEMETRY__METRICS__PORT": "0"},
    )  # fmt: skip
    assert process.stderr is not None
    said = ""
    try:
        async with asyncio.timeout(60):
            while "Ctrl-C" not in said:
                line = (await process.stderr.readline()).decode()
                assert line, said
                said += line
        yield said
    finally:
        process.send_signal(signal.SIGTERM)
        await process.communicate()


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_a_unix_socket(tmp_path: Path, workers: str) -> None:
    path = tmp_path / "g.sock"
    more = (
        f'[server]\nunix_socket = "{path}"\nunix_socket_mode = "0606"\ntrusted_proxies = ["unix"]\n'
    )
    config = write_project(tmp_path, more)
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(path))
    left.close()  # as of a process that was killed
    for _ in range(2):
        async with serving(config, "--workers", workers) as said:
            assert f"unix://{path}:/graphql" in said
            transport = httpx.AsyncHTTPTransport(uds=str(path))
            async with httpx.AsyncClient(transport=transport) as http:
                sent = {"x-forwarded-for": "192.0.2.1"}
                answer = await http.post("http://here/graphql", json=ASK, headers=sent)
                assert answer.json() == {"data": {"hello": "hello"}}
            assert path.stat().st_mode & 0o777 == 0o606
        assert not path.exists()
    lines = [json.loads(line) for line in (tmp_path / "access.log").read_text().splitlines()]
    assert [line["client_address"] for line in lines] == ["192.0.2.1"] * 2


async def test_a_socket_in_use_and_a_file_are_not_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "g.sock"
    config = write_project(tmp_path, f'[server]\nunix_socket = "{path}"\n')
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(path))
    listening.listen()
    command = [sys.executable, "-m", "gateway", "serve", "--config", str(config)]
    for words in ("is in use", "cannot be bound: there is something that is no socket"):
        process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        said = (await process.communicate())[0].decode()
        assert process.returncode == 2
        assert "server.unix_socket" in said
        assert f"{path} {words}" in said
        assert path.exists()
        listening.close()
        path.unlink(missing_ok=True)
        path.write_text("mine")


def test_a_socket_is_in_use_before_its_server_answers(tmp_path: Path) -> None:
    """Two that start at the same moment: one of them is told."""
    path = str(tmp_path / "g.sock")
    (first,), file = bind_unix(path)
    with pytest.raises(ConfigError, match="is in use"):
        bind_unix(path)
    first.close()  # it has died, and another takes its place
    (second,), other = bind_unix(path)
    file.remove()  # by who is not its owner any more
    assert Path(path).is_socket()
    other.remove()
    assert not Path(path).exists()
    other.remove()
    second.close()


def test_a_socket_that_nobody_can_ask_is_left_alone(tmp_path: Path) -> None:
    """Of another kind; with a full queue."""
    path = tmp_path / "g.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        other.bind(str(path))
        with pytest.raises(ConfigError, match="cannot be bound"):
            bind_unix(str(path))
    path.unlink()
    with socket.socket(socket.AF_UNIX) as busy, socket.socket(socket.AF_UNIX) as waiting:
        busy.bind(str(path))
        busy.listen(0)
        waiting.connect(str(path))
        with pytest.raises(ConfigError, match="is in use"):
            bind_unix(str(path))
    assert path.is_socket()


@pytest.mark.parametrize(
    ("name", "words"),
    [("a" * 120, "longer than 107 bytes"), ("ö" * 60, "107 bytes"), ("no/g.sock", "cannot be bound: No such file")],
)  # fmt: skip
def test_a_path_that_cannot_be_bound_is_told(tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        bind_unix(str(tmp_path / name))


PROXIED = '[server]\ntrusted_proxies = ["127.0.0.1"]\n'
FORWARDED = {
    "x-forwarded-for": "6.6.6.6, 192.0.2.1",
    "x-forwarded-proto": "https",
    "x-forwarded-host": "api.example",
    "x-forwarded-prefix": "/api",
}


@pytest.mark.parametrize("http", [HttpProtocol, "h11"], ids=["protocol", "asgi"])
@pytest.mark.parametrize(
    ("more", "address"), [(PROXIED, "192.0.2.1"), ("", "127.0.0.1")], ids=["trusted", "not"]
)
async def test_the_client_behind_a_proxy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, http: Any, more: str, address: str
) -> None:
    config = write_project(tmp_path, more)
    async with served(config, http) as running, httpx.AsyncClient() as client:
        keys: list[str] = []
        admission = running.app.worker.serving().pipeline.admission
        monkeypatch.setattr(admission, "check", keys.append)
        await client.post(running.url, json=ASK, headers=FORWARDED)
        page = {"accept": "text/html", **FORWARDED}
        front = await client.get(running.url.removesuffix("graphql"), headers=page)
        shown = await client.get(running.url, headers=page)
    prefix = "/api" if more else ""
    assert front.status_code == 307
    assert front.headers["location"] == f"{prefix}/graphql"
    assert f'href="{prefix}/graphql/graphiql/page.css' in shown.text
    (line,) = (tmp_path / "access.log").read_text().splitlines()
    assert json.loads(line)["client_address"] == address
    assert keys == [address]


@pytest.mark.parametrize(
    ("more", "origin", "sent", "status"),
    [
        (PROXIED, "https://api.example", FORWARDED, 101),
        (PROXIED, "http://api.example", FORWARDED, 403),
        (PROXIED, "https://evil.example", FORWARDED, 403),
        (PROXIED, "https://api.example", {"x-forwarded-host": "api.example"}, 101),
        (PROXIED, "https://api.example", {"x-forwarded-host": "api.example", "x-forwarded-proto": "http"}, 403),
        ("", "https://api.example", FORWARDED, 403),
        ("", "https://api.example", {"host": "api.example"}, 101),
        (PROXIED, "https://api.example", {"host": "api.example", "x-forwarded-for": "1.2.3.4"}, 101),
    ],
)  # fmt: skip
async def test_the_origin_of_a_page_behind_a_proxy(
    tmp_path: Path, more: str, origin: str, sent: dict[str, str], status: int
) -> None:
    async with (
        served(write_project(tmp_path, more)) as running,
        aiohttp.ClientSession() as session,
    ):
        headers = {"origin": origin, "sec-websocket-protocol": "graphql-transport-ws", **sent}
        found = 101
        try:
            await (await session.ws_connect(running.url, headers=headers)).close()
        except aiohttp.WSServerHandshakeError as exc:
            found = exc.status
        assert found == status


async def test_health_and_the_front_page(tmp_path: Path) -> None:
    more = '[server]\nlive_path = "/livez"\nready_path = "/readyz"\n[http]\ngraphiql = false\n'
    async with GatewayClient(write_project(tmp_path, more)) as client:
        found = {
            path: (await client.http.get(path)).status_code
            for path in ("/livez", "/readyz", "/health/live", "/health/ready", "/")
        }
    assert found == {"/livez": 200, "/readyz": 200, "/health/live": 404, "/health/ready": 404, "/": 404}  # fmt: skip


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        ({"trusted_proxies": ["10.0.0.0/33"]}, "an IP address, a network like 10.0.0.0/8"),
        ({"trusted_proxies": ["proxy.example"]}, "an IP address"),
        ({"live_path": "/graphql"}, "three paths"),
        ({"tls": {"key": "x"}}, "goes with `cert`"),
        ({"forwarded": "both"}, "forwarded"),
        ({"unix_socket_mode": "888"}, "octal digits"),
        ({"unix_socket_mode": 660}, "unix_socket_mode"),
    ],
)
def test_what_cannot_be_served_is_refused(tables: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        build_config({"server": tables})


async def ask(port: int, request: bytes) -> bytes:
    """All that a new connection says."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    answer = await reader.read()
    writer.close()
    return answer


HOST = b"host: a\r\nconnection: keep-alive, upgrade\r\nupgrade: websocket\r\n"
UPGRADE = HOST + b"sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"


async def test_probes_are_answered_where_all_places_are_taken(tmp_path: Path) -> None:
    config = write_project(tmp_path, "[server]\nmax_connections = 2\n")
    async with served(config) as running:
        registry = running.app.connections
        crowd = [await asyncio.open_connection("127.0.0.1", running.port) for _ in range(40)]
        for path, status in (
            ("health/live", 200),
            ("health/ready", 200),
            ("graphql", 503),
            ("", 503),
        ):
            request = b"GET /%b HTTP/1.1\r\nhost: a\r\n\r\n" % path.encode()
            answer = await ask(running.port, request * 2)  # the second one is not answered
            assert answer.startswith(b"HTTP/1.1 %d " % status)
            assert (answer.count(b"HTTP/1.1 "), b"connection: close\r\n" in answer) == (1, True)
        answer = await ask(running.port, b"GET /graphql HTTP/1.1\r\n" + UPGRADE + b"\r\n")
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert len(registry.open) <= 2 + RESERVE + 1
        assert registry.rejected["limit"] >= 40 - 2 - RESERVE
        said = [await reader.read() for reader, _ in crowd[2 : 40 - RESERVE - 6]]
        assert all(each.startswith(b"HTTP/1.1 503 ") for each in said)
        for _, writer in crowd:
            writer.close()


async def test_the_reserve_waits_for_a_head_and_not_longer(tmp_path: Path) -> None:
    config = write_project(tmp_path, "[server]\nmax_connections = 1\n")
    async with served(config) as running:
        crowd = [await asyncio.open_connection("127.0.0.1", running.port) for _ in range(3)]
        await until(lambda: len(running.app.connections.reserve) == 2)
        await Clock(running.app).advance(11)  # header_timeout_s
        for reader, _ in crowd[1:]:
            assert (await reader.read()).startswith(b"HTTP/1.1 503 ")
        assert len(running.connections) == 1
        for _, writer in crowd:
            writer.close()


async def test_who_has_sent_what_is_no_request_is_logged(tmp_path: Path) -> None:
    requests = {
        b"nonsense\r\n\r\n": 400,
        b"GET / HTTP/1.1\r\n\r\n": 400,
        b"CONNECT a:1 HTTP/1.1\r\nhost: a\r\n\r\n": 405,
        b"GET / HTTP/1.1\r\nx: " + b"a" * 40_000 + b"\r\n\r\n": 431,
        b"POST /graphql HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n"
        b"x-forwarded-for: 192.0.2.1\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n": 400,
    }
    async with served(write_project(tmp_path, PROXIED)) as running:
        for request, status in requests.items():
            assert (await ask(running.port, request)).startswith(b"HTTP/1.1 %d " % status)
    lines = [json.loads(line) for line in (tmp_path / "access.log").read_text().splitlines()]
    # Of the last one the head was whole: the proxy's word counts.
    assert [line["client_address"] for line in lines] == ["127.0.0.1"] * 4 + ["192.0.2.1"]

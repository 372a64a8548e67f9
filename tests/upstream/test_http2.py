"""HTTP/2 to a backend: nginx in front of a backend that keeps what it was asked, in clear and over TLS."""

from __future__ import annotations

import asyncio
import gzip
import random
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme

from gateway.app.config import build_config
from gateway.errors import ConfigError, UpstreamError
from gateway.upstream.build_transport import build_transport
from gateway.upstream.http2.transport import H2Transport
from gateway.upstream.settings import SourceSettings
from gateway.upstream.transport import Fetched, UpstreamRequest
from tests.platform.processes import free_port, wait_until
from tests.support.backend import Answer, Asked, Backend, backend
from tests.upstream import wire

NGINX = shutil.which("nginx") or "/usr/sbin/nginx"
pytestmark = pytest.mark.skipif(not Path(NGINX).exists(), reason="nginx is not installed")
CONFIG = """
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log crit;
events {{ worker_connections 512; }}
http {{
  access_log {folder}/access.log combined;
  log_format one "$connection $server_protocol";
  access_log {folder}/connections.log one;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{
    listen 127.0.0.1:{clear} http2; listen 127.0.0.1:{tls} ssl http2;
    ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem;
    location / {{ proxy_pass http://127.0.0.1:{backend}; proxy_http_version 1.1; proxy_set_header connection ""; }}
  }}
}}
"""


def listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def nginx(folder: Path, behind: str) -> Iterator[tuple[str, str]]:
    """In front of `behind`; its URLs in clear and over TLS."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    issued = authority.issue_cert("127.0.0.1")
    issued.private_key_pem.write_to_path(str(folder / "key.pem"))
    for part in issued.cert_chain_pems:
        part.write_to_path(str(folder / "cert.pem"), append=True)
    clear, tls = free_port(), free_port()
    port = behind.rpartition(":")[2]
    text = CONFIG.format(folder=folder, clear=clear, tls=tls, backend=port)
    (folder / "nginx.conf").write_text(text)
    folder.chmod(0o755)
    command = [NGINX, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", "stderr"]
    process = subprocess.Popen([*command, "-g", "user root;"] if is_root() else command)
    try:
        wait_until(lambda: listens(tls), "nginx")
        yield f"http://127.0.0.1:{clear}", f"https://127.0.0.1:{tls}"
    finally:
        process.terminate()
        process.wait(10)


def is_root() -> bool:
    import os

    return os.geteuid() == 0


def answer(asked: Asked) -> Answer:
    if asked.target.startswith("/packed"):
        headers = (("content-type", "application/json"), ("content-encoding", "gzip"))
        return Answer(gzip.compress(b'"' + b"x" * 100_000 + b'"'), headers=headers)
    return Answer({"target": asked.target, "body": asked.body.decode()})


class Both:
    """A transport over nginx, in clear or over TLS."""

    def __init__(self, transport: Any, url: str, behind: Backend, folder: Path) -> None:
        self.transport = transport
        self.url = url
        self.behind = behind
        self.folder = folder

    async def fetch(
        self, target: str, left_s: float = 10, cap: int = 10**6, **more: Any
    ) -> Fetched:
        request = UpstreamRequest(more.pop("method", "GET"), self.url + target, source="s", **more)
        deadline = asyncio.get_running_loop().time() + left_s
        response = await self.transport.send(request, deadline)
        return Fetched(response.status, response.headers, await response.read_body(cap))

    def connections(self) -> set[str]:
        return set((self.folder / "connections.log").read_text().splitlines())


@asynccontextmanager
async def served(folder: Path, *, is_tls: bool) -> AsyncIterator[Both]:
    async with backend(answer) as behind:
        with nginx(folder, behind.url) as (clear, tls):
            settings = SourceSettings(
                transport="http2", tls_ca_file=str(folder / "ca.pem") if is_tls else None
            )
            transport = build_transport(settings)
            assert isinstance(transport, H2Transport)
            try:
                yield Both(transport, tls if is_tls else clear, behind, folder)
            finally:
                await transport.aclose()


@pytest.mark.parametrize("is_tls", [False, True])
async def test_the_request_arrives_as_it_is_and_many_share_a_connection(
    tmp_path: Path, is_tls: bool
) -> None:
    async with served(tmp_path, is_tls=is_tls) as both:
        first = await both.fetch("/a%2Fb/c,d?x=%2C&z=[]", headers=[("x-one", "1"), ("x-one", "2")])
        assert first.status == 200
        assert b'"/a%2Fb/c,d?x=%2C&z=[]"' in first.body
        assert [v for n, v in both.behind.asked[0].headers if n == "x-one"] in (
            ["1", "2"],
            ["1, 2"],
        )
        names = {name for name, _ in both.behind.asked[0].headers}
        assert not names & {"cookie", "user-agent", "accept", "accept-encoding"}
        posted = await both.fetch("/p", method="POST", body=b"posted")
        assert b'"posted"' in posted.body
        many = await asyncio.gather(*(both.fetch(f"/n/{n}") for n in range(50)))
        assert [f'"/n/{n}"'.encode() in each.body for n, each in enumerate(many)] == [True] * 50
    connections = both.connections()
    assert all(line.endswith("HTTP/2.0") for line in connections)
    assert 1 <= len(connections) <= 3, "52 requests share connections"


async def test_bodies_are_unpacked_within_the_cap(tmp_path: Path) -> None:
    async with served(tmp_path, is_tls=False) as both:
        assert len((await both.fetch("/packed")).body) == 100_002
        with pytest.raises(UpstreamError) as caught:
            await both.fetch("/packed", cap=1000)
        assert caught.value.code == "RESPONSE_TOO_LARGE"
        assert (await both.fetch("/after")).status == 200


async def test_cancelled_calls_leave_the_others_alone(tmp_path: Path) -> None:
    async with served(tmp_path, is_tls=False) as both:
        for turn in range(10):
            tasks = [asyncio.ensure_future(both.fetch(f"/{turn}/{n}")) for n in range(30)]
            for _ in range(turn):
                await asyncio.sleep(0)
            for task in tasks[::2]:
                task.cancel()
            done = await asyncio.gather(*tasks, return_exceptions=True)
            for n, outcome in list(enumerate(done))[1::2]:
                assert isinstance(outcome, Fetched)
                assert f'"/{turn}/{n}"'.encode() in outcome.body
        for n in range(50):
            assert f'"/good/{n}"'.encode() in (await both.fetch(f"/good/{n}")).body


async def test_failures_have_their_codes(tmp_path: Path) -> None:
    async with served(tmp_path, is_tls=False) as both:
        cases = [
            (both.fetch("/late", left_s=-1), "GATEWAY_TIMEOUT", False),
            (both.fetch("/a b"), "INVALID_REQUEST_VALUE", False),
            (both.fetch("/x", headers=[("x", "a\r\nb: c")]), "INVALID_REQUEST_VALUE", False),
        ]
        for call, code, was_sent in cases:
            with pytest.raises(UpstreamError) as caught:
                await call
            assert (caught.value.code, caught.value.was_sent) == (code, was_sent)
        both.url = "http://127.0.0.1:1"
        with pytest.raises(UpstreamError) as caught:
            await both.fetch("/")
        assert (caught.value.code, caught.value.was_sent) == ("HTTP_CLIENT_ERROR", False)


async def test_a_backend_that_never_answers_is_left_at_the_deadline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def keep_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        asked.set()
        await reader.read()
        writer.close()
        await writer.wait_closed()
        ended.set()

    asked, ended = asyncio.Event(), asyncio.Event()
    silent = await asyncio.start_server(keep_silent, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    transport = build_transport(SourceSettings(transport="http2"))
    loop = asyncio.get_running_loop()
    clock = loop.time
    with nginx(tmp_path, f"http://127.0.0.1:{port}") as (clear, _):
        request = UpstreamRequest("GET", clear + "/slow", source="s")
        sending = asyncio.create_task(transport.send(request, loop.time() + 60))
        await asyncio.wait_for(asked.wait(), 30)
        monkeypatch.setattr(loop, "time", lambda: clock() + 60)
        with pytest.raises(UpstreamError) as caught:
            await sending
        assert (caught.value.code, caught.value.was_sent) == ("GATEWAY_TIMEOUT", True)
        await transport.aclose()
        await asyncio.wait_for(ended.wait(), 30)
    silent.close()
    await silent.wait_closed()


async def test_who_is_not_trusted_is_not_spoken_to(tmp_path: Path) -> None:
    async with served(tmp_path, is_tls=True) as both:
        stranger = build_transport(SourceSettings(transport="http2"))
        both.transport, kept = stranger, both.transport
        with pytest.raises(UpstreamError) as caught:
            await both.fetch("/")
        assert caught.value.code == "HTTP_CLIENT_ERROR"
        await stranger.aclose()
        both.transport = kept


async def test_a_storm_of_cancelled_calls_through_nginx(tmp_path: Path) -> None:
    """3,000 cancelled, then 200 of 200 good: nginx ends a connection after 1,000 streams, within the storm."""
    rng = random.Random(1)
    async with served(tmp_path, is_tls=False) as both:

        async def cancelled() -> None:
            task = asyncio.create_task(both.fetch("/x", method="POST", body=b"x", left_s=60))
            for _ in range(rng.randrange(30)):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled() or task.result().status == 200

        for _ in range(100):
            await asyncio.gather(*(cancelled() for _ in range(30)))
        for number in range(200):
            assert f'"/{number}"'.encode() in (await both.fetch(f"/{number}")).body


async def test_a_backend_that_has_no_http2_is_asked_by_the_native_transport(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    context.set_alpn_protocols(["http/1.1"])
    async with (
        wire.serving(wire.echo, tls=context) as server,
        wire.transport_of("http2", tls_ca_file=str(tmp_path / "ca.pem")) as transport,
    ):
        calls = [wire.call(transport, f"{server.url}/{n}") for n in range(5)]
        assert await asyncio.gather(*calls) == [(200, b"/%d " % n) for n in range(5)]
        assert await wire.call(transport, server.url, "POST", b"again") == (200, b"/ again")
        assert {asked.head.partition(b"\r\n")[0][-8:] for asked in server.asked} == {b"HTTP/1.1"}


def test_a_transport_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(ConfigError, match="'native' or 'http2', got 'aiohttp'") as caught:
        build_config({"sources": {"a": {"transport": "aiohttp"}}})
    assert caught.value.key == "sources.a.transport"


async def test_without_h2_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("gateway.upstream.http2.")]:
        monkeypatch.delitem(sys.modules, name)
    for name in [name for name in sys.modules if name.split(".")[0] == "h2"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "h2", None)
    with pytest.raises(ConfigError, match="needs h2") as caught:
        build_transport(SourceSettings(transport="http2"))
    assert "gateway[http2]" in str(caught.value.hint)

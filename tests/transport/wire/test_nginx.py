"""Behind a real nginx with the usual lines for WebSockets: nobody gets an answer that is another's.

nginx gives its kept connections to whoever comes next: what the gateway takes for a second request there is
executed with headers that nginx never set, and its answer goes to somebody else.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from benchmarks.load.upstream import free_port, wait_for_port
from tests.transport.wire.case import asks_header, chunk, chunked, message, post
from tests.transport.wire.client import Client, connected
from tests.transport.wire.conftest import Wire
from tests.transport.wire.test_cuts import FIRST_FRAME, HANDSHAKE
from tests.transport.wire.upgrades import OFFERS

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/bin") is None, reason="nginx is not installed"),
]  # fmt: skip

CONFIG = """
daemon off;
worker_processes 1;
pid {root}/nginx.pid;
error_log {root}/error.log;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {root}/tmp; proxy_temp_path {root}/tmp;
  fastcgi_temp_path {root}/tmp; uwsgi_temp_path {root}/tmp; scgi_temp_path {root}/tmp;
  map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
  upstream gateway {{ server 127.0.0.1:{gateway}; keepalive 1; }}
  server {{
    listen 127.0.0.1:{port};
    proxy_request_buffering {buffering};
    location / {{
      proxy_pass http://gateway;
      proxy_http_version 1.1;
      proxy_set_header Host $host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      proxy_set_header X-User anonymous;
    }}
  }}
}}
"""
OTHERS = 12
WHO = asks_header("x-user")


@contextmanager
def nginx(folder: Path, gateway: int, buffering: str) -> Iterator[int]:
    """nginx before a gateway; gives its port. It may collect a request's body before it hands it on."""
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/bin")
    assert program is not None
    folder.chmod(0o755)  # its worker runs as another user
    (folder / "tmp").mkdir()
    (folder / "tmp").chmod(0o777)
    port = free_port()
    config = folder / "nginx.conf"
    filled = CONFIG.format(root=folder, gateway=gateway, port=port, buffering=buffering)
    config.write_text(filled)
    command = [program, "-p", str(folder), "-c", str(config), "-e", str(folder / "error.log")]
    with subprocess.Popen(command) as process:
        try:
            wait_for_port(port)
            yield port
        finally:
            process.terminate()


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["on", "off"])
async def front(protocol: Wire, request: pytest.FixtureRequest) -> AsyncIterator[int]:
    """The port of an nginx before the server."""
    with (
        tempfile.TemporaryDirectory(prefix="wire-nginx-") as folder,
        nginx(Path(folder), protocol.port, request.param) as port,
    ):
        yield port


async def who(client: Client) -> str:
    """Who the gateway takes a client for."""
    await client.send(post(WHO))
    answer = await client.answer()
    assert answer.status == 200, answer
    text: str = answer.json["data"]["echo"]
    return text


# It is still under way when nginx gives the connection to somebody else.
SLOW = b'{"query":"{ echo: header(name: \\"x-user\\") slow: waits(text: \\"inner\\") }"}'
INNER = post(SLOW, b"x-user: admin")
LINES = {
    "POST": b"POST /graphql HTTP/1.1",
    # nginx has handed all of it on before it is answered.
    "GET": b"GET /graphql?query={echo:waits(text:%22outer%22)} HTTP/1.1",
}


def attack(method: str, offer: str, framing: str) -> tuple[bytes, bytes]:
    """A head, and a body that is a request."""
    fields = [
        LINES[method],
        b"host: test",
        b"content-type: application/json",
        *OFFERS.get(offer, ()),
    ]
    if framing == "length":
        return message(*fields, b"content-length: %d" % len(INNER)), INNER
    return message(*fields, b"transfer-encoding: chunked"), chunk(INNER) + b"0\r\n\r\n"


@pytest.mark.parametrize("framing", ["length", "chunks"])
@pytest.mark.parametrize("offer", [*OFFERS, "no offer"])
@pytest.mark.parametrize("method", LINES)
async def test_nobody_gets_the_answer_of_another(
    protocol: Wire, front: int, method: str, offer: str, framing: str
) -> None:
    protocol.begin()
    inner = protocol.state["gates"]["inner"] = asyncio.Event()
    async with connected(front) as attacker:
        head, body = attack(method, offer, framing)
        await attacker.send(head)
        await asyncio.sleep(0.01)  # nginx may hand the head on before the body comes
        await attacker.send(body)
        await asyncio.sleep(0.01)
        protocol.state["gate"].set()
        status = (await attacker.answer()).status
        asyncio.get_running_loop().call_later(0.05, inner.set)
        others: list[str] = []
        for _ in range(OTHERS):
            async with connected(front) as other:
                others.append(await who(other))
    assert others == ["anonymous"] * OTHERS
    assert "admin" not in protocol.state["ran"]
    assert status == (400 if method == "POST" else 200)


async def test_a_trailer_names_nobody(protocol: Wire, front: int) -> None:
    protocol.begin()
    async with connected(front) as attacker:
        await attacker.send(chunked(WHO, trailers=b"X-User: admin\r\n"))
        assert (await attacker.answer()).json == {"data": {"echo": "anonymous"}}
        assert await who(attacker) == "anonymous"
    assert protocol.state["ran"] == ["anonymous"] * 2


async def test_a_client_that_offers_h2c_is_answered(protocol: Wire, front: int) -> None:
    protocol.begin()
    async with connected(front) as client:
        await client.send(post("a", *OFFERS["h2c"]))
        assert (await client.answer()).json == {"data": {"echo": "a"}}


async def test_a_websocket_goes_through(protocol: Wire, front: int) -> None:
    async with connected(front) as client:
        await client.send(HANDSHAKE)
        assert (await client.answer("GET")).status == 101
        await client.send(FIRST_FRAME)
        assert b"connection_ack" in await client.exactly(2 + len(b'{"type":"connection_ack"}'))

"""The same legacy behind nginx and PHP-FPM, as it would be in production: the gateway cannot tell the difference."""

from __future__ import annotations

import glob
import os
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from demo.backends import ROUTER, Backends
from gateway.testing import GatewayClient
from tests.e2e.conftest import ROOT
from tests.e2e.test_demo import JOINED

FPM = """
[global]
error_log = {folder}/fpm.log
daemonize = no
[www]
listen = {folder}/fpm.sock
listen.mode = 0666
pm = static
pm.max_children = 2
{user}
"""
NGINX = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
{user}
events {{ }}
http {{
  access_log off;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  server {{
    listen 127.0.0.1:{port};
    location / {{
      fastcgi_pass unix:{folder}/fpm.sock;
      fastcgi_param SCRIPT_FILENAME {router};
      fastcgi_param REQUEST_METHOD $request_method;
      fastcgi_param REQUEST_URI $request_uri;
      fastcgi_param QUERY_STRING $query_string;
      fastcgi_param CONTENT_TYPE $content_type;
      fastcgi_param CONTENT_LENGTH $content_length;
      fastcgi_param SERVER_PROTOCOL $server_protocol;
      fastcgi_param DEMO_DATA {data};
      fastcgi_param DEMO_STATE {folder};
    }}
  }}
}}
"""


def fpm_program() -> str | None:
    found = sorted(glob.glob("/usr/sbin/php-fpm*"))
    return found[-1] if found else None


def nginx_program() -> str | None:
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")


def wait_for(port: int) -> None:
    for _ in range(1000):
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise TimeoutError(f"nothing listens on {port}")


@pytest.fixture
def legacy(backends: Backends, tmp_path: Path) -> Iterator[str]:
    """nginx and FPM over the monolith's own code and data; gives the base URL."""
    fpm, nginx = fpm_program(), nginx_program()
    if fpm is None or nginx is None:
        pytest.skip("php-fpm and nginx are not installed")
    is_root = os.geteuid() == 0
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    fill = {"folder": tmp_path, "port": port, "router": ROUTER, "data": backends.data}
    pool = FPM.format(user="user = root\ngroup = root" if is_root else "", **fill)
    (tmp_path / "fpm.conf").write_text(pool)
    server = NGINX.format(user="user root;" if is_root else "", **fill)
    (tmp_path / "nginx.conf").write_text(server)
    allow_root = ["-R"] if is_root else []
    processes = [
        subprocess.Popen([fpm, "-F", *allow_root, "-y", str(tmp_path / "fpm.conf")]),
        subprocess.Popen([nginx, "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")]),
    ]
    try:
        for _ in range(1000):
            if (tmp_path / "fpm.sock").exists():
                break
            time.sleep(0.02)
        wait_for(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(20)


@pytest_asyncio.fixture
async def behind_fpm(backends: Backends, legacy: str) -> AsyncIterator[GatewayClient]:
    sources = {**backends.urls, "monolith": legacy}
    async with GatewayClient(ROOT / "gateway.toml", sources=sources) as started:
        yield started


async def test_reads_and_writes_are_those_of_phps_own_server(
    client: GatewayClient, behind_fpm: GatewayClient
) -> None:
    latin = '{ channel(id: "c1") { description links { name target } owner { name staff } stats { views } } }'
    for query in (JOINED, latin):
        expected, got = await client.execute(query), await behind_fpm.execute(query)
        assert got.errors == expected.errors == []
        assert got.data == expected.data
    write = (
        'mutation { followChannel(input: {channelId: "c2", userId: "u2"}) '
        "{ following channel { name } } }"
    )
    result = await behind_fpm.execute(write)
    assert result.data["followChannel"]["following"] is True

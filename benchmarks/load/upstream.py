"""The upstreams of the load scenarios: nginx with static files, which is never the bottleneck; and a slow one."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import orjson

from benchmarks.load import data

CONFIG = """
daemon off;
worker_processes 1;
pid {root}/nginx.pid;
error_log {root}/error.log crit;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  add_header x-request-id $request_id; # no answer's head is like another
  keepalive_requests 100000000;
  keepalive_timeout 300s;
  client_body_temp_path {root}/tmp; proxy_temp_path {root}/tmp;
  fastcgi_temp_path {root}/tmp; uwsgi_temp_path {root}/tmp; scgi_temp_path {root}/tmp;
  default_type application/json;
  server {{
    listen 127.0.0.1:{port};
    root {root}/www;
    location / {{ try_files $uri.json =404; }}
    location ~ ^/posts/[0-9]+$ {{ try_files /post.json =404; }}
    location = /comments {{ return 200 '{comment}'; }}
    location = /__count {{ stub_status; default_type text/plain; }}
  }}
}}
"""


def free_port() -> int:
    """A TCP port that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def wait_for_port(
    port: int, timeout_s: float = 20.0, alive: Callable[[], bool] = lambda: True
) -> None:
    """Return when something listens. Errors: TimeoutError, also when `alive` says it never will."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end and alive():
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise TimeoutError(f"nothing listens on port {port} after {timeout_s} s")


@contextmanager
def nginx(files: Mapping[str, object], cpu: int | None) -> Iterator[int]:
    """nginx with `files` (name to JSON value) on a free port, pinned to `cpu`; gives the port.

    Errors: FileNotFoundError when nginx is not installed.
    """
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    with tempfile.TemporaryDirectory(prefix="bench-nginx-") as folder:
        root = Path(folder)
        root.chmod(0o755)  # the worker runs as another user
        (root / "www").mkdir()
        (root / "tmp").mkdir()
        for name, value in files.items():
            (root / "www" / f"{name}.json").write_bytes(orjson.dumps(value))
        port = free_port()
        comment = orjson.dumps(data.COMMENT).decode()
        (root / "nginx.conf").write_text(CONFIG.format(root=root, port=port, comment=comment))
        with _pinned([program, "-p", folder, "-c", str(root / "nginx.conf")], port, cpu):
            yield port


@contextmanager
def started(kind: str, cpu: int | None) -> Iterator[int]:
    """The upstream of a scenario, "fast" or "slow" (the same answers, late); gives its port."""
    if kind == "fast":
        with nginx(data.files(), cpu) as port:
            yield port
        return
    port = free_port()
    with _pinned([sys.executable, "-m", "benchmarks.load.slow", str(port)], port, cpu):
        yield port


@contextmanager
def _pinned(command: list[str], port: int, cpu: int | None) -> Iterator[None]:
    pin = [] if cpu is None else ["taskset", "-c", str(cpu)]
    process = subprocess.Popen([*pin, *command])
    try:
        wait_for_port(port)
        yield
    finally:
        process.terminate()
        process.wait(10)


def requests_served(port: int) -> int:
    """How many requests the upstream has answered, this one included, from its own counter."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/__count", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    return int(lines[2].split()[2])

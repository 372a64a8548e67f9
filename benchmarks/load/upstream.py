"""The upstream of the load scenarios: nginx with static files, which is never the bottleneck."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
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
  keepalive_requests 100000000;
  keepalive_timeout 300s;
  client_body_temp_path {root}/tmp; proxy_temp_path {root}/tmp;
  fastcgi_temp_path {root}/tmp; uwsgi_temp_path {root}/tmp; scgi_temp_path {root}/tmp;
  default_type application/json;
  server {{
    listen 127.0.0.1:{port};
    root {root}/www;
    location / {{ try_files $uri.json =404; }}
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


def wait_for_port(port: int, timeout_s: float = 20.0) -> None:
    """Return when something listens. Errors: TimeoutError."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise TimeoutError(f"nothing listens on port {port} after {timeout_s} s")


@contextmanager
def nginx(files: dict[str, object], cpu: int | None) -> Iterator[int]:
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
        (root / "nginx.conf").write_text(CONFIG.format(root=root, port=port))
        pin = [] if cpu is None else ["taskset", "-c", str(cpu)]
        process = subprocess.Popen([*pin, program, "-p", folder, "-c", str(root / "nginx.conf")])
        try:
            wait_for_port(port)
            yield port
        finally:
            process.terminate()
            process.wait(10)


def posts_and_users(cpu: int | None = None):  # type: ignore[no-untyped-def]
    """The workload's nginx."""
    return nginx({"posts": data.posts(), "users": data.users()}, cpu)


def requests_served(port: int) -> int:
    """How many requests nginx has answered, from its own counter."""
    import urllib.request

    with urllib.request.urlopen(f"http://127.0.0.1:{port}/__count", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    return int(lines[2].split()[2])

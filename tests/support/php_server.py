"""Real PHP over a folder of its own: PHP's own server, and FPM behind nginx as in production."""

from __future__ import annotations

import glob
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

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
      {params}
    }}
  }}
}}
"""


def php_program() -> str | None:
    """PHP's command, None where it is not installed."""
    return shutil.which("php")


def fpm_program() -> str | None:
    """FPM, None where it is not installed."""
    found = sorted(glob.glob("/usr/sbin/php-fpm*"))
    return found[-1] if found else None


def nginx_program() -> str | None:
    """nginx, None where it is not installed."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")


@contextmanager
def cli_server(folder: Path, router: Path) -> Iterator[str]:
    """PHP's own server with one script for all paths; gives the base URL."""
    port = free_port()
    command = [str(php_program()), "-q", "-S", f"127.0.0.1:{port}", str(router)]
    with open(folder / "php.log", "wb") as log, ended(subprocess.Popen(command, stderr=log)):
        wait_for(port)
        yield f"http://127.0.0.1:{port}"


@contextmanager
def fpm_behind_nginx(
    folder: Path, router: Path, params: Mapping[str, str] | None = None
) -> Iterator[str]:
    """nginx and FPM with one script for all paths; gives the base URL.

    Args:
        folder: For sockets, configuration and logs.
        router: The script.
        params: More of what nginx hands over, as the script's environment.
    """
    is_root = os.geteuid() == 0
    port = free_port()
    more = "\n".join(f"fastcgi_param {name} {value};" for name, value in (params or {}).items())
    fill = {"folder": folder, "port": port, "router": router, "params": more}
    user = "user = root\ngroup = root" if is_root else ""
    (folder / "fpm.conf").write_text(FPM.format(user=user, **fill))
    (folder / "nginx.conf").write_text(NGINX.format(user="user root;" if is_root else "", **fill))
    fpm = [str(fpm_program()), "-F", *(["-R"] if is_root else []), "-y", str(folder / "fpm.conf")]
    nginx = [str(nginx_program()), "-p", str(folder), "-c", str(folder / "nginx.conf")]
    with ended(subprocess.Popen(fpm)), ended(subprocess.Popen(nginx)):
        for _ in range(1000):
            if (folder / "fpm.sock").exists():
                break
            time.sleep(0.02)
        wait_for(port)
        yield f"http://127.0.0.1:{port}"


@contextmanager
def ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """End a process with the block."""
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_for(port: int) -> None:
    """Wait until something listens. Errors: TimeoutError."""
    for _ in range(1000):
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise TimeoutError(f"nothing listens on {port}")

"""The sockets that `gateway serve` and `gateway dev` answer on, bound before any process starts.

It must start nothing: a socket that cannot be bound is told as a mistake of the configuration.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gateway.errors import ConfigError


def bind_unix(path: str) -> list[socket.socket]:
    """A socket at a path; one that a dead process has left there is taken away. Errors: ConfigError."""
    opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _remove_dead(path)
        opened.bind(path)
    except OSError as exc:
        opened.close()
        what = "is in use" if exc.errno == errno.EADDRINUSE else f"cannot be bound: {exc.strerror}"
        raise ConfigError(f"{path} {what}", key="server.unix_socket") from exc
    opened.set_inheritable(True)
    return [opened]


def _remove_dead(path: str) -> None:
    """Errors: OSError(EADDRINUSE) where somebody listens, or where it is no socket."""
    if not Path(path).exists():
        return
    if not Path(path).is_socket():
        raise OSError(errno.EADDRINUSE, "is no socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        if probe.connect_ex(path) == 0:
            raise OSError(errno.EADDRINUSE, "is in use")
    Path(path).unlink(missing_ok=True)


def bind(host: str, port: int) -> list[socket.socket]:
    """A socket for each address of a host, all on one port. Errors: ConfigError."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as exc:
        raise ConfigError(
            f"{host} is not an address that can be bound: {exc}", key="server.host"
        ) from exc
    bound: list[socket.socket] = []
    failed: OSError | None = None
    for family, kind, protocol, _, address in dict.fromkeys(found):
        opened = socket.socket(family, kind, protocol)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        where: Any = (address[0], port or _port(bound), *address[2:])
        try:
            opened.bind(where)
            opened.set_inheritable(True)
            bound.append(opened)
        except OSError as exc:
            opened.close()
            if exc.errno != errno.EADDRNOTAVAIL:
                for other in bound:
                    other.close()
                raise _refused(exc, host, port) from exc
            failed = exc
    if failed is not None and not bound:
        raise _refused(failed, host, port)
    return bound


def _port(bound: Sequence[socket.socket]) -> int:
    return int(bound[0].getsockname()[1]) if bound else 0


def _refused(exc: OSError, host: str, port: int) -> ConfigError:
    if exc.errno == errno.EADDRINUSE:
        return ConfigError(
            f"port {port} of {host} is in use",
            key="server.port",
            hint="end what listens there, or give another --port; 0 takes a free one",
        )
    if exc.errno == errno.EACCES:
        hint = "ports below 1024 are the system's"
        return ConfigError(f"port {port} may not be bound", key="server.port", hint=hint)
    return ConfigError(f"{host} cannot be bound: {exc.strerror}", key="server.host")


def url_of(sockets: Sequence[socket.socket], host: str, path: str, *, has_tls: bool = False) -> str:
    """Where a browser finds what these sockets serve."""
    scheme = "https" if has_tls else "http"
    if sockets[0].family == socket.AF_UNIX:
        return f"{scheme}+unix://{sockets[0].getsockname()}:{path}"
    name = f"[{host}]" if ":" in host else host
    return f"{scheme}://{name}:{_port(sockets)}{path}"

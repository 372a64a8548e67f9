"""The sockets that `gateway serve` and `gateway dev` answer on, bound before any process starts.

It must start nothing: a socket that cannot be bound is told as a mistake of the configuration.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from gateway.errors import ConfigError

# `sun_path` of Linux, without its end.
MOST_PATH_BYTES = 107


class SocketFile:
    """The file of a socket that this server has bound.

    Args:
        path: Where.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._identity: tuple[int, int, int] | None = _identity_of(path)

    def remove(self) -> None:
        """Take the file away, unless it is another server's by now: clients are told at once that nobody is there."""
        with suppress(OSError), _alone_in(self._path):
            if self._identity is not None and _identity_of(self._path) == self._identity:
                Path(self._path).unlink()
        self._identity = None


def bind_unix(path: str, mode: str | None = None) -> tuple[list[socket.socket], SocketFile]:
    """A socket at a path that is listened on at once; one that a dead process has left there is taken away.

    Args:
        path: Where.
        mode: The file's permissions, octal; what the process's umask leaves of 777 where it is None.

    Errors: ConfigError.
    """
    if len(os.fsencode(path)) > MOST_PATH_BYTES:
        raise ConfigError(
            f"{path} is longer than {MOST_PATH_BYTES} bytes, which is all that the path of a socket may have",
            key="server.unix_socket",
        )
    opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    umask = os.umask(0o777 & ~int(mode, 8)) if mode is not None else None
    try:
        with _alone_in(path):
            _remove_dead(path)
            opened.bind(path)
            opened.listen()  # from here on another server sees that somebody is there
            file = SocketFile(path)
    except OSError as exc:
        opened.close()
        what = "is in use" if exc.errno == errno.EADDRINUSE else f"cannot be bound: {exc.strerror}"
        raise ConfigError(f"{path} {what}", key="server.unix_socket") from exc
    finally:
        if umask is not None:
            os.umask(umask)
    opened.set_inheritable(True)
    return [opened], file


@contextmanager
def _alone_in(path: str) -> Iterator[None]:
    """For a moment the only server that looks at, takes away or binds a socket in its folder. Errors: OSError."""
    folder = os.open(Path(path).parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _identity_of(path: str) -> tuple[int, int, int]:
    """A number of a file that has gone is given again; the moment at which it was bound is not."""
    found = os.lstat(path)
    return found.st_dev, found.st_ino, found.st_mtime_ns


def _remove_dead(path: str) -> None:
    """Errors: OSError where somebody listens, where it is no socket, and where nobody can tell."""
    if not os.path.lexists(path):
        return
    if not Path(path).is_socket():
        raise OSError(errno.ENOTSOCK, "there is something that is no socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)  # a server whose queue is full would be waited for
        found = probe.connect_ex(path)
    if found in (0, errno.EAGAIN, errno.EINPROGRESS):
        raise OSError(errno.EADDRINUSE, "is in use")
    if found != errno.ECONNREFUSED:
        raise OSError(found, os.strerror(found))
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

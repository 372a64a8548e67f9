"""The processes of `gateway serve`: sockets that are bound first, a start that fails at once, a URL that answers.

uvicorn's server and supervisor do the work. What is different: a worker that cannot start ends all of them with a
line and exit code 2, however many there are, and the URL is told when it answers.
"""

from __future__ import annotations

import errno
import logging
import os
import socket
import sys
import time
import traceback
from collections.abc import Callable, Collection, Sequence
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.lifespan.on import LifespanOn
from uvicorn.supervisors.multiprocess import Multiprocess, Process

from gateway.app.mistakes import error_lines
from gateway.app.worker import BROKER_DIRECTORY
from gateway.errors import ConfigError
from gateway.transport.server.served import served_app

Say = Callable[[Sequence[str]], None]
START_FAILED = (2, 3)  # our own, and uvicorn's STARTUP_FAILURE
START_TIMEOUT_S = 120.0
"""Seconds that a worker which replaces another may take before it serves."""


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


def say_once(lines: Sequence[str]) -> None:
    """Print lines, unless another worker of this server has failed before this one."""
    folder = os.environ.get(BROKER_DIRECTORY)
    if folder:
        try:
            os.close(os.open(Path(folder) / "failed", os.O_CREAT | os.O_EXCL))
        except OSError:
            return
    for line in lines:
        print(f"gateway: {line}", file=sys.stderr)


class Lifespan(LifespanOn):
    """The application's start and end. A start that fails is told as any other mistake."""

    async def send(self, message: Any) -> None:
        """What the application answers."""
        if message["type"] == "lifespan.startup.failed":
            exc = sys.exc_info()[1]
            message = {**message, "message": ""}
            if isinstance(exc, ConfigError):
                config = os.environ.get("GATEWAY_SERVE_CONFIG") or "gateway.toml"
                self._say(error_lines(exc, Path(config)))
            elif exc is not None:
                self._say([_start_line(exc)])
        await super().send(message)

    async def startup(self) -> None:
        """Start the application; uvicorn's own word about a failure is not needed."""
        logger, self.logger = self.logger, _Quiet(self._say)  # type: ignore[assignment]
        await super().startup()
        self.logger = logger

    def _say(self, lines: Sequence[str]) -> None:
        say: Say = getattr(self.config, "say", say_once)
        say(lines)


class _Quiet:
    def __init__(self, say: Say) -> None:
        self._say = say

    def info(self, *_: Any) -> None:
        """Not said."""

    def error(self, *_: Any, exc_info: BaseException | None = None) -> None:
        """Said only where the application has not said it: it ended before it could."""
        if exc_info is not None:
            self._say([_start_line(exc_info)])


def _start_line(exc: BaseException) -> str:
    """An exception of the application's own code at the start: traceback, then the line."""
    print("".join(traceback.format_exception(exc)), end="", file=sys.stderr)
    frames = traceback.extract_tb(exc.__traceback__)
    where = f"{frames[-1].filename}:{frames[-1].lineno}: " if frames else ""
    return f"{where}the start failed: {type(exc).__name__}: {exc}"


class ServedConfig(uvicorn.Config):
    """uvicorn's configuration with our lifespan, and the TLS context of the application.

    Attributes:
        say: Told the lines of a start that fails.
    """

    say: Say = staticmethod(say_once)

    def load(self) -> None:
        """Load the application."""
        super().load()
        self.lifespan_class = Lifespan
        certificates = served_app(self).certificates
        if certificates is not None:
            self.ssl = certificates.context


class AnnouncedServer(uvicorn.Server):
    """A server that says its URL when it answers."""

    def __init__(self, config: uvicorn.Config, url: str) -> None:
        super().__init__(config)
        self._url = url

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application and listen."""
        await super().startup(sockets)
        if self.started:
            announce(self._url)


def announce(url: str) -> None:
    """Say where it answers."""
    say(f"{url}; Ctrl-C ends it")


def say(message: str, level: int = logging.INFO) -> None:
    """Tell a person at a terminal in words, and everybody else by a line of the log."""
    if sys.stderr.isatty():
        print(f"gateway: {message}", file=sys.stderr, flush=True)
    else:
        logging.getLogger("gateway.server").log(level, message)


class Workers(Multiprocess):
    """uvicorn's supervisor. A worker that cannot start ends all of them."""

    def __init__(self, config: uvicorn.Config, sockets: list[socket.socket], url: str) -> None:
        super().__init__(config, sockets)
        self._url = url
        self._has_failed = False
        self._starting: dict[Process, float] = {}
        self._asked: set[Process] = set()

    def serve(self) -> int:
        """Run the workers until the end. Gives the exit code."""
        self.init_processes()
        if self._wait_for_start():
            announce(self._url)
        while not self.should_exit.wait(0.5):
            self.handle_signals()
            self.keep_subprocess_alive()
        self.terminate_all()
        self.join_all()
        return 2 if self._has_failed else 0

    def keep_subprocess_alive(self) -> None:
        """Replace a worker that died or hangs; end when its replacement cannot start.

        One that starts is given START_TIMEOUT_S: on a busy machine its imports alone take longer than the health check
        of one that serves, which would end it, and the next, for ever.
        """
        if any(process.exitcode in START_FAILED for process in self.processes):
            self._has_failed = True
            self.should_exit.set()
        for index, process in enumerate(self.processes):
            if self.should_exit.is_set():
                return
            if self._is_well(process):
                continue
            self._starting.pop(process, None)
            process.kill()
            process.join()
            replacement = self.processes[index] = Process(self.config, self.sockets)
            replacement.start()
            self._starting[replacement] = time.monotonic() + START_TIMEOUT_S

    def _is_well(self, process: Process) -> bool:
        if process not in self._starting:
            return process.is_alive(timeout=self.config.timeout_worker_healthcheck)
        if not process.process.is_alive() or time.monotonic() > self._starting[process]:
            return False
        if self._has_answered(process):
            del self._starting[process]
        return True

    def _has_answered(self, process: Process) -> bool:
        """Whether a worker says that it serves. It is asked, and not waited for; one that has ended says nothing."""
        try:
            if process not in self._asked:
                process.parent_conn.send(b"ping")
                self._asked.add(process)
            if not process.parent_conn.poll(0):
                return False
            self._asked.discard(process)
            return bool(process.parent_conn.recv())
        except (OSError, EOFError):
            return False

    def _wait_for_start(self) -> bool:
        """Wait until every worker answers; False when one of them ends before, or all are to end."""
        waiting = list(self.processes)
        while waiting and not self.should_exit.is_set():
            waiting = [process for process in waiting if not self._has_answered(process)]
            # One that has answered and dies is replaced, as any later.
            ended = wait([process.process.sentinel for process in waiting], timeout=0.02)
            if ended:
                self._say_who_ended(ended)
                self._has_failed = True
                self.should_exit.set()
                return False
            self.handle_signals()
        return not waiting

    def _say_who_ended(self, ended: Collection[object]) -> None:
        """Say which worker something from outside has ended before it served; others say it themselves."""
        for process in self.processes:
            if process.process.sentinel in ended:
                process.process.join(5)  # it is at its end: its code is there in a moment
                code = process.exitcode
                if code is not None and code < 0:
                    said = f"worker {process.pid} was ended by signal {-code} before it served"
                    say_once([said])

"""The processes of `gateway serve`: a start that fails at once, a URL that answers.

uvicorn's server and supervisor do the work. What is different: a worker that cannot start ends all of them with a
line and exit code 2, however many there are, unless one of them serves by then; and the URL is told when it answers.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.lifespan.on import LifespanOn
from uvicorn.supervisors.multiprocess import Multiprocess, Process

from gateway.app.gateway import Gateway
from gateway.app.mistakes import error_lines
from gateway.app.reload.successors import START_TIMEOUT_S
from gateway.cli.failures import failure_of, print_failure, tell_failure
from gateway.cli.roll import Roll
from gateway.cli.sockets import SocketFile
from gateway.errors import ConfigError
from gateway.transport.server.handshakes import TlsHandshake
from gateway.transport.server.served import served_app

Say = Callable[[Sequence[str]], None]
START_FAILED = (2, 3)  # our own, and uvicorn's STARTUP_FAILURE
START_AGAIN_S = 5.0
"""Seconds between two starts of a worker that cannot start while others serve."""
LOOK_EVERY_S = 0.5


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
        say: Say = getattr(self.config, "say", tell_failure)
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
    """uvicorn's configuration with our lifespan, and what the application's configuration says of the server.

    Attributes:
        say: Told the lines of a start that fails.
    """

    say: Say = staticmethod(tell_failure)

    def load(self) -> None:
        """Load the application. It may have another configuration than the process that has started this one."""
        super().load()
        self.lifespan_class = Lifespan
        app = served_app(self)
        assert isinstance(app, Gateway)
        self.ws_max_size = app.config.subscription.max_message_bytes
        self.timeout_graceful_shutdown = int(app.config.server.drain_timeout_s)
        if app.certificates is not None:
            self.http_protocol_class = TlsHandshake


class AnnouncedServer(uvicorn.Server):
    """A server that says its URL when it answers."""

    def __init__(self, config: uvicorn.Config, url: str, file: SocketFile | None = None) -> None:
        super().__init__(config)
        self._url = url
        self._file = file

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application and listen."""
        await super().startup(sockets)
        if self.started:
            announce(self._url)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop to listen, and end. Behind it the process may end by the signal that has ended the server."""
        if self._file is not None:
            self._file.remove()
        await super().shutdown(sockets)


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
    """uvicorn's supervisor. A worker that cannot start ends all of them, unless one serves."""

    def __init__(self, config: uvicorn.Config, sockets: list[socket.socket], url: str) -> None:
        super().__init__(config, sockets)
        self._url = url
        self._has_failed = False
        self._starting: dict[Process, float] = {}
        self._failed: dict[Process, float] = {}
        self._asked: set[Process] = set()
        self._leaving: list[Process] = []
        self._roll = Roll(self)

    def serve(self) -> int:
        """Run the workers until the end. Gives the exit code."""
        self.init_processes()
        if self._wait_for_start():
            announce(self._url)
        due = 0.0
        while not self.should_exit.wait(self._roll.look_every_s or LOOK_EVERY_S):
            self.handle_signals()
            self._roll.go_on()
            if time.monotonic() >= due:
                self.keep_subprocess_alive()
                due = time.monotonic() + LOOK_EVERY_S
        self._roll.give_up()
        self.terminate_all()
        self.join_all()
        for process in self._leaving:
            process.join()
        return 2 if self._has_failed else 0

    def begin_process(self) -> Process:
        """One process more, which is given START_TIMEOUT_S to serve."""
        process = Process(self.config, self.sockets)
        process.start()
        self._starting[process] = time.monotonic() + START_TIMEOUT_S
        return process

    def keep_subprocess_alive(self) -> None:
        """Replace a worker that died or hangs; end when its replacement cannot start, and no other serves.

        One that starts is given START_TIMEOUT_S: on a busy machine its imports alone take longer than the health check
        of one that serves, which would end it, and the next, for ever.
        """
        self._leaving = [process for process in self._leaving if process.process.is_alive()]
        for index, process in enumerate(self.processes):
            if self.should_exit.is_set():
                return
            if self.is_well(process) or self._is_to_wait(process):
                continue
            self._failed.pop(process, None)
            self.drop(process)
            replacement = self.processes[index] = self.begin_process()
            self._roll.note_replaced(process, replacement)

    def drop(self, process: Process) -> None:
        """End a process that is of no use."""
        self._starting.pop(process, None)
        self._asked.discard(process)
        process.kill()
        process.join()

    def _is_to_wait(self, process: Process) -> bool:
        """Whether a worker that could not start is not replaced now: others serve on, or all of them end."""
        code = process.exitcode or 0
        if code not in START_FAILED and not (code > 0 and process in self._starting):
            return False
        if process not in self._failed:
            serving = sum(self._serves(other) for other in self.processes)
            why = failure_of(process.pid, process.exitcode)
            self._has_failed = not serving
            if not serving:
                print_failure(why)
                self.should_exit.set()
                return True
            self._failed[process] = time.monotonic() + START_AGAIN_S
            message = (
                f"worker {process.pid} could not start: {serving} serve on, and it is tried again"
            )
            say("; ".join([message, *why]), logging.ERROR)
        return time.monotonic() < self._failed[process]

    def _serves(self, process: Process) -> bool:
        return process not in self._starting and process.process.is_alive()

    def handle_hup(self) -> None:
        """SIGHUP: one worker reloads, and has the others do it."""
        for process in self.processes:
            if process.pid and self._serves(process):
                os.kill(process.pid, signal.SIGHUP)
                return

    def handle_usr2(self) -> None:
        """SIGUSR2, as a worker sends it: replace the workers, each when its successor answers."""
        self._roll.begin()

    def replace(self, old: Process, new: Process) -> None:
        """Let a worker take the place of another, which ends what it has begun."""
        self.processes[self.processes.index(old)] = new
        old.terminate()
        self._leaving.append(old)

    def is_well(self, process: Process) -> bool:
        """Whether a worker serves, or still may."""
        if process not in self._starting:
            return process.is_alive(timeout=self.config.timeout_worker_healthcheck)
        if not process.process.is_alive() or time.monotonic() > self._starting[process]:
            return False
        if self._has_answered(process):
            del self._starting[process]
        return True

    def is_starting(self, process: Process) -> bool:
        """Whether it does not serve yet."""
        return process in self._starting

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
            sentinels = {process.process.sentinel: process for process in waiting}
            if gone := wait(list(sentinels), timeout=0.02):
                ended = next(process for key, process in sentinels.items() if key in gone)
                ended.process.join(5)  # it is at its end: its code is there in a moment
                print_failure(failure_of(ended.pid, ended.exitcode))
                self._has_failed = True
                self.should_exit.set()
                return False
            self.handle_signals()
        return not waiting

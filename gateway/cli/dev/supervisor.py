"""The parent of `gateway dev`: it holds the sockets; one child serves a version, another watches the files.

A new version takes the place of the one before when it answers; one that does not start never does.
"""

from __future__ import annotations

import multiprocessing
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from gateway.cli.dev.child import DRAIN_S, Version, serve_version
from gateway.cli.dev.status import DevStatus
from gateway.cli.dev.watcher import watch_files

Say = Callable[[str], None]


class Child:
    """A process, and the channel on which it tells what comes of it."""

    def __init__(self, process: Any, channel: Connection) -> None:
        self.process = process
        self.channel = channel

    def told(self) -> list[str]:
        """Wait for what it tells: of a version [] when it answers, or the lines that say why it does not."""
        try:
            found: list[str] = self.channel.recv()
        except (EOFError, OSError):
            self.process.join(1)
            return [f"it ended with exit code {self.process.exitcode} before it answered"]
        return found

    def end(self) -> None:
        """Let it finish what it does, and end."""
        self.channel.close()
        self.process.join(DRAIN_S + 1)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


class Supervisor:
    """Watches and serves until it is told to end.

    Args:
        version: What to serve.
        sockets: Bound.
        folders: What to watch.
        url: Where it answers.
        say: Told a line for each thing that happens.
    """

    def __init__(
        self,
        version: Version,
        sockets: list[socket.socket],
        folders: Sequence[Path],
        url: str,
        say: Say,
    ) -> None:
        self._version = version
        self._sockets = sockets
        self._folders = folders
        self._url = url
        self._say = say
        self._status = DevStatus(version.status)
        self._stop_read, self._stop = multiprocessing.Pipe(duplex=False)
        self._child: Child | None = None
        self._watcher: Child | None = None
        self._is_broken = False
        self._number = 0
        # A fork has imported the gateway already; where there is none, or it is not safe, each process does.
        self._processes: Any = multiprocessing.get_context(
            "fork" if sys.platform == "linux" else "spawn"
        )

    def run(self) -> None:
        """Serve until Ctrl-C or SIGTERM."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stop.send(True))
        try:
            self._watcher = self._start(watch_files, self._folders)
            self._watcher.told()  # it watches: what is saved while a version starts is not missed
            self._replace(())
            while not self._stop_read.poll():
                self._wait(self._watcher)
        finally:
            for child in (self._child, self._watcher):
                if child is not None:
                    child.end()

    def _wait(self, watcher: Child) -> None:
        """Wait for the next thing that happens."""
        serving = self._child
        ends = [serving.process.sentinel] if serving is not None else []
        heard = wait([self._stop_read, watcher.channel, *ends])
        if watcher.channel in heard:
            try:
                changed = watcher.channel.recv()
            except EOFError:
                self._say("what watches the files has ended; start it again")
                self._stop.send(True)
                return
            self._replace(changed)
        elif serving is not None and serving.process.sentinel in heard and self._child is serving:
            if not self._stop_read.poll(0.1):  # Ctrl-C ends all of them
                self._say("it ended by itself; the next change starts it again")
            self._child = None

    def _replace(self, changed: Sequence[str]) -> None:
        """Start a version; where it answers, end the one before."""
        began = time.perf_counter()
        before = self._child
        alone = before is None or self._is_broken
        child = self._start(serve_version, replace(self._version, is_alone=alone), self._sockets)
        problems = child.told()
        for line in problems:
            self._say(line)
        if problems and not alone:
            self._say("the version before goes on")
            self._status.write(self._number, problems)
            child.end()
            return
        self._number += 1
        self._status.write(self._number, problems)
        self._child, self._is_broken = child, bool(problems)
        if before is not None:
            before.end()
        if problems and before is None:
            self._say(f"{self._url} shows what is wrong until it is mended; Ctrl-C ends it")
        elif not problems:
            self._say(_served(changed, time.perf_counter() - began, self._url, self._number))

    def _start(self, target: Callable[..., None], *arguments: Any) -> Child:
        """Start a process; the last things that it gets are its channel, and which of a fork's are not its own."""
        ours, theirs = self._processes.Pipe()
        not_ours: list[Connection] = []
        if self._processes.get_start_method() == "fork":
            children = [child for child in (self._child, self._watcher) if child is not None]
            not_ours = [ours, self._stop, self._stop_read, *(c.channel for c in children)]
        process = self._processes.Process(
            target=target, args=(*arguments, theirs, not_ours), daemon=True
        )
        process.start()
        theirs.close()
        return Child(process, ours)


def _served(changed: Sequence[str], seconds: float, url: str, number: int) -> str:
    names = [Path(path).name for path in changed]
    what = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return (
        f"{what} served after {seconds:.1f} s" if number > 1 and what else f"{url}; Ctrl-C ends it"
    )

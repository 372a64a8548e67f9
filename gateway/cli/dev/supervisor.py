"""The parent of `gateway dev`: it watches files and holds the sockets, and has a child for the version that is served.

A new version takes the place of the one before when it answers; one that does not start never does.
"""

from __future__ import annotations

import multiprocessing
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from watchfiles import Change, DefaultFilter, watch

from gateway.cli.dev.child import DRAIN_S, Version, serve_version
from gateway.cli.dev.status import DevStatus

SUFFIXES = (".graphql", ".graphqls", ".gql", ".toml", ".py", ".pem")
DEBOUNCE_MS = 150
"""Files that are saved together are one change."""
LOOK_MS = 100
"""How often it looks whether the version that is served still is."""
Say = Callable[[str], None]


class OurFiles(DefaultFilter):
    """Which files a version is made of."""

    def __call__(self, change: Change, path: str) -> bool:
        """Whether a change of this file is one of the version."""
        return path.endswith(SUFFIXES) and super().__call__(change, path)


class Child:
    """A version in its process."""

    def __init__(self, process: Any, channel: Connection) -> None:
        self._process = process
        self._channel = channel

    @property
    def is_alive(self) -> bool:
        """Whether its process runs."""
        return bool(self._process.is_alive())

    def problems(self) -> list[str]:
        """Wait until it answers or does not: [] or the lines that say why."""
        try:
            found: list[str] = self._channel.recv()
        except (EOFError, OSError):
            self._process.join(1)
            return [f"it ended with exit code {self._process.exitcode} before it answered"]
        return found

    def end(self) -> None:
        """Let it finish what it does, and end."""
        self._channel.close()
        self._process.join(DRAIN_S + 1)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


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
        self._stop = threading.Event()
        self._child: Child | None = None
        self._is_broken = False
        self._number = 0
        self._processes = _process_context()

    def run(self) -> None:
        """Serve until Ctrl-C or SIGTERM."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stop.set())
        changes = watch(
            *self._folders,
            watch_filter=OurFiles(),
            debounce=DEBOUNCE_MS,
            step=50,
            stop_event=self._stop,
            yield_on_timeout=True,
            rust_timeout=LOOK_MS,
            raise_interrupt=False,
            ignore_permission_denied=True,
        )
        try:
            next(
                changes
            )  # it watches from here on: what is saved while a version starts is not missed
            self._replace(())
            for found in changes:
                if found:
                    self._replace(sorted({path for _, path in found}))
                elif self._child is not None and not self._child.is_alive:
                    self._say("it ended by itself; the next change starts it again")
                    self._child = None
        finally:
            if self._child is not None:
                self._child.end()

    def _replace(self, changed: Sequence[str]) -> None:
        """Start a version; where it answers, end the one before."""
        began = time.perf_counter()
        before = self._child
        alone = before is None or self._is_broken
        child = self._start(replace(self._version, is_alone=alone))
        problems = child.problems()
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

    def _start(self, version: Version) -> Child:
        ours, theirs = self._processes.Pipe()
        process = self._processes.Process(
            target=serve_version, args=(version, self._sockets, theirs), daemon=True
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


def _process_context() -> Any:
    """How processes are started: from one that has imported the gateway already, where there is such a thing."""
    if sys.platform != "linux":
        return multiprocessing.get_context("spawn")
    found = multiprocessing.get_context("forkserver")
    found.set_forkserver_preload(["gateway.cli.dev.child"])
    return found

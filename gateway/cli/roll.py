"""New workers in place of all that run, one after the other, each when its successor answers.

The first has to come up: where it does not, whoever asked is told why and nothing is replaced. By then it is decided
what is served, so that a later one that cannot start is tried again until it can. It blocks nothing: the parent looks
after its workers meanwhile.
"""

from __future__ import annotations

import logging
import os
import time
from typing import TYPE_CHECKING

from gateway.app.reload.shelf import Shelf
from gateway.app.reload.successors import SERVE_DIGEST
from gateway.app.worker import BROKER_DIRECTORY
from gateway.cli.failures import failure_of

if TYPE_CHECKING:
    from uvicorn.supervisors.multiprocess import Process

    from gateway.cli.workers import Workers

logger = logging.getLogger("gateway.reload")
AGAIN_S = 5.0
BUSY_LOOK_S = 0.02


class Roll:
    """The roll that is under way, if there is one.

    Args:
        workers: Whose.
    """

    def __init__(self, workers: Workers) -> None:
        self._workers = workers
        self._digest: str | None = None
        self._old: list[Process] = []
        self._successor: Process | None = None
        self._has_come_up = False
        self._not_before = 0.0

    @property
    def look_every_s(self) -> float | None:
        """How often it is to be looked at; None without one."""
        return BUSY_LOOK_S if self._digest is not None else None

    def begin(self) -> None:
        """Replace every worker, as it was asked for. The same that is under way goes on."""
        shelf = _shelf()
        wanted = shelf.wanted()
        if wanted == self._digest and self._has_come_up:
            shelf.tell(wanted, [])
            return
        # Those that the roll before has not come to are the first of this one.
        old = sorted(self._workers.processes, key=lambda process: process not in self._old)
        self.give_up()
        self._digest, self._old = wanted, old
        os.environ[SERVE_DIGEST] = wanted
        try:
            self._successor = self._workers.begin_process()
        finally:
            del os.environ[SERVE_DIGEST]

    def go_on(self) -> None:
        """Look at the successor that starts, or start the next."""
        if self._digest is None:
            return
        successor = self._successor
        if successor is None:
            if time.monotonic() >= self._not_before:
                self._successor = self._workers.begin_process()
        elif not self._workers.is_well(successor):
            self._failed(successor)
        elif not self._workers.is_starting(successor):
            self._has_come_up = True
            self._workers.replace(self._old.pop(0), successor)
            self._successor = None
            if not self._old:
                self._digest, self._has_come_up = None, False

    def note_replaced(self, dead: Process, replacement: Process) -> None:
        """A worker has died and another has its place: it serves what is decided."""
        if dead in self._old:
            index = self._old.index(dead)
            self._old[index : index + 1] = [] if self._has_come_up else [replacement]
            if not self._old:
                self.give_up()

    def give_up(self) -> None:
        """Replace none that is not replaced yet."""
        if self._successor is not None:
            self._workers.drop(self._successor)
        self._digest, self._successor, self._has_come_up, self._old = None, None, False, []

    def _failed(self, successor: Process) -> None:
        self._workers.drop(successor)
        self._successor = None
        why = failure_of(successor.pid, successor.exitcode)
        if self._has_come_up:
            message = f"worker {successor.pid} could not start: the one before serves on, and it is tried again"
            logger.error("%s", "; ".join([message, *why]))
            self._not_before = time.monotonic() + AGAIN_S
        else:
            _shelf().tell(self._digest or "", why)
            self.give_up()


def _shelf() -> Shelf:
    return Shelf(os.environ[BROKER_DIRECTORY])

"""What the workers of a server have in common for a reload: the files' texts, and what it was decided to serve.

The decision is a file: a worker that starts, or that missed the word of the others, finds it there. So is what the
process that starts the workers is asked for, and what came of it.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import orjson

from gateway.app.reload.canary import Trial
from gateway.app.reload.inputs import Inputs
from gateway.settings.whole_file import write_whole

FOLDER = "reload"


class BusyError(Exception):
    """Another reload is under way."""


class Shelf:
    """The shelf of one server.

    Args:
        directory: Where its workers meet; None where there is one.
    """

    def __init__(self, directory: str | None) -> None:
        self._folder = Path(directory) / FOLDER if directory else None
        if self._folder is not None:
            self._folder.mkdir(mode=0o700, exist_ok=True)
        self._held: dict[str, Inputs] = {}
        self._is_busy = False
        self._handled = ""
        self._trial: Trial | None = None
        self._owned: dict[str, IO[bytes]] = {}

    @property
    def is_shared(self) -> bool:
        """Whether it is of several workers."""
        return self._folder is not None

    def put(self, inputs: Inputs) -> str:
        """Lay inputs where every worker finds them. Gives their digest."""
        digest = inputs.digest
        if self._folder is None:
            self._held[digest] = inputs
        else:
            inputs.keep(self._folder / digest)
        return digest

    def take(self, digest: str) -> Inputs:
        """What was laid there."""
        if self._folder is None:
            return self._held[digest]
        return Inputs.from_bytes((self._folder / digest).read_bytes())

    def decide(self, inputs: Inputs) -> None:
        """From now on every worker that starts serves these."""
        if self._folder is not None:
            inputs.keep(self._folder / "decided")

    def decided(self) -> Inputs | None:
        """What it was decided to serve; None before the first reload."""
        try:
            return (
                Inputs.from_bytes((self._folder / "decided").read_bytes()) if self._folder else None
            )
        except FileNotFoundError:
            return None

    def note_handled(self, digest: str) -> None:
        """These files were seen to, whatever came of it: whoever watches from now on leaves them alone."""
        self._handled = digest
        if self._folder is not None:
            write_whole(self._folder / "handled", digest.encode())

    def handled(self) -> str:
        """The digest of the files that were seen to last; "" before the first."""
        if self._folder is None:
            return self._handled
        try:
            return (self._folder / "handled").read_text()
        except FileNotFoundError:
            return ""

    def begin_trial(self, trial: Trial) -> None:
        """From now on every worker serves this to some of its clients."""
        self._trial = trial
        if self._folder is not None:
            write_whole(self._folder / "trial", orjson.dumps(trial))

    def trial(self) -> Trial | None:
        """What is tried; None where nothing is."""
        if self._folder is None:
            return self._trial
        try:
            return Trial(**orjson.loads((self._folder / "trial").read_bytes()))
        except FileNotFoundError:
            return None

    def end_trial(self) -> None:
        """Nothing is tried any more: what was decided last is what all clients get."""
        trial = self.trial()
        self._trial = None
        if self._folder is not None:
            (self._folder / "trial").unlink(missing_ok=True)
        if trial is not None:
            self.drop(trial.digest)

    def want(self, digest: str) -> None:
        """Ask the process that starts the workers for new ones that serve this."""
        assert self._folder is not None
        (self._folder / "outcome").unlink(missing_ok=True)
        (self._folder / "wanted").write_text(digest)

    def wanted(self) -> str:
        """What new workers are to serve."""
        assert self._folder is not None
        return (self._folder / "wanted").read_text()

    def tell(self, digest: str, errors: Sequence[str]) -> None:
        """Say what came of the first new worker: why it does not serve, or nothing."""
        assert self._folder is not None
        told = {"digest": digest, "errors": list(errors)}
        write_whole(self._folder / "outcome", orjson.dumps(told))

    def outcome(self, digest: str) -> list[str] | None:
        """What came of the first new worker; None while nothing was told."""
        assert self._folder is not None
        try:
            told = orjson.loads((self._folder / "outcome").read_bytes())
        except FileNotFoundError:
            return None
        errors: list[str] = told["errors"]
        return errors if told["digest"] == digest else None

    def drop(self, digest: str) -> None:
        """It is not needed any more."""
        if self._folder is None:
            self._held.pop(digest, None)
        else:
            (self._folder / digest).unlink(missing_ok=True)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """One reload at a time, of all workers together. Errors: BusyError."""
        if self._is_busy:
            raise BusyError("another reload is under way")
        lock = self._lock("turn")
        if lock is None and self._folder is not None:
            raise BusyError("another reload is under way")
        self._is_busy = True
        try:
            yield
        finally:
            self._is_busy = False
            if lock is not None:
                lock.close()

    def take_office(self, name: str) -> bool:
        """Whether this worker is the one that sees to something for all; it is until its process ends."""
        if self._folder is not None and name not in self._owned:
            lock = self._lock(name)
            if lock is None:
                return False
            self._owned[name] = lock
        return True

    def _lock(self, name: str) -> IO[bytes] | None:
        """A lock that goes with the process; None where another has it."""
        if self._folder is None:
            return None
        lock = (self._folder / name).open("wb")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            return None
        return lock

"""A document that is read again when it changes, wherever it is kept: key sets, API keys, switches.

Twice a second it looks whether the document is another one. What cannot be read or used leaves what was there before,
is logged once, and counts as time in which what is in use may be old.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Generic, NamedTuple, Protocol, TypeVar

from gateway.concurrency.looking import Looking
from gateway.errors import ConfigError
from gateway.settings.file_state import state_of

LOOK_EVERY_S = 0.5
T = TypeVar("T")


class Version(NamedTuple):
    """A document as it was found.

    Attributes:
        state: What changes with it.
        text: What it says.
    """

    state: Hashable
    text: bytes


class PlaceError(Exception):
    """A document cannot be read now."""


class Place(Protocol):
    """Where a document is kept."""

    async def state(self) -> Hashable:
        """What changes with it. Errors: PlaceError."""
        ...

    async def version(self) -> Version:
        """The whole of it. Errors: PlaceError."""
        ...


class FilePlace:
    """A file; the change of a symbolic link is one too (Kubernetes' `..data`).

    Args:
        path: Which.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    async def state(self) -> Hashable:
        """Its times, size and number. Errors: PlaceError."""
        return self._state()

    async def version(self) -> Version:
        """What it says. Errors: PlaceError."""
        return await asyncio.to_thread(self.version_now)

    def version_now(self) -> Version:
        """The same where nothing else waits. Errors: PlaceError."""
        state = self._state()
        try:
            return Version(state, self._path.read_bytes())
        except OSError as exc:
            raise PlaceError(exc.strerror) from exc

    def _state(self) -> Hashable:
        try:
            return state_of(self._path)
        except OSError as exc:
            raise PlaceError(exc.strerror) from exc


class Watched(Generic[T]):
    """One document.

    Args:
        place: Where it is kept.
        parse: What its text means; it runs in a thread, beside the event loop. Errors: ValueError for what is of no
            use.
        use: Called with that, at first and after each change.
        what: What it is, for the log.
        every_s: How often it is looked at.
        clock: Seconds.
        logger: Who is told.
    """

    def __init__(
        self,
        place: Place,
        parse: Callable[[bytes], T],
        use: Callable[[T], None],
        what: str,
        every_s: float = LOOK_EVERY_S,
        clock: Callable[[], float] = time.monotonic,
        logger: str = "gateway.auth",
    ) -> None:
        self._log = logging.getLogger(logger)
        self._place = place
        self._parse = parse
        self._use = use
        self._what = what
        self._clock = clock
        self._seen: Hashable = None
        self._is_used = False  # what was seen last, that is
        self._was_away = False
        self._current_at = clock()
        self._looking = Looking(self.look, lambda: every_s, what, self._log)
        self.is_known = False
        """Whether there is one in use."""

    @property
    def age_s(self) -> float:
        """Since when what is in use may be old: seconds since it was known to be the newest."""
        return self._clock() - self._current_at

    def take(self, version: Version) -> None:
        """Use a document that was read already. Errors: ValueError."""
        self._taken(version.state, self._parse(version.text))

    def watch(self) -> None:
        """From now on, until `stop`."""
        self._looking.begin()

    async def stop(self) -> None:
        """Look no more."""
        await self._looking.stop()

    async def look(self) -> None:
        """Read it where it has changed."""
        log = self._log
        try:
            if self._is_seen(await self._place.state()):
                return
            version = await self._place.version()
        except PlaceError as exc:
            if not self._was_away:
                log.error("%s cannot be read; %s: %s", self._what, self._instead, exc)  # noqa: TRY400
            self._was_away = True
            return
        self._was_away = False
        self._seen, self._is_used = (
            version.state,
            False,
        )  # what is of no use is not read again before it changes
        try:
            parsed = await asyncio.to_thread(self._parse, version.text)
        except ValueError as exc:
            log.error("%s is invalid; %s: %s", self._what, self._instead, exc)  # noqa: TRY400
        else:
            log.info(
                "%s was read %s", self._what, "again" if self.is_known else "for the first time"
            )
            self._taken(version.state, parsed)

    def _is_seen(self, state: Hashable) -> bool:
        """Whether what is there was there at the last look."""
        if state != self._seen:
            return False
        if self._was_away:
            self._log.info("%s can be read again", self._what)
            self._was_away = False
        if self._is_used:
            self._current_at = self._clock()
        return True

    def _taken(self, state: Hashable, parsed: T) -> None:
        self._use(parsed)
        self._seen, self._current_at = state, self._clock()
        self.is_known = self._is_used = True

    @property
    def _instead(self) -> str:
        return "the last one stays in use" if self.is_known else "there is none to use"


@contextmanager
def told_as(key: str) -> Iterator[None]:
    """Errors: ConfigError for what cannot be read or used, with the setting that names it."""
    try:
        yield
    except (PlaceError, ValueError) as exc:
        raise ConfigError(str(exc), key=key) from exc

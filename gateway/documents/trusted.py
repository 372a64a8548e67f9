"""Trusted documents in use: their manifests are read again when they change."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from gateway.documents.apps import read_apps, signature_of_apps
from gateway.documents.manifest import Signature, read_manifest, signature_of
from gateway.errors import ConfigError

logger = logging.getLogger("gateway.documents")
CHECK_EVERY_S = 1.0


class TrustedDocuments:
    """The manifests in use.

    Args:
        path: Of the manifest; None without one.
        apps: The folder of the applications' manifests; None without one.
        clock: Seconds; the files are looked at once in `CHECK_EVERY_S`, and only when a request comes.

    Attributes:
        texts: By id and by hash.

    Errors: ConfigError when there is none to begin with.
    """

    def __init__(
        self,
        path: Path | None,
        clock: Callable[[], float] = time.monotonic,
        apps: Path | None = None,
    ) -> None:
        self._path = path
        self._apps = apps
        self._clock = clock
        self.texts = self._read()
        self._signature: Signature | None = self._sign()
        self._next_check = clock() + CHECK_EVERY_S

    async def refresh(self) -> None:
        """Look whether the manifest has changed, when it is time to. Never raises."""
        now = self._clock()
        if now >= self._next_check:
            self._next_check = now + CHECK_EVERY_S
            await asyncio.to_thread(self._reload)

    def once_each(self) -> Iterator[tuple[str, str]]:
        """Each text with the first of its ids."""
        seen: set[str] = set()
        for id_, text in self.texts.items():
            if text not in seen:
                seen.add(text)
                yield id_, text

    def _read(self) -> dict[str, str]:
        """All that the manifests hold. Errors: ConfigError."""
        texts = read_manifest(self._path) if self._path is not None else {}
        return texts | (read_apps(self._apps) if self._apps is not None else {})

    def _sign(self) -> Signature:
        """What changes with them. Errors: OSError."""
        own = signature_of(self._path) if self._path is not None else ()
        return own + (signature_of_apps(self._apps) if self._apps is not None else ())

    def _reload(self) -> None:
        try:
            signature = self._sign()
        except OSError:
            signature = None  # reading says what is the matter
        if signature == self._signature:
            return
        self._signature = signature  # of a broken one too: it is complained of once
        try:
            self.texts = self._read()
        except ConfigError as exc:
            logger.error("%s; the documents read before stay in use", exc)  # noqa: TRY400 - no fault of ours
        else:
            logger.info("the manifests were read again: %d ids", len(self.texts))

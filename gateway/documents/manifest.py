"""Trusted documents: the manifest's formats, and the one in use, which is read again when it changes.

A manifest holds ids and texts; nothing here parses a text.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import orjson

from gateway.documents.ids import hash_of, plain_id
from gateway.errors import ConfigError
from gateway.settings.text_file import read_text_file

logger = logging.getLogger("gateway.documents")

APOLLO = "apollo-persisted-query-manifest"
KEY = "persisted_documents.manifest"
CHECK_EVERY_S = 1.0
Signature = tuple[tuple[str, int, int], ...]


def read_manifest(path: Path) -> dict[str, str]:
    """The texts by id; each also by its hash.

    Errors: ConfigError naming the file.
    """
    try:
        pairs = (
            _files(path)
            if path.is_dir()
            else _operations(orjson.loads(read_text_file(path, "manifest", key=KEY)))
        )
        texts = _by_id(pairs)
    except ValueError as exc:  # of JSON, too
        raise _broken(path, str(exc)) from exc
    for text in list(texts.values()):
        texts.setdefault(hash_of(text), text)
    return texts


def _by_id(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    texts: dict[str, str] = {}
    for id_, text in pairs:
        if texts.setdefault(plain_id(id_), text) != text:
            raise ValueError(f"two texts have the id {id_!r}")
    return texts


def _operations(manifest: object) -> Iterable[tuple[str, str]]:
    if not isinstance(manifest, dict):
        raise ValueError("a manifest is a JSON object")  # noqa: TRY004 - the one kind of error here
    if manifest.get("format") == APOLLO:
        if manifest.get("version") != 1:
            raise ValueError(f"version {manifest.get('version')!r} of Apollo's format is not known")
        items = manifest.get("operations")
        if not isinstance(items, list):
            raise ValueError("`operations` must be a list")
        pairs: list[tuple[Any, Any]] = [
            (item.get("id"), item.get("body")) for item in items if isinstance(item, dict)
        ]
        if len(pairs) != len(items):
            raise ValueError("an operation is an object with `id` and `body`")
    else:
        pairs = list(manifest.items())
    for id_, text in pairs:
        if not isinstance(id_, str) or not isinstance(text, str) or not id_:
            raise ValueError(f"the document {id_!r} is not a text with an id")
    return pairs


def _files(folder: Path) -> Iterable[tuple[str, str]]:
    """A folder's files by name, `GetVideo.graphql` as `GetVideo`."""
    for file in sorted(folder.rglob("*.graphql")):
        yield file.stem, read_text_file(file, "document", key=KEY)


def signature_of(path: Path) -> Signature:
    """What changes with a manifest: names, times and sizes of its files. Errors: OSError."""
    files = sorted(path.rglob("*.graphql")) if path.is_dir() else [path]
    stats = [(str(file), file.stat()) for file in files]
    return tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in stats)


def _broken(path: Path, problem: str) -> ConfigError:
    return ConfigError(
        f"the manifest is of no use: {problem}",
        key=KEY,
        file=str(path),
        hint="Apollo's manifest, a JSON object of texts by id, or a folder of .graphql files",
    )


class TrustedDocuments:
    """The manifest in use.

    Args:
        path: Of the manifest.
        clock: Seconds; the files are looked at once in `CHECK_EVERY_S`, and only when a request comes.

    Attributes:
        texts: By id and by hash.

    Errors: ConfigError when there is none to begin with.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self.texts = read_manifest(path)
        self._signature: Signature | None = signature_of(path)
        self._next_check = clock() + CHECK_EVERY_S

    async def refresh(self) -> None:
        """Look whether the manifest has changed, when it is time to. Never raises."""
        now = self._clock()
        if now >= self._next_check:
            self._next_check = now + CHECK_EVERY_S
            await asyncio.to_thread(self._reload)

    def _reload(self) -> None:
        try:
            signature = signature_of(self._path)
        except OSError:
            signature = None  # reading says what is the matter
        if signature == self._signature:
            return
        self._signature = signature  # of a broken one too: it is complained of once
        try:
            self.texts = read_manifest(self._path)
        except ConfigError as exc:
            logger.error("%s; the documents read before stay in use", exc)  # noqa: TRY400 - no fault of ours
        else:
            logger.info("the manifest was read again: %d ids", len(self.texts))

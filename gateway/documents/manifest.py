"""The formats of a manifest of trusted documents.

A manifest holds ids and texts; nothing here parses a text.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson

from gateway.documents.ids import hash_of, plain_id
from gateway.errors import ConfigError
from gateway.settings.file_state import FileState, state_of
from gateway.settings.folder_files import files_in
from gateway.settings.text_file import read_text_file

APOLLO = "apollo-persisted-query-manifest"
KEY = "persisted_documents.manifest"
Signature = tuple[FileState, ...]


def read_manifest(path: Path) -> dict[str, str]:
    """The texts by id; each also by its hash.

    Errors: ConfigError naming the file.
    """
    try:
        pairs = (
            _files(path)
            if path.is_dir()
            else operations_of(orjson.loads(read_text_file(path, "manifest", key=KEY)))
        )
        texts = by_id(pairs)
    except ValueError as exc:  # of JSON, too
        raise _broken(path, str(exc)) from exc
    for text in list(texts.values()):
        texts.setdefault(hash_of(text), text)
    return texts


def by_id(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Texts by their ids. Errors: ValueError for an id that two have."""
    texts: dict[str, str] = {}
    for id_, text in pairs:
        if texts.setdefault(plain_id(id_), text) != text:
            raise ValueError(f"two texts have the id {id_!r}")
    return texts


def operations_of(manifest: object) -> Iterable[tuple[str, str]]:
    """The ids and texts of a manifest's JSON. Errors: ValueError for what is none."""
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
    for file in files_in(folder, ".graphql"):
        yield file.stem, read_text_file(file, "document", key=KEY)


def signature_of(path: Path) -> Signature:
    """What changes with a manifest: names, times and sizes of its files. Errors: OSError."""
    return stats_of(files_in(path, ".graphql") if path.is_dir() else [path])


def stats_of(files: Iterable[Path]) -> Signature:
    """Names, times and sizes of files. Errors: OSError."""
    return tuple(state_of(file) for file in files)


def _broken(path: Path, problem: str) -> ConfigError:
    return ConfigError(
        f"the manifest is of no use: {problem}",
        key=KEY,
        file=str(path),
        hint="Apollo's manifest, a JSON object of texts by id, or a folder of .graphql files",
    )

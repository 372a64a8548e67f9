"""Trusted documents of each version of each application: manifests in a folder, `APP/VERSION.json`.

A document has the id `APP~VERSION~ID`, where ID is what its manifest says, or the hash of its text. It is known under
no other, so that retiring a version retires its documents.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import orjson

from gateway.documents.ids import SEPARATOR, hash_of, plain_id
from gateway.documents.manifest import Signature, by_id, operations_of, stats_of
from gateway.errors import ConfigError
from gateway.settings.text_file import read_text_file

KEY = "persisted_documents.apps"
RETIRED = ".retired"
"""What the name of a manifest ends with that is not read any more."""


class AppVersion(NamedTuple):
    """A version of an application."""

    app: str
    version: str


def manifests(folder: Path) -> dict[AppVersion, Path]:
    """The manifests of a folder. Errors: ConfigError for a name that no id can have."""
    found = {}
    for path in sorted(folder.glob("*/*.json")):
        if SEPARATOR in path.parent.name or SEPARATOR in path.stem:
            raise _broken(
                path, f"its name has a {SEPARATOR!r}, which stands between the parts of an id"
            )
        found[AppVersion(path.parent.name, path.stem)] = path
    return found


def read_apps(folder: Path) -> dict[str, str]:
    """The texts of all versions by their ids. Errors: ConfigError naming the file."""
    return {
        id_: text
        for version, path in manifests(folder).items()
        for id_, text in _read(version, path)
    }


def signature_of_apps(folder: Path) -> Signature:
    """What changes with the manifests of a folder. Errors: OSError."""
    return stats_of(sorted(folder.glob("*/*.json")))


def app_of(id_: str | None) -> AppVersion | None:
    """The version of an application that a document's id names; None for an id of another kind."""
    parts = id_.split(SEPARATOR) if id_ is not None else ()
    return AppVersion(parts[0], parts[1]) if len(parts) == 3 else None


def count_documents(path: Path) -> int:
    """How many documents a manifest has. Errors: ConfigError naming it."""
    return len({text for _, text in _read(AppVersion("", ""), path)})


def _read(version: AppVersion, path: Path) -> Iterator[tuple[str, str]]:
    try:
        texts = by_id(operations_of(orjson.loads(read_text_file(path, "manifest", key=KEY))))
    except ValueError as exc:  # of JSON, too
        raise _broken(path, str(exc)) from exc
    for id_, text in texts.items():
        if SEPARATOR in id_:
            raise _broken(path, f"the id {id_!r} has a {SEPARATOR!r}")
        for own in dict.fromkeys((plain_id(id_), hash_of(text))):
            yield SEPARATOR.join((*version, own)), text


def _broken(path: Path, problem: str) -> ConfigError:
    return ConfigError(
        f"the manifest is of no use: {problem}",
        key=KEY,
        file=str(path),
        hint="APP/VERSION.json: Apollo's manifest, or a JSON object of texts by id",
    )

"""Whether the files that a configuration names are there. It looks, and opens nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gateway.errors import ConfigError
from gateway.settings.hints import field_hints, is_list, item_of, plain, table_of
from gateway.settings.kinds import PathTo
from gateway.settings.text import Key


def missing_files(settings: Any, base: Path) -> list[ConfigError]:
    """One error for each file or folder that is named and is not there.

    Args:
        settings: A settings dataclass.
        base: The folder that paths "relative to the configuration file" start from.
    """
    found = []
    for key, mark, value in _paths(settings, type(settings), ()):
        path = (base / value) if mark.is_relative_to_file else Path(value)
        problem = _problem(mark, path)
        if problem:
            place = "the configuration file" if mark.is_relative_to_file else "the working folder"
            hint = None if Path(value).is_absolute() else f"paths are relative to {place}"
            found.append(ConfigError(f"{problem}: {path}", key=".".join(key), hint=hint))
    return found


def _problem(mark: PathTo, path: Path) -> str | None:
    if mark.what == "log":
        if path.is_dir():
            return "is a folder, not a file"
        return None if path.parent.is_dir() else "the folder of this file does not exist"
    if not path.exists():
        return "there is no such file" + (" or folder" if mark.what == "either" else "")
    if mark.what == "file" and not path.is_file():
        return "is not a file"
    return None


def _paths(value: Any, hint: Any, key: Key) -> Iterator[tuple[Key, PathTo, str]]:
    """Each path in a value of a type, with its key and its mark."""
    table = table_of(hint)
    if value is None:
        return
    if table is not None:
        for name, inner in field_hints(table).items():
            yield from _paths(getattr(value, name), inner, (*key, name))
    elif is_list(hint):
        for i, item in enumerate(value):
            yield from _paths(item, item_of(hint), (*key, str(i)))
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _paths(item, item_of(hint), (*key, name))
    elif isinstance(value, str):
        for mark in plain(hint)[1]:
            if isinstance(mark, PathTo) and value not in mark.words:
                yield key, mark, value

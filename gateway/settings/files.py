"""The files that a configuration names: where they are, and whether they are there. It looks, and opens nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, cast

from gateway.errors import ConfigError
from gateway.settings.hints import field_hints, is_list, item_of, plain, table_of
from gateway.settings.kinds import PathTo
from gateway.settings.text import Key

T = TypeVar("T")


def missing_files(settings: Any, base: Path) -> list[ConfigError]:
    """One error for each file or folder that is named and is not there.

    Args:
        settings: A settings dataclass.
        base: The folder that paths "relative to the configuration file" start from.
    """
    found = []
    for key, mark, value in _paths(settings, type(settings), ()):
        if word := _slip(mark, value):
            found.append(ConfigError(word, key=".".join(key)))
            continue
        path = (base / value) if mark.is_relative_to_file else Path(value)
        problem = _problem(mark, path)
        if problem:
            place = "the configuration file" if mark.is_relative_to_file else "the working folder"
            hint = None if Path(value).is_absolute() else f"paths are relative to {place}"
            found.append(ConfigError(f"{problem}: {path}", key=".".join(key), hint=hint))
    return found


def rooted(settings: T, base: Path) -> T:
    """The settings with the whole path of each file that is "relative to the configuration file".

    So that who opens one needs to know no folder. Other paths, of folders and logs, stay as they are written.
    """
    return cast(T, _rooted(settings, type(settings), base))


def _rooted(value: Any, hint: Any, base: Path) -> Any:
    table = table_of(hint)
    if value is None:
        return None
    if table is not None:
        parts = {name: getattr(value, name) for name in field_hints(table)}
        changed = {
            name: new
            for name, inner in field_hints(table).items()
            if (new := _rooted(parts[name], inner, base)) is not parts[name]
        }
        return replace(value, **changed) if changed else value
    if is_list(hint):
        items = [_rooted(item, item_of(hint), base) for item in value]
        same = all(new is old for new, old in zip(items, value, strict=True))
        return value if same else type(value)(items)
    if isinstance(value, dict):
        entries = {name: _rooted(item, item_of(hint), base) for name, item in value.items()}
        return value if all(entries[name] is value[name] for name in value) else entries
    marks = [mark for mark in plain(hint)[1] if isinstance(mark, PathTo)]
    if isinstance(value, str) and any(m.what == "file" and m.is_relative_to_file for m in marks):
        return str((base / value).absolute())
    return value


def _slip(mark: PathTo, value: str) -> str | None:
    """What is wrong with a value that nobody means as a path: "" or, where words may stand too, another word."""
    if not value.strip():
        return "names nothing: leave it out"
    words = [f'"{word}"' for word in mark.words if word]
    if not words or "/" in value or "." in value:
        return None
    return f"should be {', '.join(words)} or a path, got {value!r}: a file in the working folder is './{value}'"


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

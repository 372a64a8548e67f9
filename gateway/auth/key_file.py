"""The file of API keys as `gateway keys` changes it: whole or not at all, and by one command at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from gateway.auth.api_keys import ApiKey, ApiKeys, read_api_keys, write_api_keys


class KeyFileError(Exception):
    """The file cannot be used, or has no such key."""


def read_key_file(path: Path) -> ApiKeys:
    """The keys; none where there is no file. Errors: KeyFileError."""
    try:
        return read_api_keys(path.read_bytes())
    except FileNotFoundError:
        return ApiKeys()
    except OSError as exc:
        raise KeyFileError(f"{path} cannot be read: {exc.strerror}") from exc
    except ValueError as exc:
        raise KeyFileError(f"{path}: {exc}") from exc


def add_key(path: Path, key: ApiKey) -> None:
    """Put a key into the file. Errors: KeyFileError."""
    _change(path, lambda keys: (*keys, key))


def change_key(path: Path, id_: str, change: Callable[[ApiKey], ApiKey]) -> ApiKey:
    """Change one key. Errors: KeyFileError."""
    found: list[ApiKey] = []

    def changed(keys: tuple[ApiKey, ...]) -> tuple[ApiKey, ...]:
        found.extend(change(key) for key in keys if key.id == id_)
        if not found:
            raise KeyFileError(f"{path} has no key {id_}")
        return tuple(found[0] if key.id == id_ else key for key in keys)

    _change(path, changed)
    return found[0]


def with_fields(key: ApiKey, **fields: object) -> ApiKey:
    """The same key with other values."""
    return msgspec.structs.replace(key, **fields)


def _change(path: Path, change: Callable[[tuple[ApiKey, ...]], tuple[ApiKey, ...]]) -> None:
    """Write the file anew. Errors: KeyFileError, and the file is as it was."""
    with _alone(path):
        keys = read_key_file(path)
        text = write_api_keys(ApiKeys(change(keys.keys)))
        new = path.with_name(f".{path.name}.new")
        try:
            mode = path.stat().st_mode & 0o777 if path.exists() else 0o600
            new.unlink(missing_ok=True)
            with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            new.replace(path)
        except OSError as exc:
            raise KeyFileError(f"{path} cannot be written: {exc.strerror}") from exc


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """No other command changes the file meanwhile. Errors: KeyFileError."""
    try:
        lock = os.open(path.parent, os.O_RDONLY)  # the file itself is replaced
    except OSError as exc:
        raise KeyFileError(f"{path.parent}: {exc.strerror}") from exc
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)

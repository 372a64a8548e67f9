"""Where `gateway keys` keeps API keys, and a file as such a place: it is changed whole or not at all, by one command at
a time.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import msgspec

from gateway.auth.api_keys import ApiKey, ApiKeys, read_api_keys, write_api_keys

Change = Callable[[tuple[ApiKey, ...]], tuple[ApiKey, ...]]


class KeyStoreError(Exception):
    """The store cannot be used, or has no such key."""


class KeyStore(Protocol):
    """Keeps keys. Its text is its name, as a subject of a sentence."""

    def keys(self) -> ApiKeys:
        """What is there. Errors: KeyStoreError."""
        ...

    def change(self, change: Change) -> None:
        """Write what a change makes of what is there, as one. Errors: KeyStoreError, and all is as it was."""
        ...


def add_key(store: KeyStore, key: ApiKey) -> None:
    """Put a key into a store. Errors: KeyStoreError."""
    store.change(lambda keys: (*keys, key))


def change_key(
    store: KeyStore, id_: str, change: Callable[[ApiKey], tuple[ApiKey, ...]]
) -> tuple[ApiKey, ...]:
    """Put keys in the place of one. Errors: KeyStoreError; what `change` raises."""
    made: tuple[ApiKey, ...] = ()

    def changed(keys: tuple[ApiKey, ...]) -> tuple[ApiKey, ...]:
        nonlocal made
        found = next((key for key in keys if key.id == id_), None)
        if found is None:
            raise KeyStoreError(f"{store} has no key {id_}")
        made = change(found)
        at = keys.index(found)
        return (*keys[:at], *made, *keys[at + 1 :])

    store.change(changed)
    return made


def with_fields(key: ApiKey, **fields: object) -> ApiKey:
    """The same key with other values."""
    return msgspec.structs.replace(key, **fields)


class FileKeyStore:
    """A file.

    Args:
        path: Which; it is made with the first key, its folder is not.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def __str__(self) -> str:
        return str(self._path)

    def keys(self) -> ApiKeys:
        """The keys; none where there is no file. Errors: KeyStoreError."""
        try:
            return read_api_keys(self._path.read_bytes())
        except FileNotFoundError:
            return ApiKeys()
        except OSError as exc:
            raise KeyStoreError(f"{self} cannot be read: {exc.strerror}") from exc
        except ValueError as exc:
            raise KeyStoreError(f"{self}: {exc}") from exc

    def change(self, change: Change) -> None:
        """Write the file anew. Errors: KeyStoreError, and the file is as it was."""
        path = self._path
        with self._alone():
            keys = self.keys()
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
                raise KeyStoreError(f"{self} cannot be written: {exc.strerror}") from exc

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """No other command changes the file meanwhile. Errors: KeyStoreError."""
        folder = self._path.parent
        try:
            lock = os.open(folder, os.O_RDONLY)  # the file itself is replaced
        except OSError as exc:
            raise KeyStoreError(f"{folder}: {exc.strerror}") from exc
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

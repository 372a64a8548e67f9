"""Which positions of a response had to be awaited: of two errors below one null it decides which is told.

Must not be asked where no error nulls an object or a list.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway.runtime.located import PathKeys
from gateway.runtime.nulled import awaited_positions
from gateway.runtime.state import Run


class AwaitedPlaces:
    """The positions of one run: True for one that was awaited itself, False for one above such a one."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._told = len(run.errors)  # those of a mutation's fields before
        self._places: dict[tuple[str | int, ...], bool] = {}
        self._has_cells = False

    def look_at_cells(self) -> bool:
        """Note the cells that were awaited, once; whether anything was awaited at all."""
        if self._run.waited and not self._has_cells:
            self._has_cells = True
            for position in awaited_positions(self._run):
                self.note(position)
        return bool(self._run.waited or self._places)

    def is_awaited(self, path: PathKeys, key: Any) -> bool:
        """Whether a place had to be awaited itself."""
        return self._places.get((*path, key), False)

    def includes(self, path: PathKeys, key: Any) -> bool:
        """Whether something at or below a place had to be awaited."""
        return (*path, key) in self._places

    def note(self, path: Sequence[str | int]) -> None:
        """Note a position that had to be awaited itself; those above it have something below that had to be."""
        keys = tuple(path)
        self._places[keys] = True
        while (keys := keys[:-1]) and keys not in self._places:
            self._places[keys] = False

    def forget_errors(self, path: PathKeys) -> None:
        """Drop the errors that came of awaiting something below a path."""
        above, depth = tuple(path), len(path)
        errors = self._run.errors
        kept = [
            error
            for error in errors[self._told :]
            if not (
                (keys := tuple(error.path or ()))[:depth] == above
                and any(self._places.get(keys[: n + 1]) for n in range(depth, len(keys)))
            )
        ]
        self._run.errors_left += len(errors) - self._told - len(kept)
        errors[self._told :] = kept

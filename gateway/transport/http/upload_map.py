"""The places of files in the operations of a form: its `map`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.errors import ClientError
from gateway.graph.uploads import Upload
from gateway.json_bytes import NotJSONError, read_strictly

MAX_PATHS = 100


def placed(fields: Mapping[str, bytes], files: Mapping[str, Upload]) -> Any:
    """The operations of a form's fields with its files. Errors: ClientError(BAD_REQUEST)."""
    try:
        operations, places = (read_strictly(fields[name]) for name in ("operations", "map"))
    except (KeyError, NotJSONError):
        raise malformed("it needs `operations` and `map`, in JSON") from None
    if not isinstance(places, dict) or set(places) != set(files):
        raise malformed("`map` must name every file, and no other")
    for name, paths in places.items():
        if not isinstance(paths, list) or not 0 < len(paths) <= MAX_PATHS:
            raise malformed(f"`map` must have up to {MAX_PATHS} places for each file")
        for path in paths:
            put(operations, path, files[name].reader())
    return operations


def put(operations: Any, path: Any, file: Upload) -> None:
    """Put a file where `map` says, in place of a null. Errors: ClientError(BAD_REQUEST)."""
    steps = iter(path.split(".") if isinstance(path, str) else ())
    try:
        holder, last = _walk(operations, steps)
        if holder[last] is not None:
            raise malformed("`map` names a place that is not null")
        holder[last] = file
    except (KeyError, IndexError, TypeError, ValueError):
        raise malformed("`map` names a place that is not there") from None


def _walk(value: Any, steps: Iterator[str]) -> tuple[Any, Any]:
    """The object or list that the last step leads into, and that step."""
    last: Any = _step(value, next(steps, ""))
    for step in steps:
        value = value[last]
        last = _step(value, step)
    return value, last


def _step(value: Any, step: str) -> Any:
    return int(step) if isinstance(value, list) and step.isdecimal() else step


def malformed(problem: str) -> ClientError:
    """A form that is none."""
    return ClientError(f"The form cannot be read: {problem}.", code="BAD_REQUEST")

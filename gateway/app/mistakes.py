"""Mistakes in a configuration as lines that say where they are."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from gateway.app.config import origin_of
from gateway.errors import ConfigError, Diagnostic


def error_lines(exc: ConfigError, path: Path | None = None) -> list[str]:
    """Each mistake as its line."""
    return [place_in_config(one, path).render() for one in (exc, *exc.others)]


def place_in_config(exc: ConfigError, path: Path | None = None) -> ConfigError:
    """Give an error that names a key of the configuration the file and line, or the variable, where it is set.

    What `${NAME}` stands for is taken out of it.
    """
    if path is None or not path.exists():
        return exc
    try:
        origin = origin_of(path, os.environ)
    except ConfigError:  # a file that cannot be read: that is what is told
        return exc
    exc.problem = origin.without_secrets(exc.problem)
    if exc.file is None and exc.key is not None:
        exc.file, exc.line = origin.place(tuple(exc.key.split(".")))
    return exc


def refused(errors: Sequence[Diagnostic]) -> ConfigError:
    """The first of several findings as the error that ends the start."""
    first, more = errors[0], len(errors) - 1
    hint = first.hint
    if more:
        rest = f"and {more} more: gateway check lists them all"
        hint = f"{hint}; {rest}" if hint else rest
    return ConfigError(
        first.message, file=first.file, line=first.line, column=first.column, hint=hint
    )

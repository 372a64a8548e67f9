"""The functions and classes of a package that bear the marks of its decorators."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from gateway.errors import ConfigError
from gateway.graph.register import MARK, Mark


def find_marks(
    module_name: str | None,
    base: str | Path = ".",
    *,
    key: str = "graph.resolvers",
    what: str = "the resolvers",
) -> list[Mark]:
    """Import a package or module, with all of its submodules, and collect the marks in it.

    Args:
        module_name: As configured; None gives no marks.
        base: Folder that is put on the import path, the configuration file's.
        key: What of the configuration names it.
        what: What errors call it.

    Errors: ConfigError when it cannot be imported, with the file and line where the import failed.
    """
    if module_name is None:
        return []
    package = imported(module_name, base, key=key, what=what)
    marks: dict[tuple[int, str, str], Mark] = {}
    for module in _modules(package, key, what):
        for value in list(vars(module).values()):
            for mark in _marks_of(value):
                marks.setdefault((id(mark.target), mark.kind, mark.name), mark)
    return list(marks.values())


def imported(module_name: str, base: str | Path, *, key: str, what: str) -> ModuleType:
    """A module, imported. Errors: as of `find_marks`."""
    folder = str(Path(base).resolve())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    return _import(module_name, key, what)


def _marks_of(value: Any) -> tuple[Mark, ...]:
    own = getattr(value, "__dict__", None)
    marks = own.get(MARK, ()) if isinstance(own, Mapping) else ()
    return marks if isinstance(marks, tuple) else ()


def _modules(package: ModuleType, key: str, what: str) -> list[ModuleType]:
    modules = [package]
    for info in pkgutil.walk_packages(getattr(package, "__path__", ()), f"{package.__name__}."):
        modules.append(_import(info.name, key, what))
    return modules


def _import(name: str, key: str, what: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except Exception as exc:
        trace = exc.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        file = trace.tb_frame.f_code.co_filename if trace else None
        line, column, why = trace.tb_lineno if trace else None, None, str(exc)
        if isinstance(exc, SyntaxError):
            file, line, column, why = exc.filename, exc.lineno, exc.offset, exc.msg
        own = file and "importlib" not in file
        is_missing = isinstance(exc, ModuleNotFoundError) and exc.name == name
        raise ConfigError(
            f"{what} cannot be imported: {type(exc).__name__}: {why}",
            key=key,
            file=file if own else name,
            line=line if own else None,
            column=column if own else None,
            hint="it must be a package or module beside the configuration file"
            if is_missing and key == "graph.resolvers"
            else None,
        ) from exc

"""The functions and classes of a package that bear the marks of its decorators."""

from __future__ import annotations

import importlib
import os
import pkgutil
import sys
from collections.abc import Mapping
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

from gateway.errors import ConfigError
from gateway.graph.register import MARK, Mark
from gateway.settings.suggestions import suggest_or_list

OWN = str(Path(__file__).resolve().parents[1]) + os.sep
"""The gateway's own package: a mistake that it finds is made where it is called."""


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
    beside = Path(folder, f"{module_name}.py")
    if (
        module_name in sys.stdlib_module_names
    ):  # Python's own is found first, or was imported before
        hint = f"rename {beside.name}" if beside.is_file() else "give the name of your own"
        raise ConfigError(f"`{module_name}` is a module of Python itself", key=key, hint=hint)
    if not _is_there(module_name):
        raise _missing(module_name, folder, key)
    return _import(module_name, key, what)


def _is_there(name: str) -> bool:
    """Whether there is such a module. A parent that fails is told when it is imported."""
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False
    except Exception:
        return True


def _marks_of(value: Any) -> list[Mark]:
    """The marks that a value bears. One that `functools.wraps` has copied to a wrapper, a guard for one, is of that."""
    own = getattr(value, "__dict__", None)
    marks = own.get(MARK, ()) if isinstance(own, Mapping) else ()
    found = marks if isinstance(marks, tuple) else ()
    return [mark if mark.target is value else replace(mark, target=value) for mark in found]


def _modules(package: ModuleType, key: str, what: str) -> list[ModuleType]:
    modules = [package]
    for info in pkgutil.walk_packages(getattr(package, "__path__", ()), f"{package.__name__}."):
        modules.append(_import(info.name, key, what))
    return modules


def _import(name: str, key: str, what: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as exc:
        why, column, (file, line) = str(exc), None, _place_of(exc.__traceback__)
        if isinstance(exc, SyntaxError):
            file, line, column, why = exc.filename, exc.lineno, exc.offset, exc.msg
        raise ConfigError(
            f"{what} cannot be imported: {type(exc).__name__}: {why}",
            key=key,
            file=file,
            line=line,
            column=column,
        ) from exc


def _missing(name: str, folder: str, key: str) -> ConfigError:
    """Of a module that there is none of."""
    if name.endswith(".py"):
        hint = f"a module's name is meant: `{name.removesuffix('.py')}`"
    else:
        known = {one.name for one in pkgutil.iter_modules([folder])}
        hint = suggest_or_list(name, sorted(known))
    return ConfigError(f"there is no module `{name}`", key=key, hint=hint)


def _place_of(trace: TracebackType | None) -> tuple[str | None, int | None]:
    """Where the user's code was: the last line that is neither the gateway's own nor the import's."""
    place: tuple[str | None, int | None] = (None, None)
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if not file.startswith((OWN, "<frozen importlib")) and file != importlib.__file__:
            place = (file, trace.tb_lineno)
        trace = trace.tb_next
    return place

"""The Python that workers run and that is not the gateway's: what modules lead to, and the packages that are installed.

A module that was imported stays what it is until its process ends, so that a change takes new workers. It looks at
files and imports nothing: equal files give equal answers in every process, whatever that has imported by then. A name
that a program computes, and gives to `importlib`, is not seen.
"""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import orjson

from gateway.settings.file_state import FileState, state_of
from gateway.settings.folder_files import files_in

INSTALLED = {"site-packages", "dist-packages"}
"""Folders of packages that have versions."""
NOT_OWN = sys.stdlib_module_names | {"gateway", "__main__"}
METADATA = (".dist-info", ".egg-info")
"""How the folder ends that has a package's name and version in its name."""
INIT = "__init__.py"


def own_modules(named: Iterable[str], base: Path) -> dict[str, Path]:
    """The files of these modules and of all that they import, by their names: but for what is installed.

    Args:
        named: Modules that are looked at wherever they are, with all their submodules.
        base: The folder that is looked in first.
    """
    folders = {name.partition(".")[0]: _folder_of(name, base, is_named=True) for name in named}
    waiting = [module for name in named for module in _below(name, folders)]
    found: dict[str, Path] = {}
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        if parent := name.rpartition(".")[0]:
            waiting.append(parent)
        top = name.partition(".")[0]
        if top not in folders:
            folders[top] = _folder_of(top, base, is_named=False)
        file = _file_of(name, folders[top])
        if file is None:
            continue
        found[name] = file
        with suppress(OSError):  # importing it says what is wrong
            waiting += _imports(state_of(file), name)
    return found


@dataclass(frozen=True, slots=True)
class OwnCode:
    """Python as it is at one moment.

    Attributes:
        modules: What changes with each of the user's own modules, by its name.
        packages: What is installed: names and versions.
    """

    modules: Mapping[str, str]
    packages: Sequence[str]

    @classmethod
    def now(cls, named: Iterable[str], base: Path) -> OwnCode:
        """As it is now. The arguments are those of `own_modules`."""
        modules: dict[str, str] = {}
        for name, file in own_modules(named, base).items():
            with suppress(OSError):
                modules[name] = sha256(file.read_bytes()).hexdigest()
        packages: set[str] = set()
        for entry in sys.path:
            if Path(entry).name in INSTALLED:
                with suppress(OSError):
                    packages |= {name for name in os.listdir(entry) if name.endswith(METADATA)}
        return cls(modules, sorted(packages))

    def as_of(self, before: OwnCode) -> OwnCode:
        """What was imported between two moments: what was there before, and what is found only since then."""
        return OwnCode({**self.modules, **before.modules}, before.packages)

    @property
    def digests(self) -> tuple[str, str]:
        """Equal for equal modules of equal names, and for equal packages."""
        return _digest(self.modules), _digest(self.packages)


def _digest(found: Any) -> str:
    return sha256(orjson.dumps(found, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]


def _folder_of(name: str, base: Path, *, is_named: bool) -> Path | None:
    """The folder in which a module's first part stands; None where that is no code of the user's own."""
    top = name.partition(".")[0]
    if top in NOT_OWN:
        return None
    if _file_of(top, base) is not None:
        return base
    try:
        spec = find_spec(top)
    except Exception:  # a finder of others, or a module that was put there by hand
        spec = None
    places = list(spec.submodule_search_locations or ()) if spec is not None else []
    if spec is not None and spec.has_location and spec.origin and not places:
        places = [spec.origin]
    if not places:
        return base if (base / top).is_dir() else None
    folder = Path(places[0]).parent
    return folder if is_named or INSTALLED.isdisjoint(folder.parts) else None


def _file_of(name: str, folder: Path | None) -> Path | None:
    if folder is None:
        return None
    path = folder.joinpath(*name.split("."))
    for file in (path / INIT, path.with_name(f"{path.name}.py")):
        if file.is_file():
            return file
    return None


def _below(name: str, folders: Mapping[str, Path | None]) -> Iterator[str]:
    """A module, and where it is a package all that is in it."""
    yield name
    folder = folders[name.partition(".")[0]]
    path = folder.joinpath(*name.split(".")) if folder is not None else None
    if path is not None and path.is_dir():
        for file in files_in(path, ".py"):
            parts = file.relative_to(path).with_suffix("").parts
            yield ".".join((name, *parts[: -1 if file.name == INIT else None]))


@lru_cache(maxsize=10_000)
def _imports(state: FileState, name: str) -> tuple[str, ...]:
    """The names that a module may import, wherever in it."""
    file = Path(state[0])
    package = name if file.name == INIT else name.rpartition(".")[0]
    found: dict[str, None] = {}
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, ValueError, SyntaxError, RecursionError):
        return ()  # importing it says what is wrong
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= dict.fromkeys(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".") if node.level else []
            parts = parts[: len(parts) - node.level + 1] if node.level > 1 else parts
            parent = ".".join((*parts, *([node.module] if node.module else ())))
            found |= dict.fromkeys((parent, *(f"{parent}.{alias.name}" for alias in node.names)))
    return tuple(found)

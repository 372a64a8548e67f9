"""Packages that bring hooks, directives and resolvers: those that `[plugins.NAME]` names, and no other.

An installed package says in the entry point group `gateway.plugins` under which name which module is one. A class
`Settings` of that module, a dataclass, is what its table may hold; `state["NAME"]` has it.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, is_dataclass, replace
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from gateway.app.validated import validated
from gateway.errors import ConfigError, Diagnostic
from gateway.graph.marked import find_marks, imported
from gateway.graph.register import Mark
from gateway.settings.mistakes import ConfigOrigin, together
from gateway.settings.suggestions import suggest_or_list

GROUP = "gateway.plugins"


@dataclass(frozen=True, slots=True)
class Plugin:
    """A package that is used.

    Attributes:
        name: Of its entry point, and of its table.
        package: What is installed, with its version; "" where that is not known.
        module: Its module.
        settings: What its table says; None for a plugin without settings.
        marks: What it brings.
    """

    name: str
    package: str
    module: str
    settings: Any
    marks: tuple[Mark, ...]

    def finding(self) -> Diagnostic:
        """What it is and brings, for people."""
        brought = ", ".join(sorted({mark.kind for mark in self.marks}))
        package = f" of {self.package}" if self.package else ""
        message = f"the plugin {self.name}{package} brings {brought or 'nothing'}"
        return Diagnostic(message, "Plugin", severity="note")


def load_plugins(tables: Mapping[str, Mapping[str, Any]], base: Path) -> list[Plugin]:
    """The plugins that a configuration names, in its order.

    Errors: ConfigError for one that is not installed, cannot be imported, or has settings that are wrong; it names
        the plugin.
    """
    if not tables:
        return []
    installed: dict[str, dict[str, EntryPoint]] = {}
    for point in entry_points(group=GROUP):
        installed.setdefault(point.name, {}).setdefault(_package(point), point)
    plugins: list[Plugin] = []
    errors: list[ConfigError] = []
    for name, table in tables.items():
        try:
            plugins.append(_loaded(name, table, installed, base))
        except ConfigError as exc:
            errors += [exc, *exc.others]
    if errors:
        raise together(errors)
    return plugins


def modules_of(names: Iterable[str]) -> list[str]:
    """The modules of those of these plugins that are installed."""
    wanted = set(names)
    if not wanted:
        return []
    return sorted(p.module for p in entry_points(group=GROUP) if p.name in wanted)


def settings_of(plugins: Sequence[Plugin]) -> dict[str, Any]:
    """The settings of each plugin that has some, by its name."""
    return {p.name: p.settings for p in plugins if p.settings is not None}


def _loaded(
    name: str,
    table: Mapping[str, Any],
    installed: Mapping[str, Mapping[str, EntryPoint]],
    base: Path,
) -> Plugin:
    """Errors: ConfigError."""
    key = f"plugins.{name}"
    if name not in installed:
        problem = f"no package with a plugin {name!r} is installed"
        raise ConfigError(problem, key=key, hint=suggest_or_list(name, sorted(installed)))
    package, *others = sorted(installed[name])
    if others:
        problem = f"{package} and {' and '.join(others)} both have a plugin {name!r}"
        raise ConfigError(problem, key=key, hint="uninstall one of them")
    point = installed[name][package]
    if point.attr:
        problem = f"the entry point of {name!r} is {point.value!r}, and a module is meant"
        raise ConfigError(problem, key=key, hint=point.module)
    what = f"the plugin {name}"
    module = imported(point.module, base, key=key, what=what)
    settings = _settings(module, table, key)
    marks = find_marks(point.module, base, key=key, what=what)
    named = tuple(replace(mark, plugin=name) for mark in marks)
    return Plugin(name, package, point.module, settings, named)


def _package(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist is not None else ""


def _settings(module: ModuleType, table: Mapping[str, Any], key: str) -> Any:
    """What a plugin's table says. Errors: ConfigError."""
    kind = getattr(module, "Settings", None)
    if kind is None:
        if table:
            raise ConfigError("the plugin has no settings", key=f"{key}.{next(iter(table))}")
        return None
    if not (inspect.isclass(kind) and is_dataclass(kind)):
        raise ConfigError(f"{module.__name__}.Settings is no dataclass", key=key)
    try:
        found, errors = validated(kind, table, ConfigOrigin())
    except Exception as exc:  # of the plugin's own class: a hint that cannot be resolved
        raise ConfigError(f"{module.__name__}.Settings cannot be used: {exc}", key=key) from exc
    for error in errors:
        error.key = f"{key}.{error.key}" if error.key else key
    if errors:
        raise together(errors)
    return found

"""Holds what mappings read of `$env` and `$config` against what is set, before a request would lack it.

Only literal members are looked at (`$env.KEY`, `$config.api.key`); what a method makes of them is not known.

Source: connectors.md §3.5, §3.6: at run time a member that is not there is only left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.connectors.mapping.nodes import (
    Braces,
    Chain,
    Group,
    Input,
    KeyStep,
    Path,
    Question,
    Variable,
)


@dataclass(frozen=True, slots=True)
class Constants:
    """What does not change while the gateway runs, as mappings read it.

    Attributes:
        env: `$env`.
        config: `$config`.
        flags: The defaults of flags, which say what types they have.
        urls: Base URLs that the configuration has, by source: their `baseURL` is not read.
        is_served: Whether this is all that will be served; a schema alone may lack what its configuration gives.
    """

    env: Mapping[str, str] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    flags: Mapping[str, Any] = field(default_factory=dict)
    urls: Mapping[str, str] = field(default_factory=dict)
    is_served: bool = True

    def value(self, name: str, keys: list[str]) -> Any:
        """What `$env` or `$config` holds at a path; Ellipsis for nothing, and behind a list."""
        value: Any = self.env if name == "env" else self.config
        for key in keys:
            value = value.get(key, ...) if isinstance(value, Mapping) else ...
        return value

    def missing(self, node: Any) -> Iterator[tuple[Variable, str]]:
        """Each member of `$env` or `$config` that a mapping needs and nothing sets, as it is written."""
        for variable, keys in needed_paths(node):
            if variable.name not in ("env", "config"):
                continue
            value: Any = self.env if variable.name == "env" else self.config
            path = f"${variable.name}"
            for key in keys:
                path += f".{key}"
                if isinstance(value, list):
                    break  # a list is mapped over: what its elements hold is their own business
                value = value.get(key, ...) if isinstance(value, Mapping) else ...
                if value is ...:
                    yield variable, path
                    break


def needed_paths(node: Any) -> Iterator[tuple[Variable, list[str]]]:
    """Each use of a variable with the members that follow it, where the text has nothing for their absence.

    `a ?? b` needs its last operand only, and a member that `?` follows is not needed.
    """
    if isinstance(node, Chain):
        yield from needed_paths(node.operands[-1])
        return
    if isinstance(node, Path):
        if isinstance(node.origin, Variable):
            yield from _uses(node, node.origin, [])
        yield from needed_paths((node.origin, node.steps, node.braces))
        return
    if isinstance(node, tuple):
        for item in node:
            yield from needed_paths(item)
        return
    for child in _children(node):
        yield from needed_paths(child)


def _children(node: Any) -> list[Any]:
    """The parts of a node that may hold paths."""
    names = getattr(node, "__dataclass_fields__", ())
    return [getattr(node, name) for name in names]


def _uses(path: Path, origin: Variable, keys: list[str]) -> Iterator[tuple[Variable, list[str]]]:
    for step in path.steps:
        if isinstance(step, Question):
            return
        if not isinstance(step, KeyStep):
            yield origin, keys
            return
        keys = [*keys, step.name]
    if path.braces is None:
        yield origin, keys
    else:
        yield from _members(path.braces, origin, keys)


def _members(
    braces: Braces, origin: Variable, keys: list[str]
) -> Iterator[tuple[Variable, list[str]]]:
    """What braces read of the value before them."""
    for item in braces.items:
        if isinstance(item, Group):
            yield from _members(item.braces, origin, keys)
        elif isinstance(item.path.origin, Input):
            yield from _uses(item.path, origin, keys)

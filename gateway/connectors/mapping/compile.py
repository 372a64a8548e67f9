"""A parsed mapping to a Python function: source from `emit`, compiled once, run without problems.

The function gives exactly the value that `interpret` gives; problems cost nothing until somebody asks
for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gateway.connectors.mapping.emit import ENTRY, emit_mapping
from gateway.connectors.mapping.interpret import MappingRun, interpret
from gateway.connectors.mapping.members import Members, fill_value
from gateway.connectors.mapping.methods.values import match
from gateway.connectors.mapping.nodes import Braces, MappingSelection
from gateway.connectors.mapping.problems import Problem
from gateway.connectors.mapping.values import ignore, told
from gateway.generated.functions import Generated


def slow(node: Braces, value: Any, variables: Mapping[str, Any]) -> Any:
    """Evaluate braces on a value of a shape that was not compiled for."""
    return MappingRun().braces(node, value, (), variables)


def key(value: Any, name: str) -> Any:
    """Take a key from what is not an object: from the elements of a list, else nothing (§6.3).

    What stands for a value that a dialect could not read is told wherever a path leads through it.
    """
    if value.__class__ is not list:
        if value.__class__ is dict:
            return value.get(name, ...)
        return value if isinstance(value, Exception) else ...
    found = [e.get(name) if e.__class__ is dict else key(e, name) for e in value]
    return nulls(found) if ... in found else found


def nulls(values: list[Any]) -> list[Any]:
    """Put null where there is no value, so that positions stay (§4.2)."""
    return [None if value is ... else value for value in values]


def need(value: Any) -> Any:
    """Leave a display whose member has no value."""
    if value is ...:
        raise KeyError
    return value


# All that generated code may touch beside the methods, constants and nodes of its own mapping.
HELPERS: Final[dict[str, Any]] = {
    "X": ...,
    "fill_value": fill_value,
    "ignore": ignore,
    "key": key,
    "match": match,
    "need": need,
    "nulls": nulls,
    "slow": slow,
    "told": told,
}


class CompiledMapping:
    """A mapping ready to run.

    Attributes:
        selection: What it was compiled from.
    """

    __slots__ = ("_generated", "_run", "selection")

    def __init__(
        self, selection: MappingSelection, name: str, fill: Members | None, *, has_errors: bool
    ) -> None:
        self.selection = selection
        source, namespace = emit_mapping(selection, fill, has_errors=has_errors)
        self._generated = Generated(source, f"mapping {name}", {**HELPERS, **namespace})
        self._run = self._generated[ENTRY]

    @property
    def source(self) -> str:
        """The generated Python."""
        return self._generated.source

    @property
    def filename(self) -> str:
        """Under which a traceback shows the source."""
        return self._generated.filename

    def __call__(self, data: Any, variables: Mapping[str, Any]) -> Any:
        """Apply the mapping; Ellipsis is no value."""
        try:
            return self._run(data, variables)
        except RecursionError:
            return ...

    def problems(self, data: Any, variables: Mapping[str, Any]) -> list[Problem]:
        """Apply the mapping once more by interpretation, for its problems."""
        return interpret(self.selection, data, variables)[1]


def compile_mapping(
    selection: MappingSelection, name: str, fill: Members | None = None, *, has_errors: bool = False
) -> CompiledMapping:
    """Compile a mapping.

    Shape: with `fill`, members that it names and that are absent come out as None wherever the
        result holds an object, so that the result has every name that the mapping supplies.
        `has_errors` says that a dialect puts errors in the place of values: no method makes anything of one.
    """
    return CompiledMapping(selection, name, fill, has_errors=has_errors)

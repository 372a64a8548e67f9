"""One mapping applied to one value: what a script, a test or a notebook wants."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.connectors.mapping.interpret import interpret
from gateway.connectors.mapping.parse import parse_mapping


def apply_mapping(
    selection: str,
    data: Any,
    variables: Mapping[str, Any] | None = None,
    spec: str = "0.3",
) -> tuple[Any, list[str]]:
    """Apply a mapping to JSON data.

    Shape: `variables` by name, with or without the `$`. The value is Ellipsis where the mapping gives
        no value. Errors are messages with the data path where each arose.
    Errors: MappingSyntaxError when the selection does not parse.
    """
    named = {name.removeprefix("$"): value for name, value in (variables or {}).items()}
    value, problems = interpret(parse_mapping(selection, spec), data, named)
    return value, [str(problem) for problem in problems]

"""Where the evaluation of a mapping stands: what `$`, `@` and the variables are, and what its steps saw.

Plain data, which must not evaluate anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.connectors.mapping.problems import DataPath


@dataclass(frozen=True, slots=True)
class SeenStep:
    """What one step saw: the text from `start` to `end` had `value` at the data path."""

    start: int
    end: int
    path: DataPath
    value: Any


@dataclass(frozen=True, slots=True)
class MappingScope:
    """What `$`, `@` and the variables are at one point, with the data paths of the first two."""

    input: Any
    input_path: DataPath
    at: Any
    at_path: DataPath
    variables: Mapping[str, Any]

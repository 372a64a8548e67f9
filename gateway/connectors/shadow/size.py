"""How large a value is, about: what is kept of it until it has been compared. It looks at a few parts of it only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

SAMPLES = 3
DEEPEST = 6
LEAST = 8
"""Of any value."""


def size_of(value: Any, depth: int = 0) -> int:
    """The size in bytes: of a list by a few of its items, which stand for the others."""
    if isinstance(value, str):
        return LEAST + len(value)
    if depth == DEEPEST:
        return LEAST
    if isinstance(value, msgspec.Struct):
        return LEAST + sum(size_of(getattr(value, n), depth + 1) for n in value.__struct_fields__)
    if isinstance(value, dict):
        return LEAST + sum(size_of(item, depth + 1) for item in value.values())
    if isinstance(value, Sequence) and value:
        step = max(1, len(value) // SAMPLES)
        looked_at = [size_of(item, depth + 1) for item in value[::step]]
        return LEAST + sum(looked_at) * len(value) // len(looked_at)
    return LEAST

"""How a server's protocols tell the application that it ends: by a function that the lifespan left in its state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

DRAIN = "gateway.drain"
"""The key of the lifespan's state: a function that begins to end every stream, and may be called again."""


def begin_drain(app_state: dict[str, Any]) -> bool:
    """Start the application's drain. False when it has none."""
    drain: Callable[[], Any] | None = app_state.get(DRAIN)
    if drain is None:
        return False
    drain()
    return True

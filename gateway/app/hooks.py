"""The user's functions around the life of a worker, and the state that they make. It outlives every revision."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from gateway.graph.register import Mark


class Hooks:
    """`@on_startup` and `@on_shutdown`.

    Args:
        marks: The user's Python.

    Attributes:
        state: What `@on_startup` functions returned.
    """

    def __init__(self, marks: Sequence[Mark]) -> None:
        self._marks = marks
        self.state: dict[str, Any] = {}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Around the time in which anything is served."""
        try:
            for function in self._of("on_startup"):
                self.state.update(await settled(function(self.state)) or {})
            yield
        finally:
            for function in self._of("on_shutdown"):
                await settled(function(self.state))

    def _of(self, kind: str) -> list[Callable[..., Any]]:
        return [mark.target for mark in self._marks if mark.kind == kind]


async def settled(value: Any) -> Any:
    """A value, awaited where it has to be: hooks may be `def` or `async def`."""
    return await value if inspect.isawaitable(value) else value

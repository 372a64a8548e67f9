"""The user's functions around the life of a worker and on the way of a request, and the state that they share.

They outlive every revision.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from logging import getLogger
from typing import Any

from gateway.graph.hook_marks import takes_send
from gateway.graph.register import Mark
from gateway.hooks.hook import Hook, RequestHooks, read_something
from gateway.pipeline.hooked import OperationHooks
from gateway.upstream.hooks import SourceHooks

logger = getLogger("gateway.hooks")


class Hooks:
    """The hooks of one worker, each kind for who runs it: None where there are none of it.

    Args:
        marks: The user's Python.
        state: What is there before `@on_startup` functions run: the settings of plugins.
        is_required: Whether a client has to be somebody.

    Attributes:
        state: With what `@on_startup` functions returned.
        requests: Those that decide about requests.
        operations: Those of operations and responses.
        sources: Those of sources.
        reads_client: Whether what is answered may depend on the client by any of them.
    """

    def __init__(
        self,
        marks: Sequence[Mark],
        state: Mapping[str, Any] | None = None,
        *,
        is_required: bool = False,
    ) -> None:
        self._marks = marks
        self._first_state = dict(state or {})
        self.state: dict[str, Any] = {}
        principals, requests = self._hooks("principal"), self._hooks("on_request")
        operations, responses = self._hooks("on_operation"), self._hooks("on_response")
        sources = self._hooks("on_upstream")
        self.reads_client = read_something([*requests, *operations, *responses])
        self.requests: RequestHooks | None = None
        if principals or requests:
            self.requests = RequestHooks(principals, requests, self.state, is_required=is_required)
        self.operations: OperationHooks | None = None
        if operations or responses:
            self.operations = OperationHooks(
                operations, responses, self.state, is_of_client=self.reads_client
            )
        self.sources: SourceHooks | None = None
        if sources:
            calls = [hook for hook in sources if not takes_send(hook.function)]
            attempts = [hook for hook in sources if takes_send(hook.function)]
            self.sources = SourceHooks(calls, attempts, self.state)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Around the time in which anything is served."""
        self.state.clear()
        self.state.update(self._first_state)
        try:
            for mark in self._of("on_startup"):
                made = await settled(mark.target(self.state))
                self.state.update(named_values(mark, made))
            yield
        finally:
            for mark in self._of("on_shutdown"):
                try:
                    await settled(mark.target(self.state))
                except Exception:  # the others close what is theirs
                    name, (file, line) = mark.title, mark.place
                    logger.exception("%s (%s:%s) failed", name, file, line)

    def _of(self, kind: str) -> list[Mark]:
        return [mark for mark in self._marks if mark.kind == kind]

    def _hooks(self, kind: str) -> list[Hook]:
        return [
            Hook(mark.target, mark.vary, mark.title, mark.sources, mark.takes_variables)
            for mark in sorted(self._of(kind), key=lambda mark: mark.order)
        ]


def named_values(mark: Mark, value: Any) -> Mapping[str, Any]:
    """What a function gave to join a state. Errors: TypeError that names the function."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        name, (file, line) = getattr(mark.target, "__qualname__", mark.kind), mark.place
        raise TypeError(
            f"@{mark.kind} {name} ({file}:{line}) must return a dict or None, not {type(value)}"
        )
    return value


async def settled(value: Any) -> Any:
    """A value, awaited where it has to be: hooks may be `def` or `async def`."""
    return await value if inspect.isawaitable(value) else value

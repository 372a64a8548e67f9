"""One hook, and how those of a kind run: one after the other, by their order. What one raises ends the stage."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.auth.principal import Principal
from gateway.auth.refusals import nobody
from gateway.client.vary import VARY_NONE, Vary, joined
from gateway.concurrency.awaitable import value_of
from gateway.errors import InternalError
from gateway.hooks.answers import Response
from gateway.hooks.seen import AskedRequest, SeenRequest


@dataclass(frozen=True, slots=True)
class Hook:
    """A function of the user's.

    Attributes:
        function: `def` or `async def`.
        vary: What it reads of the client; None when that is not declared.
        title: What errors call it.
        sources: The sources that it is for; none for all.
        takes_variables: Whether it sees an operation's variables.
    """

    function: Callable[..., Any]
    vary: Vary | None
    title: str
    sources: tuple[str, ...] = ()
    takes_variables: bool = False

    async def call(self, *arguments: Any, gives: type) -> Any:
        """What it gives: one of a type, or None.

        Errors: those of the function; InternalError for anything else, and for a cancellation that is its own: of a
            task or a scope in it, where nobody has cancelled what it runs in.
        """
        try:
            found = await value_of(self.function(*arguments))
        except asyncio.CancelledError as exc:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            what = f"{self.title} raised CancelledError, and nobody had cancelled it"
            raise InternalError(what) from exc
        if found is not None and not isinstance(found, gives):
            what = type(found).__name__
            raise InternalError(f"{self.title} gave {what}; {gives.__name__} or None was expected")
        return found


class RequestHooks:
    """What decides about a request before its document is looked at.

    Args:
        principals: Say who the client is.
        requests: Refuse it, or answer it.
        state: What hooks see of the worker's state.
        is_required: Whether a client has to be somebody.

    Attributes:
        is_of_client: Whether what they answer may depend on the client.
    """

    def __init__(
        self,
        principals: Sequence[Hook],
        requests: Sequence[Hook],
        state: Mapping[str, Any],
        *,
        is_required: bool,
    ) -> None:
        self._principals = principals
        self._requests = requests
        self._state = state
        self._is_required = is_required
        self.is_of_client = read_something(requests)

    async def admit(self, asked: AskedRequest) -> Response | None:
        """Find who the client is, then ask the hooks of requests: a response, or None where the request goes on.

        Errors: those of the hooks; UnauthenticatedError where a client has to be somebody, and is nobody.
        """
        client = asked.client
        for hook in self._principals:
            seen = SeenRequest(asked, hook.vary, self._state)
            client.principal = await hook.call(seen, gives=Principal) or client.principal
        if self._is_required and not client.principal.is_authenticated:
            raise nobody()
        for hook in self._requests:
            seen = SeenRequest(asked, hook.vary, self._state)
            response: Response | None = await hook.call(seen, gives=Response)
            if response is not None:
                return response
        return None


def read_something(hooks: Sequence[Hook]) -> bool:
    """Whether any of them may read something of a client."""
    return joined(hook.vary for hook in hooks) != VARY_NONE

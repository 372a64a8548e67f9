"""Hooks of sources: before a call, where the client is known; and around each attempt, where the network is near.

    call ─ hooks of calls ─ cache, equal reads in flight ─ policies ─ hooks of attempts ─ transport

What the first ones set is a part of the request when it is compared with others. The second ones see what is sent, and
no client.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from functools import partial
from typing import Any

from gateway.errors import InternalError
from gateway.hooks.hook import Hook
from gateway.hooks.seen import AskedRequest, SeenRequest
from gateway.upstream.build_transport import build_transport
from gateway.upstream.caller import Caller
from gateway.upstream.client import Upstream
from gateway.upstream.settings import SourceSettings
from gateway.upstream.source_request import Send, SourceRequest
from gateway.upstream.transport import (
    Fetched,
    Transport,
    UpstreamRequest,
    UpstreamResponse,
)


class SourceHooks:
    """The hooks of all sources.

    Args:
        calls: Run before a call.
        attempts: Stand around each attempt.
        state: What they see of the worker's state.
    """

    def __init__(
        self, calls: Sequence[Hook], attempts: Sequence[Hook], state: Mapping[str, Any]
    ) -> None:
        self._calls = calls
        self._attempts = attempts
        self.state = state

    async def prepare(self, request: UpstreamRequest, caller: Caller) -> None:
        """Run the hooks of a call. Errors: those of the hooks."""
        for hook in of_source(self._calls, request.source):
            client = SeenRequest(AskedRequest(caller.client), hook.vary, self.state)
            await hook.call(SourceRequest(request, self.state, client), gives=type(None))

    def around(self, transport: Transport, source: str) -> Transport:
        """A transport with the hooks of a source's attempts around it."""
        hooks = of_source(self._attempts, source)
        return HookedTransport(transport, hooks, self.state) if hooks else transport

    def has_attempts(self, source: str) -> bool:
        """Whether hooks stand around a source's attempts."""
        return bool(of_source(self._attempts, source))


class HookedTransport:
    """A transport with hooks around it.

    Args:
        transport: Sends.
        hooks: The first one is the outermost.
        state: What they see of the worker's state.
    """

    def __init__(
        self, transport: Transport, hooks: Sequence[Hook], state: Mapping[str, Any]
    ) -> None:
        self._transport = transport
        self._hooks = hooks
        self._state = state

    async def send(self, request: UpstreamRequest, deadline: float) -> UpstreamResponse:
        """As `Transport.send`. Errors: those of the hooks, too."""
        sent = copy(request)  # it is compared with others by what it was before this attempt
        responses: list[UpstreamResponse] = []

        async def send_it(_: SourceRequest) -> UpstreamResponse:
            responses.append(await self._transport.send(sent, deadline))
            return responses[-1]

        send: Send = send_it
        for hook in reversed(self._hooks):
            send = partial(_around, hook, send)
        try:
            response = await send(SourceRequest(sent, self._state))
        except BaseException:
            for response in responses:
                await response.aclose()
            raise
        for other in responses:
            if other is not response:
                await other.aclose()
        return response

    async def aclose(self) -> None:
        """As `Transport.aclose`."""
        await self._transport.aclose()


class HookedUpstream(Upstream):
    """All sources, with hooks.

    Args:
        hooks: Of the sources.
        given: As of `Upstream`.
    """

    def __init__(self, hooks: SourceHooks, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._hooks = hooks

    def successor(self, settings: Mapping[str, SourceSettings]) -> Upstream:
        """As of `Upstream`, with the same hooks."""
        return HookedUpstream(self._hooks, settings, before=self)

    def apart(self, settings: Mapping[str, SourceSettings]) -> Upstream:
        """As of `Upstream`, with the same hooks."""
        return HookedUpstream(self._hooks, settings, transports=self._transports)

    def transport_of(self, name: str, settings: SourceSettings) -> Transport | None:
        """As of `Upstream`, with the hooks of the source's attempts."""
        given = super().transport_of(name, settings)
        if not self._hooks.has_attempts(name):
            return given
        return self._hooks.around(given or build_transport(settings), name)

    async def fetch(self, request: UpstreamRequest, caller: Caller) -> Fetched:
        """As of `Upstream`, after the hooks of calls. Errors: those of the hooks, too."""
        await self._hooks.prepare(request, caller)
        return await super().fetch(request, caller)

    async def send(self, request: UpstreamRequest, caller: Caller) -> UpstreamResponse:
        """As `fetch`."""
        await self._hooks.prepare(request, caller)
        return await super().send(request, caller)

    async def refresh(self, request: UpstreamRequest, caller: Caller) -> Fetched:
        """As `fetch`."""
        await self._hooks.prepare(request, caller)
        return await super().refresh(request, caller)


def of_source(hooks: Sequence[Hook], source: str) -> list[Hook]:
    """Those that are for a source."""
    return [hook for hook in hooks if not hook.sources or source in hook.sources]


async def _around(hook: Hook, send: Send, request: SourceRequest) -> UpstreamResponse:
    response = await hook.function(request, send)
    if not hasattr(response, "read_body"):
        what = type(response).__name__
        raise InternalError(f"{hook.title} gave {what}; what send(request) gives was expected")
    found: UpstreamResponse = response
    return found

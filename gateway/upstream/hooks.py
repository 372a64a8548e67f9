"""Hooks of sources: before a call, where the client is known; and around each attempt, where the network is near.

    call ─ hooks of calls ─ cache, equal reads in flight ─ policies ─ hooks of attempts ─ transport

What the first ones set is a part of the request when it is compared with others. The second ones see what is sent, and
no client. Neither waits longer than a call may take.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any

from gateway.errors import InternalError, UpstreamError
from gateway.hooks.hook import Hook
from gateway.hooks.seen import AskedRequest, SeenRequest
from gateway.upstream.build_transport import build_transport
from gateway.upstream.caller import Caller
from gateway.upstream.client import Upstream
from gateway.upstream.settings import SourceSettings
from gateway.upstream.source_request import SourceRequest
from gateway.upstream.transport import (
    Fetched,
    Transport,
    UpstreamRequest,
    UpstreamResponse,
)


class LateHookError(UpstreamError):
    """A hook has used up the time of a call.

    Args:
        hook: The one that waited.
        source: Of the call.
        was_sent: As of `UpstreamError`.
    """

    is_of_source = False

    def __init__(self, hook: Hook, source: str, *, was_sent: bool) -> None:
        detail = f"{hook.title} has not ended in the time of the call"
        super().__init__("GATEWAY_TIMEOUT", source=source, detail=detail, was_sent=was_sent)


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

    async def prepare(self, request: UpstreamRequest, caller: Caller, deadline: float) -> None:
        """Run the hooks of a call.

        Args:
            request: The call, of which they set headers.
            caller: In whose name it is made.
            deadline: Of all of them, on the event loop's clock.

        Errors: those of the hooks; LateHookError at the deadline.
        """
        hooks = of_source(self._calls, request.source)
        if not hooks:
            return
        hook = hooks[0]
        try:
            async with asyncio.timeout_at(deadline) as time_left:
                for hook in hooks:
                    client = SeenRequest(AskedRequest(caller.client), hook.vary, self.state)
                    await hook.call(SourceRequest(request, self.state, client), gives=type(None))
        except TimeoutError as exc:
            if not time_left.expired():  # the hook's own
                raise
            raise LateHookError(hook, request.source, was_sent=False) from exc

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
        """As `Transport.send`. Errors: those of the hooks, too; LateHookError where one waits until the deadline."""
        sent = copy(request)  # it is compared with others by what it was before this attempt
        attempt = _HookedAttempt(self._transport, self._hooks, sent, deadline)
        seen = SourceRequest(sent, self._state)
        response: UpstreamResponse | None = None
        try:
            async with asyncio.timeout_at(deadline) as time_left:
                response = await attempt.around(0, seen)
        except TimeoutError as exc:
            if not time_left.expired():  # the hook's own
                raise
            raise attempt.late() from exc
        finally:
            for other in attempt.responses:
                if other is not response:
                    await other.aclose()
        return response

    async def aclose(self) -> None:
        """As `Transport.aclose`."""
        await self._transport.aclose()


class _HookedAttempt:
    """One attempt with hooks around it.

    Attributes:
        responses: What was answered: hooks may send more than once.
    """

    def __init__(
        self, transport: Transport, hooks: Sequence[Hook], sent: UpstreamRequest, deadline: float
    ) -> None:
        self._transport, self._hooks = transport, hooks
        self._sent, self._deadline = sent, deadline
        self._running: Hook | None = None
        self._is_sent = False
        self.responses: list[UpstreamResponse] = []

    async def around(self, at: int, seen: SourceRequest) -> UpstreamResponse:
        """The hook of an index around the others, the last one around the transport. Errors: theirs."""
        if at == len(self._hooks):
            self._running, self._is_sent = None, True
            self.responses.append(await self._transport.send(self._sent, self._deadline))
            return self.responses[-1]
        hook = self._running = self._hooks[at]

        async def send(_: SourceRequest) -> UpstreamResponse:
            try:
                response = await self.around(at + 1, seen)
            except Exception:
                self._running = hook
                raise
            self._running = hook
            return response

        response: Any = await hook.call(seen, send, gives=object)
        if not hasattr(response, "read_body"):
            what = type(response).__name__
            raise InternalError(f"{hook.title} gave {what}; what send(request) gives was expected")
        found: UpstreamResponse = response
        return found

    def late(self) -> UpstreamError:
        """What the deadline has cut: the hook that waited, or the sending."""
        source = self._sent.source
        if self._running is None:
            return UpstreamError("GATEWAY_TIMEOUT", source=source, detail="no answer in time")
        return LateHookError(self._running, source, was_sent=self._is_sent)


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
        await self._hooks.prepare(request, caller, min(caller.deadline, self._due(request)))
        return await super().fetch(request, caller)

    async def send(self, request: UpstreamRequest, caller: Caller) -> UpstreamResponse:
        """As `fetch`."""
        await self._hooks.prepare(request, caller, min(caller.deadline, self._due(request)))
        return await super().send(request, caller)

    async def refresh(self, request: UpstreamRequest, caller: Caller) -> Fetched:
        """As `fetch`."""
        await self._hooks.prepare(request, caller, self._due(request))
        return await super().refresh(request, caller)

    def _due(self, request: UpstreamRequest) -> float:
        """When a call that begins now has to have ended."""
        return asyncio.get_running_loop().time() + self._source(request.source).settings.timeout_s


def of_source(hooks: Sequence[Hook], source: str) -> list[Hook]:
    """Those that are for a source."""
    return [hook for hook in hooks if not hook.sources or source in hook.sources]

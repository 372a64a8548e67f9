"""The decorators of hooks: functions on the way of a request. `gateway.hooks` has what they see and give."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Protocol, TypeVar

from gateway.auth.principal import Principal
from gateway.graph.register import declared, marking
from gateway.hooks.answers import OperationResponse, Response
from gateway.hooks.seen import SeenOperation, SeenRequest
from gateway.upstream.source_request import Send, SourceRequest
from gateway.upstream.transport import UpstreamResponse

Names = str | Iterable[str] | None
Later = Awaitable[None] | None


class RequestHook(Protocol):
    """A function for `@on_request`."""

    def __call__(self, request: SeenRequest, /) -> Awaitable[Response | None] | Response | None: ...


class PrincipalHook(Protocol):
    """A function for `@principal`."""

    def __call__(
        self, request: SeenRequest, /
    ) -> Awaitable[Principal | None] | Principal | None: ...


class OperationHook(Protocol):
    """A function for `@on_operation`."""

    def __call__(self, operation: SeenOperation, request: SeenRequest, /) -> Later: ...


class ResponseHook(Protocol):
    """A function for `@on_response`."""

    def __call__(self, response: OperationResponse, request: SeenRequest, /) -> Later: ...


class CallHook(Protocol):
    """A function for `@on_upstream` that is asked before a call is made."""

    def __call__(self, request: SourceRequest, /) -> Later: ...


class AttemptHook(Protocol):
    """A function for `@on_upstream` that stands around each attempt of a call."""

    def __call__(self, request: SourceRequest, send: Send, /) -> Awaitable[UpstreamResponse]: ...


RequestT = TypeVar("RequestT", bound=RequestHook)
PrincipalT = TypeVar("PrincipalT", bound=PrincipalHook)
OperationT = TypeVar("OperationT", bound=OperationHook)
ResponseT = TypeVar("ResponseT", bound=ResponseHook)
UpstreamT = TypeVar("UpstreamT", bound=CallHook | AttemptHook)


def on_request(*, vary: Names = None, order: int = 0) -> Callable[[RequestT], RequestT]:
    """Run `(request)`, sync or async, before a request's document is looked at.

    It refuses by a ClientError, answers by a `Response`, or lets the request go on by None. Every request to the
    endpoint is one, whatever it holds: a batch, too. A WebSocket is one when it introduces itself.

    Args:
        vary: What it reads of the client: names of request headers, `$principal.id`, `$request.claims.tenant`. It
            sees nothing else. Undeclared means that it sees all.
        order: Lower ones run first.
    """
    return marking("on_request", "", vary=declared(vary), order=order)


def principal(*, vary: Names = None, order: int = 0) -> Callable[[PrincipalT], PrincipalT]:
    """Run `(request)`, sync or async, for each request: who the client is, or None for who it is known to be.

    Args:
        vary: What it reads of the client, as of `on_request`.
        order: Lower ones run first; the last one that gives a principal counts.
    """
    return marking("principal", "", vary=declared(vary), order=order)


def on_operation(
    *, vary: Names = None, order: int = 0, variables: bool = False
) -> Callable[[OperationT], OperationT]:
    """Run `(operation, request)`, sync or async, for each client's operation before it is executed.

    It refuses by a ClientError. It runs for each client, also where equal operations are executed once.

    Args:
        vary: What it reads of the client, as of `on_request`.
        order: Lower ones run first.
        variables: Show it the operation's variables, as sent.
    """
    return marking("on_operation", "", vary=declared(vary), order=order, takes_variables=variables)


def on_upstream(
    *sources: str, vary: Names = None, order: int = 0
) -> Callable[[UpstreamT], UpstreamT]:
    """Run `(request)` before each call of a source, or `(request, send)` around each attempt of one.

    The first kind may read of the client what it declares. It runs before equal calls are shared and before the
    cache is asked: the headers that it sets tell calls apart. The second kind runs with what is sent, retries and
    hedges included, and knows no client: it signs, measures and counts.

    Args:
        sources: Names of sources; none for all.
        vary: What the first kind reads of the client, as of `on_request`. Undeclared, nothing of the source is shared.
        order: Lower ones run first.
    """
    if any(not isinstance(source, str) for source in sources):
        raise TypeError("@on_upstream takes names of sources: @on_upstream('shop')")
    return marking("on_upstream", "", vary=declared(vary), order=order, sources=sources)


def on_response(*, vary: Names = None, order: int = 0) -> Callable[[ResponseT], ResponseT]:
    """Run `(response, request)`, sync or async, for each response to an operation: it adds headers and extensions.

    Each event of a subscription and each payload of `@defer` is one.

    Args:
        vary: What it reads of the client, as of `on_request`.
        order: Lower ones run first.
    """
    return marking("on_response", "", vary=declared(vary), order=order)


def takes_send(function: Any) -> bool:
    """Whether a hook of sources stands around attempts."""
    others = list(inspect.signature(function).parameters.values())[1:]
    return any(
        p.name == "send" or (p.default is p.empty and p.kind is not p.KEYWORD_ONLY) for p in others
    )

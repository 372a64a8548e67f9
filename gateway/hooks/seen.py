"""What a hook sees: of a request, and of an operation. No more of the client than it declares in `vary=`."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from gateway.auth.principal import Principal
from gateway.client.request import ClientRequest
from gateway.client.vary import Vary

SCOPE: ContextVar[Mapping[str, Any]] = ContextVar("SCOPE")
"""The ASGI scope of what is served now, where an ASGI server has given one and somebody may ask for it."""


@dataclass(frozen=True, slots=True, weakref_slot=True)
class AskedRequest:
    """A request as its transport knows it.

    Attributes:
        client: Who sends it.
        path: Below the path that the application is mounted at; "" where no path was asked for.
        scope: Of ASGI; empty under `gateway serve`.
    """

    client: ClientRequest
    path: str = ""
    scope: Mapping[str, Any] | None = None

    def log_members(self) -> dict[str, Any]:
        """What a line of the log says of it."""
        return {"request_id": self.client.request_id, "trace_id": None}


class SeenRequest:
    """A request as a hook sees it.

    Args:
        asked: The request.
        vary: What the hook declares; None for a hook that declares nothing and sees all.
        state: What `@on_startup` functions have made, and the settings of plugins.

    Attributes:
        method: Of the HTTP request; GET for a WebSocket.
        path: Below the path that the application is mounted at.
        request_id: As in the log.
        headers: By lower-case name, read-only. With a declaration, those that it names.
        principal: Who the client is. With a declaration, the members that it names.
        state: What `@on_startup` functions have made, and the settings of plugins.
    """

    __slots__ = (
        "_asked",
        "_is_whole",
        "headers",
        "method",
        "path",
        "principal",
        "request_id",
        "state",
    )

    def __init__(self, asked: AskedRequest, vary: Vary | None, state: Mapping[str, Any]) -> None:
        client = asked.client
        seen = client if vary is None else client.seeing(vary.view(client))
        self._asked = asked
        self._is_whole = vary is None
        self.headers: Mapping[str, str] = MappingProxyType(seen.headers)
        self.principal: Principal = seen.principal
        self.method = client.method
        self.path = asked.path
        self.request_id = client.request_id
        self.state = state

    @property
    def address(self) -> str:
        """The client's, as trusted proxies say it. Errors: LookupError for a hook that declares `vary=`."""
        self._check_whole("address")
        return self._asked.client.address

    @property
    def connection_params(self) -> Mapping[str, Any]:
        """What a WebSocket was opened with. Errors: as of `address`."""
        self._check_whole("connection_params")
        return self._asked.client.connection_params or {}

    @property
    def scope(self) -> Mapping[str, Any]:
        """The ASGI scope, with what the host application has put into it; empty under `gateway serve`.

        Errors: as of `address`.
        """
        self._check_whole("scope")
        return self._asked.scope or {}

    def _check_whole(self, name: str) -> None:
        if not self._is_whole:
            raise LookupError(f"{name}: only a hook without vary= sees it")


@dataclass(frozen=True, slots=True)
class SeenOperation:
    """An operation as a hook sees it.

    Attributes:
        name: None for an anonymous one, and where the document was refused.
        type: "query", "mutation" or "subscription"; None where the document was refused.
        document_hash: Of its text without literals.
        variables: As sent, read-only, for a hook that asks for them; None else.
    """

    name: str | None
    type: str | None
    document_hash: str | None
    variables: Mapping[str, Any] | None = None

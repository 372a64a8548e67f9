"""Who is at the other end of a socket: by its handshake, by what it introduces itself with, and by what hooks say.

It sends nothing: the socket does.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any
from weakref import ref

from gateway.auth.authenticator import Authenticator
from gateway.auth.principal import ANONYMOUS, Principal
from gateway.client.request import ClientRequest
from gateway.errors import ClientError
from gateway.hooks.hook import RequestHooks
from gateway.hooks.seen import SCOPE, AskedRequest
from gateway.telemetry.records import UNDER_WAY
from gateway.transport.http.forwarded import Peer
from gateway.transport.http.head import RawHead, client_names


class SocketClient:
    """The client of one socket.

    Args:
        raw: The head of its handshake.
        peer: Who is connected.

    Attributes:
        principal: Who it is, once it has introduced itself.
    """

    def __init__(self, raw: RawHead, peer: Peer) -> None:
        self._headers: Mapping[str, str] = raw.headers
        self._repeated: Mapping[str, list[str]] = raw.repeated or {}
        self._path = raw.path
        self._peer = peer
        self._params: dict[str, Any] = {}
        self.principal: Principal = ANONYMOUS

    async def introduce(
        self,
        params: dict[str, Any],
        authenticator: Authenticator | None,
        hooks: RequestHooks | None,
    ) -> None:
        """Find out who it is, and whether it is let in.

        Args:
            params: What it introduces itself with.
            authenticator: None where nobody can be somebody.
            hooks: Of requests; None without.

        Errors: ClientError.
        """
        if authenticator is None:
            self._params = params
        else:
            await self._authenticate(params, authenticator)
        if hooks is not None:
            await self._ask(hooks)

    async def _authenticate(self, params: dict[str, Any], authenticator: Authenticator) -> None:
        known = authenticator.of_connection(self._headers, params, self._peer.address)
        found = known.found
        self.principal = found if isinstance(found, Principal) else await found()
        self._headers = known.headers
        self._repeated = {n: v for n, v in self._repeated.items() if n not in known.given}
        self._params = known.params

    async def _ask(self, hooks: RequestHooks) -> None:
        client = self.request()
        asked = AskedRequest(client, self._path, SCOPE.get({}))
        UNDER_WAY.set(ref(asked))
        response = await hooks.admit(asked)
        self.principal = client.principal
        if response is not None:
            raise ClientError(f"The request was answered by status {response.status}.")

    def request(self, size: int = 0) -> ClientRequest:
        """What an operation of this socket is sent by.

        Units: `size` in bytes, of its message.
        """
        headers, said = self._headers, _texts(self._params)
        return ClientRequest(
            headers,
            self._repeated,
            secrets.token_hex(8),
            *client_names({**said, **headers}),
            self._params,
            self._peer.key,
            self._peer.address,
            self.principal,
            "GET",
            size,
        )


def _texts(params: dict[str, Any]) -> dict[str, str]:
    """The parameters that may stand for a header, which a browser cannot set on a WebSocket."""
    return {name.lower(): value for name, value in params.items() if isinstance(value, str)}

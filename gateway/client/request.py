"""What a client says of itself, whichever transport it uses: what contexts are made from.

It must not know a request's state, or what of the client an execution may see: `context` and `vary` say that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from gateway.auth.principal import ANONYMOUS, Principal
from gateway.client.flags import DecidedFlag, DecidedFlags
from gateway.client.vary import View


def joined_values(name: str, values: Sequence[str]) -> str:
    """The values of a header that stands several times as one. Source: RFC 9110 §5.2; RFC 9113 §8.2.3 for cookies."""
    return ("; " if name == "cookie" else ", ").join(values)


class SeenHeaders(dict[str, str]):
    """The headers that a function sees that declares in `vary=` what it reads."""

    def __missing__(self, name: str) -> str:
        raise KeyError(f"{name}: not sent, or not among what the function declares in vary=")


class SeenFlags(Mapping[str, Any]):
    """The values of the flags that a function sees. Reading one is being exposed to it.

    Args:
        decided: Those.
        expose: Told which are read.
    """

    def __init__(self, decided: DecidedFlags, expose: Callable[[frozenset[str]], None]) -> None:
        self._decided = decided
        self._expose = expose

    def __getitem__(self, name: str) -> Any:
        if name not in self._decided:
            raise KeyError(f'{name}: no flag that the function declares: vary=("$flags.{name}",)')
        self._expose(frozenset((name,)))
        return self._decided[name].value

    def __iter__(self) -> Iterator[str]:
        return iter(self._decided)

    def __len__(self) -> int:
        return len(self._decided)


class ClientRequest(msgspec.Struct, eq=False):
    """One client's request, without its operation.

    Args:
        headers: By lower-case name; repeated ones joined.
        repeated: The values of those headers that stand more than once; None for none.
        request_id: Made by the gateway, or taken from a trusted header.
        client_name, client_version: As the client says; None when it does not.
        connection_params: What it sent when it opened its WebSocket.
        client_key: What limits for each client count by: its address, or the /64 network of an IPv6 address.
        address: The client's, as trusted proxies say it; "" where it is not known.
        principal: Who the client is, as its token or key has proved.
        method: Of the request; that of its handshake for what comes by a WebSocket.
        body_bytes: Of the request's body as it came; of the message for what comes by a WebSocket.

    Attributes:
        overrides: Whether each label of `@override` is on that was decided for it; None before any was.
        flags: The flags that were decided for it; None before any was.
        asking: The labels for which functions are asked just now; None before any was.
    """

    headers: Mapping[str, str]
    repeated: Mapping[str, Sequence[str]] | None = None
    request_id: str = ""
    client_name: str | None = None
    client_version: str | None = None
    connection_params: Mapping[str, Any] | None = None
    client_key: str = ""
    address: str = ""
    principal: Principal = ANONYMOUS
    method: str = "POST"
    body_bytes: int = 0
    overrides: dict[str, bool] | None = None
    flags: dict[str, DecidedFlag] | None = None
    asking: dict[str, asyncio.Task[bool]] | None = None
    _values: dict[str, Sequence[str]] | None = None

    def seeing(self, view: View) -> ClientRequest:
        """The same request with no more of its client than the view holds."""
        headers = view.headers
        seen = ClientRequest(
            SeenHeaders({name: joined_values(name, values) for name, values in headers.items()}),
            {name: values for name, values in headers.items() if len(values) != 1},
            self.request_id,
            connection_params=self.connection_params,
            client_key=self.client_key,
            principal=view.principal,
        )
        seen.overrides = self.overrides
        seen.flags = view.flags
        return seen

    @property
    def values(self) -> Mapping[str, Sequence[str]]:
        """The headers, each as the list of its values. Nobody changes them."""
        if self._values is None:
            self._values = {name: [value] for name, value in self.headers.items()}
            self._values.update(self.repeated or {})
        return self._values
